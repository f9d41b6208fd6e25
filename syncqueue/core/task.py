"""A task, its states, and its encoding in Redis.

The body of a task is one string: a digit for the version, a digit for the priority (0 high, 1 normal, 2 low),
and a JSON object. The two digits come first so that the queue's scripts can read them without parsing JSON.
Next to the body a task has a *progress* (attempt and crash counts, the last attempts), which is written after the
first attempt that leaves something to record. Only this module converts epoch milliseconds and aware datetimes.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from syncqueue.core.errors import InvalidTask
from syncqueue.core.foreign import UNREADABLE

BODY_VERSION = "1"
HISTORY_LENGTH = 10  # attempts kept with a task
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_-]{0,49}\Z")  # services; part of Redis keys and of URLs
KEY_PATTERN = re.compile(r"[A-Za-z0-9:._~@+-]{1,150}\Z")  # task keys; part of ids and of URLs
KEYED_ID_PREFIX = "key:"
LATEST_MS = 10**13 - 1  # the scripts write times with 13 digits, so that strings sort like numbers
PAYLOAD_DEPTH = 100  # nesting depth at which the search for an invalid part of a payload stops

CREATE, UPDATE, DELETE = "create", "update", "delete"

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")


class TaskState(StrEnum):
    """The state of a live task."""

    PENDING = "pending"
    DELAYED = "delayed"  # also when parked by a hold
    PROCESSING = "processing"
    FAILED = "failed"  # dead letter


_NO_TIME_ZONE = "{!r} has no time zone; use django.utils.timezone.now() or an aware datetime."


def to_ms(moment: datetime) -> int:
    """Return the epoch milliseconds of an aware datetime; raises `InvalidTask` for a naive one."""
    if moment.tzinfo is None:
        raise InvalidTask(_NO_TIME_ZONE.format(moment))
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: float) -> datetime:
    """Return epoch milliseconds as an aware datetime (UTC)."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


class _IdSource:
    """Ids that sort by creation time, also within one millisecond of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._tail = 0

    def next(self) -> str:
        """Return 12 hexadecimal digits of epoch milliseconds and 12 of a tail: random, then incremented."""
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._last_ms:
                self._last_ms, self._tail = now, secrets.randbits(47)
            else:
                self._tail += 1
            return f"{self._last_ms:012x}{self._tail:012x}"


_ids = _IdSource()


def _now() -> datetime:
    return datetime.now(UTC)


TEXT_CHARACTERS = 200  # maximum length of action and entity


@dataclass(frozen=True, slots=True)
class SyncTask:
    """A unit of work for one service.

    Raises `InvalidTask`, which names the field, for values that cannot be queued.
    """

    service: str  # the service whose queue it is for
    action: str  # CREATE, UPDATE, DELETE or a handler's own word
    entity: str  # the subject of the task ("notes.note:42"), for people
    payload: Mapping[str, Any] = field(default_factory=dict)  # JSON; no content and no secret
    key: str | None = None  # tasks with the same key do not coexist: a newer task replaces the older one
    priority: Priority = "normal"
    run_at: datetime | None = None  # aware; None: immediately
    id: str = ""  # set here: from the key if there is one, otherwise unique and sortable by time
    created_at: datetime = field(default_factory=_now)  # aware

    def __post_init__(self) -> None:
        """Validate the fields and complete the id."""
        check_name("service", self.service)
        for name in ("action", "entity"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value or len(value) > TEXT_CHARACTERS:
                raise InvalidTask(f"{name}: expected a text of 1 to {TEXT_CHARACTERS} characters, got {value!r}.")
        if self.priority not in PRIORITIES:
            raise InvalidTask(f"priority: expected one of {', '.join(PRIORITIES)}, got {self.priority!r}.")
        if not isinstance(self.payload, Mapping):
            raise InvalidTask(f"payload: expected a dict, got {type(self.payload).__name__}.")
        _check_moment("created_at", self.created_at)
        if self.run_at is not None:
            _check_moment("run_at", self.run_at)
        object.__setattr__(self, "id", self._complete_id())

    def _complete_id(self) -> str:
        if self.key is None:
            return self._checked_id() if self.id else _ids.next()
        if not isinstance(self.key, str) or not KEY_PATTERN.match(self.key):
            raise InvalidTask(f"key: expected 1 to 150 letters, digits or one of : . _ ~ @ + - , got {self.key!r}.")
        return keyed_id(self.key)

    def _checked_id(self) -> str:
        if not KEY_PATTERN.match(self.id) or self.id.startswith(KEYED_ID_PREFIX):
            raise InvalidTask(
                f"id: expected 1 to 150 letters, digits or one of : . _ ~ @ + - , not beginning with "
                f"{KEYED_ID_PREFIX!r}, got {self.id!r}; leave it empty to have one generated."
            )
        return self.id


def _check_moment(name: str, moment: object) -> None:
    if not isinstance(moment, datetime):
        raise InvalidTask(f"{name}: expected an aware datetime, got {moment!r}.")
    if moment.tzinfo is None:
        raise InvalidTask(f"{name}: {_NO_TIME_ZONE.format(moment)}")
    if not 0 <= to_ms(moment) <= LATEST_MS:
        raise InvalidTask(f"{name}: expected a time from 1970 to 2286, got {moment}.")


def keyed_id(key: str) -> str:
    """Return the id of the task with this key: the same key always gives the same id, so it exists only once."""
    return KEYED_ID_PREFIX + key


def check_name(what: str, value: object) -> None:
    """Raise `InvalidTask` unless `value` is a valid service name."""
    if not isinstance(value, str) or not NAME_PATTERN.match(value):
        raise InvalidTask(f"{what}: expected a lower-case name (letters, digits, - and _, at most 50), got {value!r}.")


# Created once: `json.dumps` with separators creates a new encoder on each call.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode_body(task: SyncTask) -> str:
    """Return the body of a task as stored; raises `InvalidTask`, naming the field of the payload that is not JSON."""
    content: dict[str, Any] = {"action": task.action, "entity": task.entity}
    if task.payload:
        content["payload"] = task.payload if type(task.payload) is dict else dict(task.payload)
    content["created_at"] = to_ms(task.created_at)
    try:
        text = _ENCODER.encode(content)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidTask(_explain_payload(task.payload) or f"payload: {error}") from error
    return f"{BODY_VERSION}{PRIORITIES.index(task.priority)}{text}"


def _explain_payload(value: object, path: str = "payload", depth: int = 0) -> str:
    """Name the first part of `value` that cannot be encoded as JSON; empty if there is none."""
    if depth > PAYLOAD_DEPTH:
        return f"{path[:100]}...: nested too deeply, or contains itself."
    if isinstance(value, Mapping):
        for name, part in value.items():
            if not isinstance(name, str):
                return f"{path}: the key {name!r} is not a string."
            if found := _explain_payload(part, f"{path}.{name}", depth + 1):
                return found
        return ""
    if isinstance(value, list | tuple):
        parts = (_explain_payload(part, f"{path}[{i}]", depth + 1) for i, part in enumerate(value))
        return next(filter(None, parts), "")
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        return f"{path}: {type(value).__name__} is not JSON; use strings, numbers, booleans, lists and dicts."
    return ""


def decode_body(service: str, task_id: str, body: str) -> SyncTask:
    """Decode a stored body; raises `InvalidTask` if this version of the code cannot read it."""
    if body[:1] != BODY_VERSION:
        raise InvalidTask(f"unknown version {body[:1]!r}; this code reads version {BODY_VERSION}.")
    try:
        content = json.loads(body[2:])
        return SyncTask(
            service=service,
            action=content["action"],
            entity=content["entity"],
            payload=content.get("payload", {}),
            key=task_id.removeprefix(KEYED_ID_PREFIX) if task_id.startswith(KEYED_ID_PREFIX) else None,
            priority=PRIORITIES[int(body[1])],
            id=task_id,
            created_at=from_ms(content["created_at"]),
        )
    except UNREADABLE as error:
        raise InvalidTask(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptNote:
    """One finished attempt, as kept with the task."""

    at: datetime  # start, aware
    seconds: float  # duration
    outcome: str  # a value of Outcome, or "lost" when the worker died
    error: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The attempts of a task so far."""

    attempt_count: int = 0  # attempts that count against the policy
    crash_count: int = 0  # leases that expired after the work had begun
    # `EndpointFailure.answer_count` at this task's last endpoint failure; None: it has had none.
    answer_count: int | None = None
    history: tuple[AttemptNote, ...] = ()  # the last HISTORY_LENGTH attempts, oldest first

    def after(self, note: AttemptNote, *, counts: bool, answer_count: int | None = None) -> Progress:
        """Return this progress with one more attempt; `counts`: whether it counts against the policy."""
        return Progress(
            attempt_count=self.attempt_count + int(counts),
            crash_count=self.crash_count,
            answer_count=self.answer_count if answer_count is None else answer_count,
            history=(*self.history, note)[-HISTORY_LENGTH:],
        )


NO_PROGRESS = Progress()


def encode_progress(progress: Progress) -> str:
    """Return the progress of a task as stored."""
    return json.dumps(
        {
            "attempts": progress.attempt_count,
            "crashes": progress.crash_count,
            **({} if progress.answer_count is None else {"answers": progress.answer_count}),
            "history": [
                {
                    "at": to_ms(note.at),
                    "seconds": round(note.seconds, 3),
                    "outcome": note.outcome,
                    "error": note.error,
                    "traceback": note.traceback,
                }
                for note in progress.history
            ],
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def decode_progress(text: str | None) -> Progress:
    """Decode a stored progress; an unreadable one counts as empty, so that the task can still run."""
    if not text:
        return NO_PROGRESS
    try:
        content = json.loads(text)
        # The recover script writes an empty history as {}: Lua has one table type for lists and dicts.
        history = content.get("history") or []
        return Progress(
            attempt_count=int(content.get("attempts", 0)),
            crash_count=int(content.get("crashes", 0)),
            answer_count=int(content["answers"]) if "answers" in content else None,
            history=tuple(_decode_note(note) for note in history),
        )
    except UNREADABLE:
        return NO_PROGRESS


def _decode_note(note: Mapping[str, Any]) -> AttemptNote:
    return AttemptNote(
        at=from_ms(note["at"]),
        seconds=float(note["seconds"]),
        outcome=str(note["outcome"]),
        error=str(note.get("error", "")),
        traceback=str(note.get("traceback", "")),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedTask:
    """A claimed task, with its lease."""

    task: SyncTask
    token: str  # new for each claim; required by ack, retry, fail, release and extend
    progress: Progress
    lane: str | None = None  # the hold from whose lane it was claimed, if any

    @property
    def attempt(self) -> int:
        """The number of the next attempt, from 1."""
        return self.progress.attempt_count + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task in any state, readable or not, as the admin, the API and the commands show it."""

    id: str
    service: str
    state: TaskState
    task: SyncTask | None  # None if the body cannot be read
    raw: str  # the stored body
    progress: Progress
    due_at: datetime | None  # pending: since; delayed: due; processing: lease end; failed: since
    held_by: str | None = None  # the hold that parks it
    unreadable: str = ""  # why the body cannot be read


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStats:
    """The figures of one service's queue."""

    service: str
    pending_count: int
    delayed_count: int  # parked tasks included
    processing_count: int
    failed_count: int
    total_processed: int
    total_failed: int
    last_processed_at: datetime | None
    last_failed_at: datetime | None
    oldest_pending_seconds: float | None
    paused: bool
    breaker: str  # "closed", "open" or "half-open"

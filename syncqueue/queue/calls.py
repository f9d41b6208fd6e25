"""Arguments and reply of each script. No I/O: the sync and the async queue share this module.

A `Call` is a script with its keys and arguments and the function that reads its reply. Callers pass aware datetimes or
seconds; the scripts use epoch milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any, Generic, TypeVar

from syncqueue.core.errors import InvalidTask
from syncqueue.core.foreign import Readable, read_one
from syncqueue.core.task import (
    ClaimedTask,
    Progress,
    QueueStats,
    SyncTask,
    TaskState,
    TaskView,
    decode_body,
    decode_progress,
    encode_body,
    encode_progress,
    from_ms,
    to_ms,
)
from syncqueue.queue import inspect
from syncqueue.queue.durations import WAITING_BOUNDS_MS, Durations, bucket_and_ms, read_durations, read_waiting
from syncqueue.queue.keys import WEEK_MINUTES, QueueKeys

T = TypeVar("T")

# Operations on many tasks work in chunks, so that no command blocks Redis for long.
CHUNK = 500
# For dead letters, because requeue.lua reads and writes their attempts with tracebacks.
HEAVY_CHUNK = 100
TRASH_MS = 7 * 86_400_000  # how long cleared tasks can be restored
MAX_CRASHES = 3  # crashes after which a task fails
CRASH_TEXT = "The worker died or was stopped during the attempt."


class Enqueued(StrEnum):
    """Where an enqueued task went."""

    NEW = "new"
    REPLACED = "replaced"  # replaced the waiting task with its key
    SUCCESSOR = "successor"  # waits until the task with its key, which is in processing, has ended
    KNOWN = "known"  # this task was enqueued before
    LEASED = "leased"  # in processing, under the lease of the caller
    PENDING = "pending"  # the service is paused
    PARKED = "parked"  # a hold applies


class Presence(StrEnum):
    """Whether the queue has a task."""

    ABSENT = "absent"
    LIVE = "live"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Script:
    """The text of a script, prelude included, and its SHA-1 digest."""

    name: str
    text: str
    sha: str


@cache
def script(name: str) -> Script:
    """Read a script from scripts/."""
    folder = files("syncqueue.queue") / "scripts"
    text = "\n".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in ("_prelude", name))
    return Script(name, text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One script call, ready to be sent."""

    script: Script
    keys: Sequence[str]
    args: Sequence[str | int | float]
    read: Callable[[Any], T]


@dataclass(frozen=True, slots=True)
class Leased:
    """The reply of `enqueue_leased`."""

    holds_active: bool  # a hold or an endpoint failure is set: call `admit` before running
    placed: tuple[Enqueued, ...]  # where each task went


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A claimed task whose body this version cannot read; the caller must fail it."""

    id: str
    token: str
    raw: str
    reason: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Claim:
    """The reply of `claim`."""

    tasks: tuple[ClaimedTask, ...]
    unreadable: tuple[Unreadable, ...]
    next_at: datetime | None  # when a task may be claimable next, by the Redis clock; None: unknown
    wait_seconds: float | None  # seconds until then
    holds_active: bool  # a hold or an endpoint failure is set: call `admit` before running


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a claimed task may run now."""

    admitted: bool
    held_by: str = ""  # the hold that parked it; also empty if the lease was lost


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRequest:
    """A claimed task and the holds that may apply to it, for `admit`."""

    claimed: ClaimedTask
    holds: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The figures of a service's queue for the metrics."""

    stats: QueueStats
    total_retried: int
    durations: Durations  # of attempts
    waiting: Durations  # of finished tasks, from creation to last attempt
    unreadable_count: int  # counters that cannot be read


@dataclass(frozen=True, slots=True)
class Restored:
    """The reply of `restore`."""

    count: int
    left_count: int  # still in the trash


@dataclass(frozen=True, slots=True)
class EndpointFailure:
    """The reply of `record_failure`."""

    opened: bool  # whether the breaker is open now
    answer_count: int  # how often the endpoint has responded after failures so far


@dataclass(frozen=True, slots=True)
class Recovered:
    """The reply of `recover_expired`."""

    count: int
    failed_ids: tuple[str, ...]


def _flags(answer: Sequence[Any]) -> list[bool]:
    return [bool(int(item)) for item in answer]


def _flag(answer: Any) -> bool:
    return bool(int(answer))


def _lines(rows: Iterable[Iterable[object]]) -> str:
    """Join rows into one argument (ids and tokens contain no blanks): redis-py packs thousands of arguments slowly."""
    return "\n".join([" ".join(map(str, row)) for row in rows])


class Calls:
    """Creates the calls of one service's queue."""

    def __init__(self, keys: QueueKeys, site_id: str, now_ms: Callable[[], int | None]) -> None:
        """`now_ms` returns the time to use; None: Redis TIME."""
        self.keys = keys
        self.site_id = site_id
        self._now_ms = now_ms

    def _call(
        self, name: str, args: Iterable[str | int | float], read: Callable[[Any], T], more_keys: tuple[str, ...] = ()
    ) -> Call[T]:
        now = self._now_ms()
        return Call(script(name), self.keys.all + more_keys, ["" if now is None else now, *args], read)

    def enqueue(self, tasks: Sequence[SyncTask]) -> Call[list[Enqueued]]:
        """Put at most CHUNK tasks into pending or delayed."""
        args: list[str | int | float] = [self.site_id]
        for task in tasks:
            if task.service != self.keys.service:
                raise InvalidTask(f"service: this is the queue of {self.keys.service!r}, not of {task.service!r}.")
            due = 0 if task.run_at is None else to_ms(task.run_at)
            args += (task.id, "0" if task.key is None else "1", due, encode_body(task))
        return self._call("enqueue", args, lambda answer: [Enqueued(item) for item in answer])

    def enqueue_leased(
        self,
        tasks: Sequence[SyncTask],
        holds: Sequence[Sequence[str]],
        *,
        token: str,
        lease_seconds: float,
        probe_seconds: float,
    ) -> Call[Leased]:
        """Put keyed tasks directly into processing, unless a hold or a pause applies."""
        args: list[str | int | float] = [self.site_id, token, int(lease_seconds * 1000), int(probe_seconds * 1000)]
        for task, names in zip(tasks, holds, strict=True):
            args += (task.id, encode_body(task), to_ms(task.created_at), len(names), *names)

        def read(answer: Any) -> Leased:
            return Leased(_flag(answer[0]), tuple(Enqueued(word) for word in answer[1:]))

        return self._call("enqueue_leased", args, read)

    def claim(self, limit: int, *, token: str, lease_seconds: float, probe_seconds: float) -> Call[Claim]:
        """Lease up to `limit` tasks (at most 1000). `token` must be new: a repeated claim claims more tasks."""
        args: list[str | int | float] = [self.site_id, token]
        args += [int(lease_seconds * 1000), min(limit, 1000), int(probe_seconds * 1000)]
        return self._call("claim", args, lambda answer: self._read_claim(answer, token))

    def _read_claim(self, answer: Any, token: str) -> Claim:
        next_ms, holds_active, ids, bodies, progresses, lanes, now_ms = answer
        tasks: list[ClaimedTask] = []
        unreadable: list[Unreadable] = []
        for id_, body, done, lane in zip(ids, bodies, progresses, lanes, strict=True):
            progress = decode_progress(done)
            try:
                task = decode_body(self.keys.service, id_, body)
            except InvalidTask as error:
                unreadable.append(Unreadable(id_, token, body, str(error), progress))
                continue
            tasks.append(ClaimedTask(task=task, token=token, progress=progress, lane=lane or None))
        next_at = from_ms(int(next_ms)) if int(next_ms) else None
        wait_seconds = max(int(next_ms) - int(now_ms), 0) / 1000 if int(next_ms) else None
        return Claim(tuple(tasks), tuple(unreadable), next_at, wait_seconds, _flag(holds_active))

    def extend(self, leases: Sequence[tuple[str, str]], lease_seconds: float) -> Call[list[bool]]:
        """Renew the leases of (id, token) pairs and mark the work as begun."""
        return self._call("extend", [int(lease_seconds * 1000), _lines(leases)], _flags)

    def admit(self, requests: Sequence[AdmissionRequest], *, probe_seconds: float) -> Call[list[Admission]]:
        """Check whether holds apply to claimed tasks; tasks that a hold applies to are parked."""
        args: list[str | int | float] = [int(probe_seconds * 1000)]
        for request in requests:
            claimed = request.claimed
            args += (claimed.task.id, claimed.token, to_ms(claimed.task.created_at), claimed.lane or "")
            args += (len(request.holds), *request.holds)
        return self._call("admit", args, lambda answer: [Admission(word == "admitted", hold) for word, hold in answer])

    def park(self, hold: str, tasks: Sequence[SyncTask]) -> Call[int]:
        """Park the pending ones of these tasks."""
        args: list[str | int | float] = [hold]
        for task in tasks:
            args += (task.id, to_ms(task.created_at))
        return self._call("park", args, int)

    def ack(
        self, claimed: Sequence[ClaimedTask], seconds: Sequence[float] = (), endpoints: Sequence[str] = ()
    ) -> Call[list[bool]]:
        """Finish tasks as done.

        `seconds`: duration of each attempt, if known. `endpoints`: for each the endpoint that responded, or "".
        """
        known: Sequence[float | None] = seconds or [None] * len(claimed)
        answered = endpoints or [""] * len(claimed)
        now = self._now_ms() or int(time.time() * 1000)
        lines = []
        for one, took, endpoint in zip(claimed, known, answered, strict=True):
            created = to_ms(one.task.created_at)
            # Clocks differ, so the time from the creation to this attempt may come out negative.
            waited = (now - created) / 1000 - took if took is not None else None
            durations = (*bucket_and_ms(took), *bucket_and_ms(waited, WAITING_BOUNDS_MS))
            lines.append((one.task.id, one.token, *durations, created, endpoint))
        return self._call("ack", [_lines(lines)], _flags)

    def retry(
        self,
        claimed: ClaimedTask,
        due: datetime | timedelta,
        progress: Progress,
        hold: str = "",
        seconds: float | None = None,
        endpoint: str = "",
    ) -> Call[bool]:
        """Delay a task until `due` (a timedelta: from now by the Redis clock), or park it behind `hold`.

        `seconds`: duration of the attempt, if there was one. `endpoint`: the endpoint that responded, or "".
        """
        created = to_ms(claimed.task.created_at)
        when = f"+{max(int(due.total_seconds() * 1000), 0)}" if isinstance(due, timedelta) else to_ms(due)
        args: list[str | int | float] = [claimed.task.id, claimed.token, when]
        args += (encode_progress(progress), hold, created, *bucket_and_ms(seconds), endpoint)
        return self._call("retry", args, _flag)

    def fail(
        self, claimed: ClaimedTask, progress: Progress, seconds: float | None = None, endpoint: str = ""
    ) -> Call[bool]:
        """Move a task to the dead letters. `seconds` and `endpoint`: as in `retry`."""
        created = to_ms(claimed.task.created_at)
        return self._fail(claimed.task.id, claimed.token, progress, seconds, created, endpoint)

    def fail_unreadable(self, broken: Unreadable, progress: Progress) -> Call[bool]:
        """Move a task whose body cannot be read to the dead letters."""
        return self._fail(broken.id, broken.token, progress, None, 0, "")

    def _fail(
        self, task_id: str, token: str, progress: Progress, seconds: float | None, created: int, endpoint: str
    ) -> Call[bool]:
        args: list[str | int | float] = [task_id, token, encode_progress(progress), *bucket_and_ms(seconds)]
        return self._call("fail", [*args, created, endpoint], _flag)

    def release(self, claimed: Sequence[ClaimedTask]) -> Call[list[bool]]:
        """Return tasks to pending without an attempt."""
        args: list[str | int | float] = []
        for one in claimed:
            args += (one.task.id, one.token, to_ms(one.task.created_at))
        return self._call("release", args, _flags)

    def promote(self, limit: int, ids: Sequence[str] = ()) -> Call[int]:
        """Move due tasks, or those with these ids, from delayed to pending."""
        return self._call("promote", [limit, *ids], int)

    def recover(self, limit: int, *, lease_seconds: float) -> Call[Recovered]:
        """Recover tasks whose lease has expired, and tasks that a lost Redis key left stuck."""
        args: list[str | int | float] = [limit, MAX_CRASHES, CRASH_TEXT, int(lease_seconds * 1000)]
        return self._call("recover", args, lambda a: Recovered(int(a[0]), tuple(a[1])))

    def requeue(self, ids: Sequence[str]) -> Call[int]:
        """Move dead letters to pending."""
        return self._call("requeue", ids, int)

    def remove(self, state: TaskState, ids: Sequence[str], clearing: int | None = None) -> Call[list[bool]]:
        """Remove tasks from a state other than processing; `clearing`: keep their bodies in the trash of that one."""
        trash = () if clearing is None else (self.keys.trash_of(clearing),)
        return self._call("remove", [state.value, TRASH_MS if trash else 0, *ids], _flags, trash)

    def restore(self, clearing: int, limit: int, state: TaskState = TaskState.PENDING) -> Call[Restored]:
        """Move up to `limit` tasks from the trash of a clearing to pending or failed."""
        trash = (self.keys.trash_of(clearing),)
        arguments: list[str | int | float] = [self.site_id, limit, state.value]
        return self._call("restore", arguments, lambda a: Restored(int(a[0]), int(a[1])), trash)

    def hold(self, name: str, seconds: float | None, reason: str, *, forced: bool = False) -> Call[int]:
        """Set a hold for `seconds`; None: until it is lifted."""
        span = "" if seconds is None else int(seconds * 1000)
        return self._call("hold", [name, span, reason, "1" if forced else "0"], int)

    def lift(self, names: Sequence[str]) -> Call[int]:
        """Lift holds."""
        return self._call("lift", names, int)

    def record_failure(
        self, endpoint: str, *, failures: int, open_seconds: float, token: str, reason: str
    ) -> Call[EndpointFailure]:
        """Count a failure of an endpoint."""
        args: list[str | int | float] = [endpoint, failures, int(open_seconds * 1000), token, reason]
        return self._call("record_failure", args, lambda a: EndpointFailure(_flag(a[0]), int(a[1])))

    def presence(self, ids: Sequence[str]) -> Call[list[Presence]]:
        """Return for each task whether the queue has it."""
        return self._call("presence", ids, lambda answer: [Presence(item) for item in answer])

    def ids(self, state: TaskState, limit: int) -> Call[list[str]]:
        """Return the ids of the first tasks of a state."""
        return self._call("ids", [state.value, limit], list)

    def page(self, state: TaskState, start: int, limit: int) -> Call[list[TaskView]]:
        """Read tasks of a state from rank `start`."""
        service = self.keys.service
        return self._call(
            "scan", [state.value, limit, start, "", ""], lambda a: inspect.read_page(service, state, a[2])
        )

    def scan(self, state: TaskState, limit: int, *, rank: int, after: str, score: str) -> Call[Sequence[Any]]:
        """Read tasks of a state after the task `after`, which had the rank `rank` - 1; pages.py reads the reply."""
        return self._call("scan", [state.value, limit, rank, after, score], tuple)

    def find(self, task_id: str) -> Call[TaskView | None]:
        """Read a task in any state."""
        return self._call("find", [task_id], lambda answer: inspect.read_found(self.keys.service, answer))

    def holds(self) -> Call[Readable[inspect.HoldView]]:
        """Read the holds that are set."""
        return self._call("holds", [], inspect.read_holds)

    def trim(self, days: float) -> Call[int]:
        """Remove at most CHUNK dead letters that are older than `days`."""
        return self._call("trim", [int(days * 86_400_000), CHUNK], int)

    def trim_history(self) -> Call[int]:
        """Remove the counts of the history that are older than a week."""
        return self._call("trim_history", [WEEK_MINUTES], int)

    def outages(self) -> Call[Readable[inspect.Outage]]:
        """Read the last outage of each endpoint."""
        return self._call("outages", [], inspect.read_outages)

    def history(self, count: int, minutes: int = 1, *, before: int = 0) -> Call[list[inspect.PeriodCount]]:
        """Read the counts of the last `count` periods of `minutes` each (at most 60), ending `before` periods ago."""
        return self._call("history", [min(count, WEEK_MINUTES // minutes), minutes, before], inspect.read_history)

    def stats(self) -> Call[QueueStats]:
        """Read all figures at one moment."""
        return self._call("stats", [], self._read_stats)

    def measures(self) -> Call[Measures]:
        """Read all figures at one moment, including those that only the metrics show."""
        return self._call("stats", [], self._read_measures)

    def _read_measures(self, answer: Any) -> Measures:
        counters, unreadable_count = inspect.read_counters(answer[5])
        return Measures(
            stats=self._read_stats(answer),
            total_retried=counters.get("retried", 0),
            durations=read_durations(counters),
            waiting=read_waiting(counters),
            unreadable_count=unreadable_count,
        )

    def _read_stats(self, answer: Any) -> QueueStats:
        now_ms, pending, delayed, processing, failed, flat, oldest_ms, paused, phases = answer
        counters, _unreadable = inspect.read_counters(flat)
        now, oldest = int(now_ms), read_one(int, oldest_ms) or 0
        return QueueStats(
            service=self.keys.service,
            pending_count=int(pending),
            delayed_count=int(delayed),
            processing_count=int(processing),
            failed_count=int(failed),
            total_processed=counters.get("processed", 0),
            total_failed=counters.get("failed", 0),
            last_processed_at=_moment(counters.get("last_processed_at")),
            last_failed_at=_moment(counters.get("last_failed_at")),
            oldest_pending_seconds=max(now - oldest, 0) / 1000 if oldest else None,
            paused=_flag(paused),
            breaker="open" if "set" in phases else "half-open" if "half open" in phases else "closed",
        )


def _moment(milliseconds: int | None) -> datetime | None:
    return read_one(from_ms, milliseconds) if milliseconds else None

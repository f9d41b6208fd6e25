"""The judge: the notes as the site's database holds them, against the sandbox's own log of what it stored.

A note counts as doubled when a message or status was created while another one of the same note stood in the same
place, or when two rows of the search index or two objects of the receiver hold it in the end. For Telegram, which has
no idempotency key, that may happen after an answer that was never written whole, or when the sender was killed or
stopped between the service's answer and its own store. Such doubles are counted as allowed, each with its cause; any
other, and any at a service that can know better, is a failure.
"""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from project.demo_check.sandbox import Message

from .faults import Stop

UNSURE = {"sendMessage", "sendDocument", "sendPhoto"}  # creating, and nothing tells the service of a repetition
CREATING = UNSURE | {"POST /statuses"}
DELETING = {"deleteMessage", "DELETE /statuses"}
_NUMBER = re.compile(r"Note (\d+)\b")
# How long after the service's answer a sender may still be about to store it: a kill in that time is an excuse.
STORE_SECONDS = 2.0
# An answer that took longer than this was not waited for: 60 % of the demo's attempts of 5 s, less a busy machine.
LATE_SECONDS = 2.5

# Where the demo's destinations take notes to.
FOR_PUBLIC = ("@news", "mastodon", "manticore", "webhook")
FOR_PRIVATE = ("@drafts", "manticore", "webhook")

Place = tuple[str, int]  # a channel or account, and a note's number


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that changed what a service holds."""

    method: str
    chat: str
    message_id: int
    number: int  # of the note, for creating ones; else 0
    at: datetime
    ended_at: datetime | None  # None: the sandbox never finished it
    answered: bool


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What the judge found."""

    request_count: int = 0
    created_count: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)  # without an excuse
    allowed: list[str] = field(default_factory=list)  # doubles with their cause

    @property
    def holds(self) -> bool:
        return not self.lost and not self.doubled


def read_log(path: Path) -> list[Request]:
    """The storing requests of the sandbox's file, in the order they were stored."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    ends = {line["n"]: line for line in lines if line["event"] == "ended"}
    return [_request(line, ends.get(line["n"])) for line in lines if line["event"] == "taken" and line["stored"]]


def _request(taken: Mapping[str, Any], ended: Mapping[str, Any] | None) -> Request:
    params = taken["params"]
    found = _NUMBER.search(str(params.get("text") or params.get("caption") or params.get("status") or ""))
    return Request(
        method=taken["method"],
        chat=str(taken["chat"]),
        message_id=int(taken["message_id"] or 0),
        number=int(found[1]) if found else 0,
        at=datetime.fromisoformat(taken["at"]),
        ended_at=datetime.fromisoformat(ended["at"]) if ended else None,
        answered=bool(ended and ended["answered"]),
    )


def count_records(database: Path) -> int:
    """How many rows the site keeps of what should be out there."""
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM syncqueue_syncrecord").fetchone()[0])


def read_notes(database: Path) -> dict[str, dict[int, str]]:
    """By place, as the sandbox's visitors know it, the notes that should stand there: number and text."""
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        rows = connection.execute("SELECT text, is_private FROM notes_note WHERE deleted_at IS NULL").fetchall()
    wanted: dict[str, dict[int, str]] = {place: {} for place in (*FOR_PUBLIC, *FOR_PRIVATE)}
    for text, is_private in rows:
        if found := _NUMBER.search(text):
            for place in FOR_PRIVATE if is_private else FOR_PUBLIC:
                wanted[place][int(found[1])] = text
    return wanted


def differences(
    wanted: Mapping[str, Mapping[int, str]],
    shown: Mapping[str, Sequence[Message]],
    excused: Container[tuple[int, int]] = (),
) -> list[str]:
    """Notes that are missing, show an old text, or stand where they should not; doubles are not looked for here.

    `excused`: note and id of messages whose sender could not learn of them: nobody can take those away.
    """
    found: list[str] = []
    for channel, notes in wanted.items():
        texts: dict[int, list[str]] = {}
        known: set[int] = set()
        for message in shown.get(channel, ()):
            number = _NUMBER.search(message.text)
            if number is None:  # a placeholder, which is to be gone when all is at rest
                found.append(f"{channel}: {message.first_line!r} is nobody's note")
                continue
            texts.setdefault(int(number[1]), []).append(message.first_line)
            if (int(number[1]), message.id) not in excused:
                known.add(int(number[1]))
        found += [f"{channel}: note {number} is missing" for number in notes if number not in texts]
        found += [
            f"{channel}: note {number} shows {texts[number]}, not {text!r}"
            for number, text in notes.items()
            if number in texts and text not in texts[number]
        ]
        found += [
            f"{channel}: note {number} is not taken away" for number in texts if number not in notes and number in known
        ]
    return found


def doubles(requests: Iterable[Request], stops: Sequence[Stop]) -> Iterator[tuple[Request, str]]:
    """Each message or status created beside another one of its note, with its excuse ("" for none)."""
    standing: dict[Place, list[Request]] = {}
    for request in requests:
        if request.method in DELETING:
            _take_away(standing, request)
        elif request.method in CREATING:
            here = standing.setdefault((request.chat, request.number), [])
            if here and request.number:
                yield request, excuse(here[-1], stops)
            here.append(request)


def standing_twice(shown: Mapping[str, Sequence[Message]]) -> list[str]:
    """What a table or a receiver holds of one note more than once: their rows and objects go by our own ids."""
    found: list[str] = []
    for place in ("manticore", "webhook"):
        numbers = [_NUMBER.search(one.text) for one in shown.get(place, ())]
        counts = Counter(number[1] for number in numbers if number)
        found += [f"{place}: note {number} stands there {n} times" for number, n in counts.items() if n > 1]
    return found


def _take_away(standing: dict[Place, list[Request]], request: Request) -> None:
    for (chat, _), messages in standing.items():
        if chat == request.chat:
            messages[:] = [message for message in messages if message.message_id != request.message_id]


def excuse(before: Request, stops: Sequence[Stop]) -> str:
    """Why the sender of `before` could not know that it had arrived; "" when it could."""
    if before.method not in UNSURE:
        return ""
    if not before.answered or before.ended_at is None:
        return "its answer was never written whole"
    if (before.ended_at - before.at).total_seconds() > LATE_SECONDS:
        return "its answer came too late"
    grace = timedelta(seconds=STORE_SECONDS)
    for stop in stops:
        if before.at - grace <= stop.until and stop.at <= before.ended_at + grace:
            return f"{stop.name} was killed or stopped between answer and store"
    return ""


def unlearned(requests: Iterable[Request], stops: Sequence[Stop]) -> set[tuple[int, int]]:
    """Note and id of each message whose sender could not learn of it."""
    return {(one.number, one.message_id) for one in requests if one.method in CREATING and excuse(one, stops)}


def judge(
    requests: Sequence[Request],
    stops: Sequence[Stop],
    wanted: Mapping[str, Mapping[int, str]],
    shown: Mapping[str, Sequence[Message]],
) -> Verdict:
    """The verdict over a soak that has come to rest."""
    verdict = Verdict(
        request_count=len(requests), created_count=sum(request.method in CREATING for request in requests)
    )
    for request, cause in doubles(requests, stops):
        where = f"{request.chat}: note {request.number} as message {request.message_id}"
        if cause:
            verdict.allowed.append(f"{where}, {cause}")
        else:
            verdict.doubled.append(where)
    verdict.doubled += standing_twice(shown)
    verdict.lost = differences(wanted, shown, unlearned(requests, stops))
    return verdict

"""The judge: the notes as the site's database holds them, against the sandbox's own log of what it stored.

A note is duplicated if a message or status was created while another one of the same note existed in the same place, or
if two rows of the search index or two objects of the receiver contain it in the end. On Telegram, which has no
idempotency key, this may happen after a response that was never sent completely, or if the sender was killed or paused
before it stored the response. syncqueue looks for such messages, so one of the two must be gone in the end. These
duplicates are listed with their cause; any other duplicate, and any on a service that can detect a repetition, is a
failure. A message whose response was lost may outlive its note only if a failed record says that it may be there (I13).
"""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from project.demo_check.sandbox import Message

from .faults import Stop

UNSURE = {"sendMessage", "sendDocument", "sendPhoto"}  # creating, without an idempotency key
CREATING = UNSURE | {"POST /statuses"}
DELETING = {"deleteMessage", "DELETE /statuses"}
EDITING = {"editMessageText", "editMessageCaption"}  # of several lost messages, one may become another note's
_NUMBER = re.compile(r"Note (\d+)\b")
# Time that a sender may need to store a response: a kill in that time explains a duplicate.
STORE_SECONDS = 2.0
# The sender does not wait longer for a response: 60 % of the demo's attempts of 5 s, less some time of a busy machine.
LATE_SECONDS = 2.5

COPY_MAY_BE_LEFT = "A copy may be left at"  # in the error of such a record
_CHANNEL = re.compile(r"@\w+")
# "Telegram's answer was lost. It may be there: LINKS. ..." and "... may be there twice: LINKS. ..."
_MAY_BE_THERE = re.compile(r"may be there(?: twice)?: (.+?)\. ")
_LINK = re.compile(r"https://t\.me/(\w+)/(\d+)")

Place = tuple[str, int]  # a channel or account, and the number of a note


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request that changed the data of a service."""

    method: str
    chat: str
    message_id: int
    number: int  # the number of the note for a create or an edit, otherwise 0
    at: datetime
    ended_at: datetime | None  # None: the sandbox never finished it
    answered: bool


@dataclass(slots=True, kw_only=True)
class Verdict:
    """The verdict on a soak."""

    request_count: int = 0
    created_count: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)  # unexplained duplicates
    allowed: list[str] = field(default_factory=list)  # explained duplicates with their cause

    @property
    def holds(self) -> bool:
        return not self.lost and not self.doubled


def read_log(path: Path) -> list[Request]:
    """Return the storing requests of the sandbox's log file, in order."""
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
    """Return the number of records in the database of the site."""
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM syncqueue_syncrecord").fetchone()[0])


def read_failed(database: Path) -> dict[int, Place | None]:
    """Return the failed records by key; with channel and note if only a person can look whether a copy is left."""
    query = """
        SELECT record.id, record.error, destination.address, note.text
        FROM syncqueue_syncrecord record
        JOIN syncqueue_destination destination ON destination.id = record.destination_id
        LEFT JOIN notes_note note ON note.id = record.object_pk
        WHERE record.state = 'failed'
    """
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        rows = connection.execute(query).fetchall()
    found: dict[int, Place | None] = {}
    for key, error, address, text in rows:
        number = _NUMBER.search(text or "")  # a note that was deleted has no text
        # The destination may have another address by now.
        named = _CHANNEL.search(error)
        place = (named[0] if named else address, int(number[1]) if number else 0)
        found[key] = place if COPY_MAY_BE_LEFT in error else None
    return found


def read_shown(database: Path) -> list[tuple[str, int, int]]:
    """Return channel, message id and note for each message that the reason of a failed record tells a person to see."""
    query = """
        SELECT record.error, note.text
        FROM syncqueue_syncrecord record
        JOIN notes_note note ON note.id = record.object_pk
        WHERE record.state = 'failed'
    """
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        rows = connection.execute(query).fetchall()
    return [
        (f"@{name}", int(message_id), int(number[1]))
        for error, text in rows
        if (number := _NUMBER.search(text)) and (shown := _MAY_BE_THERE.search(error))
        for name, message_id in _LINK.findall(shown[1])
    ]


def numbers_in(messages: Iterable[Message]) -> dict[int | str, int]:
    """Return the number of the note that each message shows, by id."""
    found = {message.id: _NUMBER.search(message.text) for message in messages}
    return {key: int(number[1]) for key, number in found.items() if number}


def differences(
    wanted: Mapping[str, Mapping[int, str]],
    shown: Mapping[str, Sequence[Message]],
    excused: Container[tuple[int, int]] = (),
    named: Collection[Place | None] = (),
    possible: Container[Place] = (),
) -> list[str]:
    """Return notes that are missing, outdated, or in the wrong place; duplicates are not checked here.

    `possible`: where a copy may be or not.
    `excused`: note and id of messages whose id the sender could not receive, and which therefore cannot be removed.
    `named`: channel and note where failed records say that a copy may be left.
    """
    found: list[str] = []
    looked_for = Counter(place[0] for place in named if place)
    for channel in dict.fromkeys([*wanted, *shown]):
        notes = wanted.get(channel, {})
        texts: dict[int, list[str]] = {}
        known: set[int] = set()
        for message in shown.get(channel, ()):
            number = _NUMBER.search(message.text)
            if number is None:  # a placeholder, which must be removed by the end
                found.append(f"{channel}: {message.first_line!r} belongs to no note")
                continue
            if (channel, int(number[1])) in possible:
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
            f"{channel}: note {number} is not removed" for number in texts if number not in notes and number in known
        ]
        # Of several lost messages nobody can tell which is whose: each record that gave up stands for one of them.
        left = [number for number in texts if number not in notes and number not in known]
        if len(left) > looked_for[channel]:
            found += [
                f"{channel}: note {number} is not removed, and no failed record names it"
                for number in left
                if (channel, number) not in named
            ]
    return found


def doubles(requests: Iterable[Request], stops: Sequence[Stop]) -> Iterator[tuple[Request, str]]:
    """Yield each message or status that was created next to another one of its note, with its cause ("" for none)."""
    standing: dict[Place, list[Request]] = {}
    for request in requests:
        if request.method in DELETING:
            _take_away(standing, request)
        elif request.method in EDITING:
            _move(standing, request)
        elif request.method in CREATING:
            here = standing.setdefault((request.chat, request.number), [])
            if here and request.number:
                yield request, excuse(here[-1], stops)
            here.append(request)


def _lasting(requests: Iterable[Request]) -> set[Place]:
    """Return the channels and notes with several messages in the end."""
    standing: dict[Place, list[Request]] = {}
    for request in requests:
        if request.method in DELETING:
            _take_away(standing, request)
        elif request.method in EDITING:
            _move(standing, request)
        elif request.method in CREATING:
            standing.setdefault((request.chat, request.number), []).append(request)
    return {place for place, messages in standing.items() if len(messages) > 1}


def standing_twice(shown: Mapping[str, Sequence[Message]]) -> list[str]:
    """Return notes that a place shows more than once in the end, although rows, objects and posts have our own ids.

    On Bluesky an edited note stands there twice for a moment: the new post comes first.
    """
    found: list[str] = []
    for place in ("manticore", "webhook", "bluesky"):
        numbers = [_NUMBER.search(one.text) for one in shown.get(place, ())]
        counts = Counter(number[1] for number in numbers if number)
        found += [f"{place}: note {number} exists {n} times" for number, n in counts.items() if n > 1]
    return found


def _take_away(standing: dict[Place, list[Request]], request: Request) -> None:
    for (chat, _), messages in standing.items():
        if chat == request.chat:
            messages[:] = [message for message in messages if message.message_id != request.message_id]


def _move(standing: dict[Place, list[Request]], edit: Request) -> None:
    """Count a message for the note that it shows after an edit."""
    moved = [
        message
        for (chat, number), messages in standing.items()
        if edit.number and chat == edit.chat and number != edit.number
        for message in messages
        if message.message_id == edit.message_id
    ]
    if moved:
        _take_away(standing, edit)
        standing.setdefault((edit.chat, edit.number), []).extend(moved)


def excuse(before: Request, stops: Sequence[Stop]) -> str:
    """Return why the sender of `before` could not know that it arrived; "" if it could."""
    if before.method not in UNSURE:
        return ""
    if not before.answered or before.ended_at is None:
        return "its response was never sent completely"
    if (before.ended_at - before.at).total_seconds() > LATE_SECONDS:
        return "its response was too late"
    grace = timedelta(seconds=STORE_SECONDS)
    for stop in stops:
        if before.at - grace <= stop.until and stop.at <= before.ended_at + grace:
            return f"{stop.name} was killed or paused before it stored the response"
    return ""


def unlearned(requests: Iterable[Request], stops: Sequence[Stop]) -> set[tuple[int, int]]:
    """Return note and id of each message whose id the sender could not receive."""
    return {(one.number, one.message_id) for one in requests if one.method in CREATING and excuse(one, stops)}


def judge(
    requests: Sequence[Request],
    stops: Sequence[Stop],
    wanted: Mapping[str, Mapping[int, str]],
    shown: Mapping[str, Sequence[Message]],
    named: Collection[Place | None] = (),
    possible: Container[Place] = (),
) -> Verdict:
    """Return the verdict on a finished soak. `named`, `possible`: as in `differences`."""
    verdict = Verdict(
        request_count=len(requests), created_count=sum(request.method in CREATING for request in requests)
    )
    lasting = _lasting(requests)
    for request, cause in doubles(requests, stops):
        where = f"{request.chat}: note {request.number} as message {request.message_id}"
        if cause and (request.chat, request.number) not in lasting:
            verdict.allowed.append(f"{where}, {cause}")
        else:
            verdict.doubled.append(where)
    verdict.doubled += standing_twice(shown)
    verdict.lost = differences(wanted, shown, unlearned(requests, stops), named, possible)
    return verdict

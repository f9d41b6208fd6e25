"""The trace of a create: what has to be known to find a message whose answer was lost. Pure.

It is stored as a remote part of its own kind before the message is sent, and goes once the message's number is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Self

from syncqueue.handlers.base import TRACE, RemotePart

# A Bot API server passes a message on within seconds. Only one that has lost its own connection may do so later.
SETTLED_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A message that was sent and may be there, and how far it has been looked for. Numbers are those of one chat."""

    sent_at: int  # seconds since 1970, by our clock; of the last time
    send_count: int = 1  # how often it was sent
    after: int  # the highest number that was known of the chat when it was sent first
    kind: str = "text"  # texts are sent in order, and files; not one before the other
    forms: tuple[str, ...] = ()  # of pictures and files of a document: the kinds of their parts, in order
    before: int = 0  # the number of its repetition (of the first of an album's), where there is one
    start: int = 0  # where the search goes on
    probe_count: int = 0
    empty_count: int = 0  # empty numbers in a row before `start`
    found: tuple[tuple[str, str, str], ...] = ()  # candidates: number, kind and link
    doubt: str = ""  # why none of them may be taken for it
    unclear: str = ""  # why it may be at a number that was not told
    is_passed: bool = False  # a later message of its kind had been answered when the search began: it comes no more
    searched_at: int = 0  # when the search came to its end; 0: not yet
    shown: tuple[int, ...] = ()  # numbers that a person was shown; who tries again then wants it sent
    is_told: bool = False  # a person was told that nobody can say whether it is there

    @classmethod
    def read(cls, part: RemotePart) -> Self | None:
        """The trace that a part holds; None for one that cannot be read, such as one of a later version."""
        try:
            values = json.loads(part.id)
            values["found"] = tuple((str(n), str(kind), str(link)) for n, kind, link in values.get("found", ()))
            values["forms"] = tuple(map(str, values.get("forms", ())))
            values["shown"] = tuple(values.get("shown", ()))
            return cls(**values)
        except (ValueError, TypeError, AttributeError):
            return None

    def part(self, address: str, identity: str) -> RemotePart:
        """The part to store."""
        defaults = {field.name: field.default for field in fields(self)}
        values = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        return RemotePart(kind=TRACE, id=json.dumps(values, separators=(",", ":")), address=address, identity=identity)

    @property
    def message_count(self) -> int:
        """How many messages were sent of which no number is known."""
        return max(self.send_count - bool(self.before), 1) * max(len(self.forms), 1)

    def may_be(self, kind: str) -> bool:
        """Whether a message of this kind may be it. What was sent several times may have changed its form."""
        return self.send_count > 1 or self.kind == kind

    @property
    def is_open(self) -> bool:
        """Whether it has not been looked for since it was sent last, or is about to be sent."""
        return not (self.before or self.start or self.searched_at)

    def is_settled(self, now: float) -> bool:
        """Whether it would be there by now if it ever will."""
        return now > self.sent_at + SETTLED_SECONDS

    def unsearched(self) -> Self:
        """The same before any search: the message is sent again, or was, and may be there twice."""
        return replace(
            self, start=0, probe_count=0, empty_count=0, found=(), doubt="", unclear="", is_passed=False, searched_at=0
        )


def split(parts: Iterable[RemotePart]) -> tuple[list[RemotePart], RemotePart | None]:
    """The messages among a record's parts, and its trace."""
    messages: list[RemotePart] = []
    trace = None
    for part in parts:
        if part.kind == TRACE:
            trace = part
        else:
            messages.append(part)
    return messages, trace


def messages_of(parts: Iterable[RemotePart]) -> Sequence[RemotePart]:
    """The messages among a record's parts."""
    return split(parts)[0]

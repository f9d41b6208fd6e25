"""The trace of a create: the data for finding a message whose response was lost. Pure.

It is stored as a remote part of a separate kind before the message is sent, and removed when the message id is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Self

from syncqueue.handlers.base import TRACE, RemotePart

# A Bot API server passes a message on within seconds, or later if it has lost its own connection.
SETTLED_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A message that was sent and may exist, and the state of its search. All ids are those of one chat."""

    sent_at: int  # time of the last send, in seconds since 1970 by our clock
    send_count: int = 1  # how often it was sent
    after: int  # the highest known id of the chat before it was first sent
    is_first: bool = False  # no record had a message of the chat, so none of its ids was known
    kind: str = "text"  # texts are sent in order, and so are files, but not texts and files together
    forms: tuple[str, ...] = ()  # for pictures and files of a document: the kinds of their parts, in order
    before: int = 0  # the id of its repetition (of the first message of an album); 0: none
    start: int = 0  # the id at which the search continues
    probe_count: int = 0
    empty_count: int = 0  # unused ids in a row before `start`
    found: tuple[tuple[str, str, str], ...] = ()  # candidates: id, kind and link
    doubt: str = ""  # why none of them may be taken for it; "": one may
    unclear: str = ""  # why it may be at an id whose probe had no result; "": all had one
    is_passed: bool = False  # a later message of its kind got its response before the search: it cannot arrive
    searched_at: int = 0  # when the search was finished; 0: not yet
    shown: tuple[int, ...] = ()  # ids that were shown to a person, whose retry sends the message again
    is_told: bool = False  # a person was told that its existence is undecidable

    @classmethod
    def read(cls, part: RemotePart) -> Self | None:
        """Parse the trace in a part; None if it cannot be read, such as one of a later version."""
        try:
            values = json.loads(part.id)
            values["found"] = tuple((str(n), str(kind), str(link)) for n, kind, link in values.get("found", ()))
            values["forms"] = tuple(map(str, values.get("forms", ())))
            values["shown"] = tuple(values.get("shown", ()))
            return cls(**values)
        except (ValueError, TypeError, AttributeError):
            return None

    def part(self, address: str, identity: str) -> RemotePart:
        """Return the part to store."""
        defaults = {field.name: field.default for field in fields(self)}
        values = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        return RemotePart(kind=TRACE, id=json.dumps(values, separators=(",", ":")), address=address, identity=identity)

    @property
    def message_count(self) -> int:
        """Return how many messages were sent whose id is unknown."""
        return max(self.send_count - bool(self.before), 1) * max(len(self.forms), 1)

    def may_be(self, kind: str) -> bool:
        """Return whether a message of this kind may be it. The form may have changed between several sends."""
        return self.send_count > 1 or self.kind == kind

    @property
    def is_open(self) -> bool:
        """Return whether it was not searched for since it was last sent, or is about to be sent."""
        return not (self.before or self.start or self.searched_at)

    def is_settled(self, now: float) -> bool:
        """Return whether it must have arrived by now if it ever does."""
        return now > self.sent_at + SETTLED_SECONDS

    def unsearched(self) -> Self:
        """Return the trace with a reset search, because the message is sent again and may exist twice."""
        return replace(
            self, start=0, probe_count=0, empty_count=0, found=(), doubt="", unclear="", is_passed=False, searched_at=0
        )


def split(parts: Iterable[RemotePart]) -> tuple[list[RemotePart], RemotePart | None]:
    """Return the messages among a record's parts, and its trace."""
    messages: list[RemotePart] = []
    trace = None
    for part in parts:
        if part.kind == TRACE:
            trace = part
        else:
            messages.append(part)
    return messages, trace


def messages_of(parts: Iterable[RemotePart]) -> Sequence[RemotePart]:
    """Return the messages among a record's parts."""
    return split(parts)[0]

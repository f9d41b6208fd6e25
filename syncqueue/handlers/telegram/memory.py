"""What a process knows of chats: a number that a message which is sent now lies beyond, and what was sent last."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from syncqueue.handlers.base import DocumentJob, Place, RemotePart
from syncqueue.handlers.telegram.channel import kind_of
from syncqueue.handlers.telegram.lost import FRESH_SECONDS, Sights

KEPT_COUNT = 2000  # chats


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A chat."""

    chat: str  # its number
    number: int  # the highest that is known there
    read_at: float = 0.0  # monotonic seconds: when the records were asked last
    # When the last message of each kind that was answered had been sent, in seconds since 1970.
    sent_at: Mapping[str, float] = field(default_factory=dict)


class Memory:
    """By bot and address. A lower number than the highest of all is good enough."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._chats: OrderedDict[tuple[str, str], Known] = OrderedDict()
        self.searched: set[str] = set()  # the chats that are being looked at: one search at a time, for the pace
        self.sights = Sights()

    async def highest(self, job: DocumentJob) -> Known | None:
        """A high number of a job's chat; None where none is known."""
        known = self._chats.get(_key(job.place))
        if known is None or time.monotonic() - known.read_at > FRESH_SECONDS:
            found = _highest_of(await job.others.newest_parts(), job.place)
            if found is not None:
                self._put(job.place, found)
        return self._chats.get(_key(job.place))

    def note(self, place: Place, part: RemotePart, sent_at: float) -> None:
        """A message that was sent at that time has its answer."""
        known = Known(chat=part.identity, number=int(part.id), sent_at={kind_of(part): sent_at})
        self._put(place, known)

    def has_sent(self, place: Place, chat: str, kind: str, after: float) -> bool:
        """Whether a message of a kind has its answer that was sent after a time, in seconds since 1970."""
        known = self._chats.get(_key(place))
        return known is not None and known.chat == chat and known.sent_at.get(kind, 0.0) > after

    def _put(self, place: Place, found: Known) -> None:
        known = self._chats.get(_key(place))
        if known is not None and known.chat == found.chat:
            found = Known(
                chat=found.chat,
                number=max(found.number, known.number),
                read_at=max(found.read_at, known.read_at),
                sent_at={**known.sent_at, **found.sent_at},
            )
        self._chats[_key(place)] = found
        self._chats.move_to_end(_key(place))
        while len(self._chats) > KEPT_COUNT:
            self._chats.popitem(last=False)


def numbers_in(parts: Iterable[RemotePart], chat: str) -> frozenset[int]:
    """The numbers of a chat that parts name."""
    return frozenset(int(part.id) for part in parts if part.identity == chat and part.id.isdecimal())


def _highest_of(parts: Iterable[RemotePart], place: Place) -> Known | None:
    here = [part for part in parts if part.address == place.address and part.identity and part.id.isdecimal()]
    if not here:
        return None
    chat = here[0].identity  # of the newest record: the name may have belonged to another chat before
    return Known(chat=chat, number=max(numbers_in(here, chat)), read_at=time.monotonic())


def _key(place: Place) -> tuple[str, str]:
    return place.secret.get("token", "").partition(":")[0], place.address

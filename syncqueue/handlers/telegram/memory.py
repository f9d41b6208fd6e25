"""Facts about chats that a process remembers: a message id below all new ones, and the last messages sent."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from syncqueue.handlers.base import DocumentJob, Place, RemotePart
from syncqueue.handlers.telegram.channel import kind_of
from syncqueue.handlers.telegram.lost import FRESH_SECONDS, Sights

KEPT_COUNT = 2000  # maximum number of chats


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A chat."""

    chat: str  # its id
    number: int  # the highest known message id
    read_at: float = 0.0  # monotonic seconds: when the records were asked last
    # When the last message of each kind with a response was sent, in seconds since 1970.
    sent_at: Mapping[str, float] = field(default_factory=dict)


class Memory:
    """Facts by bot and address. The number may be lower than the highest id."""

    def __init__(self) -> None:
        """Start empty."""
        self._chats: OrderedDict[tuple[str, str], Known] = OrderedDict()
        self.searched: set[str] = set()  # chats with a running search: one at a time, because of rate limits
        self.sights = Sights()
        self._reading: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._excess: dict[Hashable, tuple[float, int]] = {}

    async def highest(self, job: DocumentJob) -> Known | None:
        """Return a high message id of a job's chat; None if none is known."""
        key = _key(job.place)
        known = self._chats.get(key)
        if known is None or time.monotonic() - known.read_at > FRESH_SECONDS:
            # One read serves all attempts that begin together.
            reading = self._reading.get(key)
            if reading is None:
                reading = self._reading[key] = asyncio.ensure_future(self._read(job))
                reading.add_done_callback(lambda _: self._reading.pop(key))
            await asyncio.shield(reading)
        return self._chats.get(key)

    async def _read(self, job: DocumentJob) -> None:
        found = _highest_of(await job.others.newest_parts(), job.place)
        if found is not None:
            self._put(job.place, found)

    def note(self, place: Place, part: RemotePart, sent_at: float) -> None:
        """Note that a message that was sent at this time got its response."""
        known = Known(chat=part.identity, number=int(part.id), sent_at={kind_of(part): sent_at})
        self._put(place, known)

    def has_sent(self, place: Place, chat: str, kind: str, after: float) -> bool:
        """Return whether a message of a kind that was sent after a time (seconds since 1970) got its response."""
        known = self._chats.get(_key(place))
        return known is not None and known.chat == chat and known.sent_at.get(kind, 0.0) > after

    def excess_of(self, search: Hashable, asked_at: float, count: int) -> tuple[float, int]:
        """Return when a search first saw more messages than lost ones, and how many were lost then.

        `asked_at`, `count`: what it sees now.
        """
        if len(self._excess) >= KEPT_COUNT:
            self._excess.clear()
        return self._excess.setdefault(search, (asked_at, count))

    def forget_excess(self, search: Hashable) -> None:
        """Forget what `excess_of` returned: the search is decided."""
        self._excess.pop(search, None)

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
    """Return the message ids of parts in a chat."""
    return frozenset(int(part.id) for part in parts if part.identity == chat and part.id.isdecimal())


def _highest_of(parts: Iterable[RemotePart], place: Place) -> Known | None:
    here = [part for part in parts if part.address == place.address and part.identity and part.id.isdecimal()]
    if not here:
        return None
    chat = here[0].identity  # from the newest record: the name may have belonged to another chat before
    return Known(chat=chat, number=max(numbers_in(here, chat)), read_at=time.monotonic())


def _key(place: Place) -> tuple[str, str]:
    return place.secret.get("token", "").partition(":")[0], place.address

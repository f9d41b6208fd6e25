"""Looking for a message whose answer was lost, at the numbers that it can have.

Telegram has no idempotency key and no list of messages. But numbers rise: a message that was sent when the highest
known number of its chat was `after`, and before another one of the same kind was sent that got the number `before`, has
a number between the two, or was never sent. What stands at a number is told by the probe, which changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from syncqueue.core.errors import RateLimited
from syncqueue.handlers.base import Place, RemotePart
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.probe import Sight, look
from syncqueue.handlers.telegram.render import Kind
from syncqueue.handlers.telegram.rights import Standing, standing

MOST_PROBES = 50  # for one lost message
PACE_SECONDS = 0.5  # between two probes: edits count for Telegram's limits, of about one message a second in a chat
# So many empty numbers in a row end a search where no later message is known. Where the chat goes on behind them, the
# message is taken for missing, and found when it has been sent once more.
EMPTY_IN_A_ROW = 5

FRESH_SECONDS = 60.0  # for so long what stood at a number is taken for what stands there
KEPT_SIGHTS = 10_000

_KINDS: dict[Sight, Kind] = {Sight.OURS_TEXT: "text", Sight.OURS_FILE: "document"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSearch:
    """Where a lost message can be. All numbers are those of the one chat it was sent to."""

    after: int  # the highest number that was known of that chat when the message was about to be sent
    before: int | None = None  # the number of a message of the same kind (text, file) that was sent later, if any
    known: frozenset[int] = frozenset()  # numbers that records know; none of them is the lost one
    identity: str = ""  # the chat's number, where it is known: its name may belong to another one by now
    sent_at: float = 0.0  # when it was sent, in seconds since 1970: what was seen before says nothing of it
    start: int = 0  # where an earlier search of the same message stopped (`FoundLost.stopped_at`)
    found: tuple[RemotePart, ...] = ()  # its candidates (`FoundLost.candidates`)
    probe_count: int = 0  # and its probes (`FoundLost.probe_count`)
    empty_count: int = 0  # and the empty numbers that it ended with (`FoundLost.empty_count`)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLost:
    """What a search has found."""

    candidates: tuple[RemotePart, ...]  # messages that the bot may edit and no record is known to hold, in order
    doubt: str = ""  # why none of them may be taken for the lost one, where that is so
    unclear: str = ""  # why it may be at a number that was not told, where that is so
    stopped_at: int | None = None  # the number to go on with, where the time or a limit ended the search
    limit: RateLimited | None = None  # that ended it
    probe_count: int = 0  # for `LostSearch.probe_count` of the next search
    empty_count: int = 0  # for `LostSearch.empty_count` of the next search


class Sights:
    """What was seen at the numbers of chats of late: an outage takes the answers of many messages at once."""

    def __init__(self) -> None:
        """Nothing was."""
        self._seen: dict[tuple[int, str, int], tuple[float, Sight]] = {}

    def at(self, place: Place, chat: str, number: int, since: float) -> Sight | None:
        """What stood at a number after a time (in seconds since 1970), and in the last minute; None: nobody looked."""
        seen_at, sight = self._seen.get((place.id, chat, number), (0.0, None))
        return sight if seen_at > max(since, time.time() - FRESH_SECONDS) else None

    def note(self, place: Place, chat: str, number: int, seen_at: float, sight: Sight) -> None:
        """Keep what stood there."""
        if len(self._seen) >= KEPT_SIGHTS:
            self._seen.clear()
        self._seen[place.id, chat, number] = (seen_at, sight)


async def find_lost(
    client: TelegramClient,
    place: Place,
    search: LostSearch,
    *,
    seconds: float,
    sights: Sights | None = None,
    is_sole_poster: bool = True,
    pace_seconds: float = PACE_SECONDS,
) -> FoundLost:
    """Look for a lost message for at most `seconds`. Raises `HandlerError` where Telegram does not answer.

    `sights`: of other searches there; what they have seen since the message was sent is not asked again.
    `is_sole_poster`: nothing else posts with this bot in this chat, so that a message by the bot that no record knows
    can be none but a lost one.
    """
    token, began = place.secret.get("token", ""), time.monotonic()
    where = await standing(client, token, place.address)
    if search.identity not in ("", where.chat):
        return FoundLost(candidates=(), unclear=f"{place.address} is another chat now.")
    walk = _Walk(search, place, where, is_sole_poster=is_sole_poster)
    sights = sights if sights is not None else Sights()
    has_asked = False
    for number in walk.numbers():
        sight = sights.at(place, where.chat, number, search.sent_at)
        if sight is None:
            if time.monotonic() - began > seconds:
                return walk.result(stopped_at=number)
            if has_asked:
                await asyncio.sleep(pace_seconds)
            has_asked, asked_at = True, time.time()
            try:
                sight = await look(client, token, where.chat, number)
            except RateLimited as limit:
                return walk.result(stopped_at=number, limit=limit)
            walk.probe_count += 1
            if sight is not Sight.GONE or not walk.is_beyond(number):
                sights.note(place, where.chat, number, asked_at, sight)
        walk.note(number, sight)
    return walk.result()


class _Walk:
    """The numbers of a search, and what was seen at them."""

    def __init__(self, search: LostSearch, place: Place, where: Standing, *, is_sole_poster: bool) -> None:
        self._search = search
        self._place = place
        self._where = where
        self._is_sole_poster = is_sole_poster
        self._candidates = list(search.found)
        self._newest = max((search.after, *search.known))
        self._empty_in_a_row = search.empty_count
        self._unclear = ""
        self.probe_count = search.probe_count

    def numbers(self) -> Iterator[int]:
        """Those to be looked at, in order."""
        number = max(self._search.start, self._search.after + 1)
        while not self._is_over(number):
            if number not in self._search.known:
                if self.probe_count >= MOST_PROBES:
                    self._unclear = f"Too much was posted there since: {MOST_PROBES} numbers were looked at."
                    return
                yield number
            number += 1

    def is_beyond(self, number: int) -> bool:
        """Whether a message that arrives late may still get this number."""
        return number > self._newest

    def _is_over(self, number: int) -> bool:
        if self._search.before is not None:
            return number >= self._search.before
        return self.is_beyond(number) and self._empty_in_a_row >= EMPTY_IN_A_ROW

    def note(self, number: int, sight: Sight) -> None:
        """What stands at a number."""
        # Below a number that is known, nothing says that the chat ends.
        is_empty = sight is Sight.GONE and self.is_beyond(number)
        self._empty_in_a_row = self._empty_in_a_row + 1 if is_empty else 0
        if sight is Sight.UNKNOWN:
            self._unclear = "What stands at some numbers could not be told."
        elif sight in _KINDS:
            self._candidates.append(candidate(number, _KINDS[sight], self._place, self._where))

    def result(self, *, stopped_at: int | None = None, limit: RateLimited | None = None) -> FoundLost:
        """What was seen so far."""
        return FoundLost(
            candidates=tuple(self._candidates),
            doubt=self._doubt(),
            unclear=self._unclear,
            stopped_at=stopped_at,
            limit=limit,
            probe_count=self.probe_count,
            empty_count=self._empty_in_a_row,
        )

    def _doubt(self) -> str:
        if self._where.may_edit_others:
            return "The bot may edit what others post there, so it cannot be told whose it is."
        if not self._is_sole_poster:
            return "Other programs post with this bot there, so it may be theirs."
        return ""


def candidate(number: int, kind: Kind, place: Place, where: Standing) -> RemotePart:
    """The part of a message that was found."""
    url = f"{where.link}{number}" if where.link else ""
    return RemotePart(kind=kind, id=str(number), url=url, address=place.address, identity=where.chat)

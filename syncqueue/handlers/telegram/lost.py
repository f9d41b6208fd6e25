"""Searches for a message whose response was lost among the message ids that it can have.

Telegram has no idempotency keys and no list of messages. But ids increase: a message that was sent when the highest
known id of its chat was `after`, and before another one of the same kind that got the id `before`, has
an id between the two, or was never sent. The probe shows what has an id, and changes nothing.
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
from syncqueue.handlers.telegram.trace import SETTLED_SECONDS

MOST_PROBES = 50  # maximum for one lost message
MOST_FOUND = 200  # maximum candidates of one lost message, with those that other searches have probed
PACE_SECONDS = 0.5  # between two probes: edits count for Telegram's limits, of about one message a second in a chat
# This many unused ids in a row end a search if no later message is known. If the chat continues after them, the
# message counts as missing, and is found after it was sent again.
EMPTY_IN_A_ROW = 5

FRESH_SECONDS = 60.0  # how long the result of a probe stays valid
KEPT_SIGHTS = 10_000

_KINDS: dict[Sight, Kind] = {Sight.OURS_TEXT: "text", Sight.OURS_FILE: "document"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSearch:
    """Where a lost message can be. All ids are those of the chat to which it was sent."""

    after: int  # the highest known id of that chat before the message was sent
    is_first: bool = False  # no record had a message of the chat, so `after` is 0 and its history is unknown
    before: int | None = None  # the id of a message of the same kind (text, file) that was sent later, if any
    known: frozenset[int] = frozenset()  # ids that records have; none of them is the lost one
    identity: str = ""  # the chat's id, if known: its name may belong to another chat by now
    sent_at: float = 0.0  # when it was sent, in seconds since 1970: earlier probes say nothing about it
    start: int = 0  # where an earlier search of the same message stopped (`FoundLost.stopped_at`)
    found: tuple[RemotePart, ...] = ()  # its candidates (`FoundLost.candidates`)
    probe_count: int = 0  # and its probes (`FoundLost.probe_count`)
    empty_count: int = 0  # and the empty numbers that it ended with (`FoundLost.empty_count`)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLost:
    """The result of a search."""

    candidates: tuple[RemotePart, ...]  # messages that the bot may edit and no record has, in order
    doubt: str = ""  # why none of them may be taken for the lost one; "": one may
    unclear: str = ""  # why the message may be at an id whose probe had no result; "": all had one
    stopped_at: int | None = None  # the id to continue with, if the time or a limit ended the search
    limit: RateLimited | None = None  # the rate limit that ended it
    probe_count: int = 0  # for `LostSearch.probe_count` of the next search
    empty_count: int = 0  # for `LostSearch.empty_count` of the next search


class Sights:
    """Recent probe results by chat and id, because an outage loses the responses of many messages together."""

    def __init__(self) -> None:
        """Start empty."""
        self._seen: dict[tuple[int, str, int], tuple[float, Sight, bool]] = {}

    def at(self, place: Place, chat: str, number: int, since: float) -> Sight | None:
        """Return the result of a probe in the last minute, for a message sent at `since` (in seconds since 1970).

        None if there is none: the message may have arrived after the probe.
        """
        seen_at, sight, is_final = self._seen.get((place.id, chat, number), (0.0, None, True))
        after = since if is_final else since + SETTLED_SECONDS
        return sight if seen_at > max(after, time.time() - FRESH_SECONDS) else None

    def note(
        self, place: Place, chat: str, number: int, seen_at: float, sight: Sight, *, is_final: bool = True
    ) -> None:
        """Store the result of a probe. `is_final`: no message can get this id any more."""
        if len(self._seen) >= KEPT_SIGHTS:
            self._seen.clear()
        self._seen[place.id, chat, number] = (seen_at, sight, is_final)


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
    """Search for a lost message, for at most `seconds`. Raises `HandlerError` if Telegram does not respond.

    `sights`: results of other searches there; results since the message was sent are not probed again.
    `is_sole_poster`: nothing else posts with this bot in this chat, so a message by the bot that no record has
    can only be a lost one.
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
            is_final = sight is not Sight.GONE or not walk.is_beyond(number)
            sights.note(place, where.chat, number, asked_at, sight, is_final=is_final)
        walk.note(number, sight)
    return walk.result()


class _Walk:
    """The ids of a search, and their probe results."""

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
        """Yield the ids to probe, in order."""
        number = max(self._search.start, self._search.after + 1)
        while not self._is_over(number):
            if number in self._search.known:
                self._empty_in_a_row = 0
            else:
                if self.probe_count >= MOST_PROBES or len(self._candidates) >= MOST_FOUND:
                    self._unclear = f"Too much was posted there since: {self.probe_count} numbers were looked at."
                    return
                yield number
            number += 1
        if self._search.is_first and number < max(self._search.before or 0, self._newest):
            self._unclear = "Its first message numbers are unused, so it is unknown what was posted there before."

    def is_beyond(self, number: int) -> bool:
        """Return whether a message that arrives late may still get this id."""
        return number > self._newest

    def _is_over(self, number: int) -> bool:
        is_gap = self._empty_in_a_row >= EMPTY_IN_A_ROW
        if self._search.before is not None:
            return number >= self._search.before or (is_gap and self._search.is_first)
        return is_gap and (self.is_beyond(number) or self._search.is_first)

    def note(self, number: int, sight: Sight) -> None:
        """Store what has an id."""
        # Unused ids below a known one do not mean that the chat ends. But a chat whose first messages were deleted has
        # a history before the first record.
        is_empty = sight is Sight.GONE and (self.is_beyond(number) or self._search.is_first)
        self._empty_in_a_row = self._empty_in_a_row + 1 if is_empty else 0
        if sight is Sight.UNKNOWN:
            self._unclear = "Some message numbers could not be checked."
        elif sight in _KINDS:
            self._candidates.append(candidate(number, _KINDS[sight], self._place, self._where))

    def result(self, *, stopped_at: int | None = None, limit: RateLimited | None = None) -> FoundLost:
        """Return the result so far."""
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
            return "The bot may edit the messages of others there, so the author is unknown."
        if not self._is_sole_poster:
            return "Other programs post with this bot there, so it may be theirs."
        return ""


def candidate(number: int, kind: Kind, place: Place, where: Standing) -> RemotePart:
    """Return the part of a message that was found."""
    url = f"{where.link}{number}" if where.link else ""
    return RemotePart(kind=kind, id=str(number), url=url, address=place.address, identity=where.chat)

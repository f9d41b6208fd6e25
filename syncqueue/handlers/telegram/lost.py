"""Finding a message whose answer was lost, by looking at the numbers that it can have.

Telegram has no idempotency key and no list of messages. But numbers rise: a message that was sent when the highest
known number of its chat was `after`, and before another one of the same kind was answered with the number `before`, has
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
# So many empty numbers in a row mean that the chat's newest message has been passed, where no later one is known.
EMPTY_IN_A_ROW = 10

_KINDS: dict[Sight, Kind] = {Sight.OURS_TEXT: "text", Sight.OURS_FILE: "document"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSearch:
    """Where a lost message can be. All numbers are those of the one chat it was sent to."""

    after: int  # the highest number that was known of that chat when the message was about to be sent
    before: int | None = None  # the number of the next message of the same kind (text, file) that was answered, if any
    known: frozenset[int] = frozenset()  # numbers that records know; none of them is the lost one
    start: int | None = None  # where an earlier search of the same message stopped (`FoundLost.stopped_at`)
    found: tuple[RemotePart, ...] = ()  # its candidates (`FoundLost.candidates`)
    probe_count: int = 0  # and its probes (`FoundLost.probe_count`)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLost:
    """What a search has found."""

    candidates: tuple[RemotePart, ...]  # messages that the bot wrote and no record knows, the oldest first
    is_certain: bool  # every number was looked at and told: without a candidate, nothing was sent
    may_adopt: bool  # the one candidate is the lost message: it may be stored, and edited to the text that is wanted
    reason: str = ""  # why a person has to look, where that is so
    stopped_at: int | None = None  # the number to go on with, where the time was up before the end
    probe_count: int = 0  # for `LostSearch.probe_count` of the next search


async def find_lost(
    client: TelegramClient,
    place: Place,
    search: LostSearch,
    *,
    seconds: float,
    is_sole_poster: bool = True,
    pace_seconds: float = PACE_SECONDS,
) -> FoundLost:
    """Look for a lost message for at most `seconds`. Raises `HandlerError` where Telegram does not answer.

    `is_sole_poster`: nothing else posts with this bot in this chat, so that a message by the bot that no record knows
    can be none but a lost one.
    """
    token, began = place.secret.get("token", ""), time.monotonic()
    where = await standing(client, token, place.address)
    walk = _Walk(search, place, where)
    for number in walk.numbers():
        if walk.probe_count > search.probe_count:
            await asyncio.sleep(pace_seconds)
        if time.monotonic() - began > seconds:
            return walk.result(stopped_at=number, may_adopt=False, reason="The search goes on.")
        try:
            walk.note(number, await look(client, token, where.chat, number))
        except RateLimited as limit:
            return walk.result(may_adopt=False, reason=f"The search was ended by a rate limit. {limit}")
    return walk.judged(is_sole_poster=is_sole_poster)


class _Walk:
    """The numbers of a search, and what was seen at them."""

    def __init__(self, search: LostSearch, place: Place, where: Standing) -> None:
        self._search = search
        self._place = place
        self._where = where
        self._candidates = list(search.found)
        self._empty_in_a_row = 0
        self._is_unclear = False
        self._is_over_limit = False
        self.probe_count = search.probe_count

    def numbers(self) -> Iterator[int]:
        """Those to be looked at, in order."""
        search = self._search
        number = max(search.start or 0, search.after + 1)
        while number < search.before if search.before is not None else self._empty_in_a_row < EMPTY_IN_A_ROW:
            if number not in search.known:
                if self.probe_count >= MOST_PROBES:
                    self._is_over_limit = True
                    return
                yield number
            number += 1

    def note(self, number: int, sight: Sight) -> None:
        """What stands at a number."""
        self.probe_count += 1
        self._empty_in_a_row = self._empty_in_a_row + 1 if sight is Sight.GONE else 0
        if sight is Sight.UNKNOWN:
            self._is_unclear = True
        elif sight in _KINDS:
            url = f"{self._where.link}{number}" if self._where.link else ""
            part = RemotePart(
                kind=_KINDS[sight], id=str(number), url=url, address=self._place.address, identity=self._where.chat
            )
            self._candidates.append(part)

    def judged(self, *, is_sole_poster: bool) -> FoundLost:
        """What the whole walk comes to."""
        if len(self._candidates) > 1:
            return self.result(may_adopt=False, reason="Several messages may be the lost one.")
        if self._candidates and self._where.may_edit_others:
            return self.result(may_adopt=False, reason="The bot may edit what others post there: it may be theirs.")
        if self._candidates and not is_sole_poster:
            return self.result(may_adopt=False, reason="Other programs post with this bot there: it may be theirs.")
        if self._is_over_limit:
            return self.result(
                may_adopt=False, reason=f"Too much was posted there since: {MOST_PROBES} were looked at."
            )
        if self._is_unclear:
            return self.result(may_adopt=False, reason="What stands at some numbers could not be told.")
        return self.result(may_adopt=bool(self._candidates))

    def result(self, *, may_adopt: bool, reason: str = "", stopped_at: int | None = None) -> FoundLost:
        """What was seen so far."""
        is_complete = not self._is_unclear and not self._is_over_limit and stopped_at is None
        return FoundLost(
            candidates=tuple(self._candidates),
            is_certain=is_complete and self._search.before is not None and not reason,
            may_adopt=may_adopt,
            reason=reason,
            stopped_at=stopped_at,
            probe_count=self.probe_count,
        )

"""Recovery of a message whose response was lost: it is found and taken over, sent again, or left to a person.

All intermediate results are stored with the trace, so that the next attempt continues one that was cut off.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from syncqueue.core.errors import HandlerError, OutcomeUnknown, PermanentError, RateLimited, Unavailable
from syncqueue.handlers.base import TRACE, DocumentJob, HandlerConfig, RemotePart, Unsettled
from syncqueue.handlers.telegram.chats import identify
from syncqueue.handlers.telegram.claims import claimable, count_of
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.lost import PACE_SECONDS, FoundLost, LostSearch, find_lost
from syncqueue.handlers.telegram.medium import doubtful, is_medium
from syncqueue.handlers.telegram.memory import Memory, numbers_in
from syncqueue.handlers.telegram.probe import Sight, look
from syncqueue.handlers.telegram.render import Kind
from syncqueue.handlers.telegram.trace import SETTLED_SECONDS, Trace, split

_SEARCH_SHARE = 0.25  # share of an attempt for probes, so that a request that follows has its full time
_TURN_SECONDS = 0.1  # between two looks whether another search in the chat has ended
_WAIT_SECONDS = 60.0  # between two searches for a message that may still be on its way
_AGAIN_SECONDS = 5.0  # delay before checking again whether other records are being sent
# Longer than an attempt including the storing of its result: an unknown message was not being sent any more then.
_STORED_SECONDS = 40.0
_LOOKED_AT_COUNT = 10  # maximum candidates that are probed again and shown to a person
_GOES_ON = "The response to its creation was lost; the message is being searched for."
_NOT_THERE = (
    "The response to its creation was lost, and the message has not been found so far; it is searched for once more."
)
_UNTOLD = "Telegram's answer was lost, and it cannot be told whether the message is there: {why}"


class Verdict(StrEnum):
    """The knowledge of a record after a search."""

    SETTLED = "settled"  # it knows all existing messages
    MISSING = "missing"  # the message was not there, but may still arrive
    UNTOLD = "untold"  # it is undecidable whether an unknown message exists
    FOREIGN = "foreign"  # there are messages that may be the lost one or from others: a person has to look


class Recovery:
    """The recovery of one job, whose record has a trace or is about to get one."""

    def __init__(self, client: TelegramClient, config: HandlerConfig, memory: Memory, job: DocumentJob) -> None:
        """Make no call yet."""
        self._client = client
        self._config = config
        self._memory = memory
        self._job = job
        self._began = time.monotonic()
        self._sent_at = 0.0
        self.why = ""  # UNTOLD and FOREIGN: the reason
        self.links = ""  # FOREIGN: links to the messages, for people

    @property
    def is_on(self) -> bool:
        """Return whether the destination has the search for lost messages switched on."""
        return bool(self._job.place.options.get("find_lost", True))

    # Before and after a request

    async def trace(self) -> RemotePart | None:
        """Return the trace of a message that is about to be sent; None if it could have any id."""
        if not self.is_on:
            return None
        address, now = self._job.place.address, int(time.time())
        known = await self._memory.highest(self._job)
        if known is not None:
            return Trace(sent_at=now, after=known.number).part(address, known.chat)
        return Trace(sent_at=now, after=0, is_first=True).part(address, "") if _has_own_ids(address) else None

    async def begin(self, kind: Kind, *, forms: tuple[str, ...] = (), is_marked: bool = False) -> bool:
        """Store a trace of a message that is about to be sent; returns whether there is one.

        `forms`: the kinds of the parts of an album. `is_marked`: the trace was stored with the send mark.
        """
        self._sent_at = time.time()
        messages, part = split(self._job.parts)
        if part is None:
            # If an earlier message has left no trace, a trace of this one would hide that.
            part = await self.trace() if not self._job.uncertain and not is_marked else None
        trace = Trace.read(part) if part is not None else None
        if part is None or trace is None:
            return False
        if not is_marked or trace.kind != kind or trace.forms != forms:
            is_repetition = part in self._job.parts and not is_marked
            if is_repetition and trace.forms != forms:
                forms = tuple(map(doubtful, forms))  # the first one may show something else
            trace = replace(
                trace.unsearched(),
                sent_at=int(self._sent_at),
                send_count=trace.send_count + is_repetition,
                kind=kind,
                forms=forms,
                is_told=False,
            )
            await self._store(messages, trace, part)
        return True

    async def failed(self, error: HandlerError, before: Sequence[RemotePart]) -> HandlerError:
        """Return the exception for a failed send with a trace. `before`: the parts before `begin`."""
        if isinstance(error, OutcomeUnknown):
            return Unavailable(f"{error} It is looked for at the next attempt.")
        # The message does not exist.
        await self._job.checkpoint(before)
        return error

    async def sent(self, parts: Sequence[RemotePart], before: Sequence[RemotePart]) -> None:
        """Handle a successful send. After a second send the trace stays, because the first message may exist too.

        `before`: the parts before `begin`.
        """
        self._memory.note(self._job.place, parts[-1], self._sent_at)
        messages, trace_part = split(before)
        trace = Trace.read(trace_part) if trace_part is not None else None
        if trace_part is None:
            self._job.parts = (*messages, *parts)
        elif trace is None or trace.unclear or not self.is_on or parts[0].identity != trace_part.identity:
            self._job.parts = (*messages, *parts)
            self._job.twin_possible = True
        else:
            count = trace.send_count + 1
            trace = replace(trace.unsearched(), send_count=count, before=int(parts[0].id), is_told=False)
            await self._store([*messages, *parts], trace, trace_part)

    # The search

    async def settle(self) -> Verdict:
        """Search for the messages of the trace, if there is one. Afterwards the job's parts are its known messages.

        Raises `RateLimited` for the task only if the search continues later.
        """
        messages, part = split(self._job.parts)
        if part is None:
            return Verdict.SETTLED
        trace = Trace.read(part)
        if trace is None:
            return self._untold("its trace was written by another version.")
        if not self.is_on:
            return self._untold("the destination's option find_lost is off.")
        if not part.identity:
            part = replace(part, identity=await identify(self._client, self._job.place))
        if not trace.searched_at:
            trace = await self._search(messages, trace, part)
        asked_at = time.time()
        # Before the ids that are known: a record that takes a message in between counts twice, not never.
        others = await self._job.others.unsettled(TRACE, part.identity) if trace.found else Unsettled()
        candidates = [one for one in await self._unknown(trace, part) if trace.may_be(one.kind)]
        verdict = await self._judge(candidates, others, asked_at, messages, trace, part) if candidates else None
        if verdict is not None:
            return verdict
        if trace.unclear:
            return self._untold(trace.unclear)
        is_over = trace.before or trace.is_passed or trace.is_settled(time.time())
        if is_over and trace.is_first and not trace.before:
            # Unused ids at the beginning are no proof: the chat may go on behind them.
            return self._untold("No message of the chat is known, so it may be behind the ids that were looked at.")
        if is_over:
            self._job.twin_possible = bool(trace.shown)
            self._job.parts = tuple(messages)
            return Verdict.SETTLED
        return Verdict.MISSING

    async def wait(self) -> RateLimited:
        """Return an exception that delays the task until the message may have arrived, or cannot arrive any more."""
        messages, part = split(self._job.parts)
        trace = Trace.read(part) if part is not None else None
        if part is None or trace is None:
            return self._later(_WAIT_SECONDS, _NOT_THERE)
        await self._store(messages, trace.unsearched(), part)
        left = trace.sent_at + SETTLED_SECONDS - time.time()
        return self._later(min(max(left, 0.0) + 1.0, _WAIT_SECONDS), _NOT_THERE)

    async def may_repeat(self) -> bool:
        """Return whether a message that may exist may be sent again; if such records are held, a person decides."""
        if not self._config.hold_unknown:
            return True
        messages, part = split(self._job.parts)
        trace = Trace.read(part) if part is not None else None
        if part is None or trace is None or trace.is_told:
            return True
        await self._store(messages, replace(trace, is_told=True), part)
        return False

    def is_there(self) -> bool:
        """Return whether a message of the trace exists, whether it was sent once or twice."""
        messages, part = split(self._job.parts)
        trace = Trace.read(part) if part is not None else None
        return any(map(is_medium, messages)) if trace is not None and trace.forms else bool(messages)

    def untold(self) -> OutcomeUnknown:
        """Return the exception for an undecidable case: nothing is sent again before a person decides."""
        return OutcomeUnknown(_UNTOLD.format(why=self.why))

    async def show(self) -> PermanentError:
        """Return the exception that shows the candidates to a person; a retry after that sends the message again."""
        messages, part = split(self._job.parts)
        trace = Trace.read(part) if part is not None else None
        if part is not None and trace is not None:
            numbers = tuple(int(number) for number, _, _ in trace.found)
            shown = tuple(dict.fromkeys((*trace.shown, *numbers)))
            await self._store(messages, replace(trace.unsearched(), shown=shown), part)
        if messages:
            return PermanentError(
                f"Telegram's answer was lost. It is there as {_name(messages[0])}, and may be there twice: {self.links}"
                f". {self.why} Look there: adopt the message that is this one, or remove it by hand; then try again."
            )
        return PermanentError(
            f"Telegram's answer was lost. It may be there: {self.links}. {self.why} Look there: adopt the message that "
            "is this one, or remove it by hand; then try again."
        )

    async def _search(self, messages: Sequence[RemotePart], trace: Trace, part: RemotePart) -> Trace:
        """Return the trace with the results; raises if the search is not finished."""
        chat = part.identity
        while chat in self._memory.searched:  # what that search sees serves this one
            if self._seconds_left() < 0:
                raise self._later(random.uniform(1.0, 5.0), _GOES_ON)  # noqa: S311 - so that not all come at once
            await asyncio.sleep(_TURN_SECONDS)
        self._memory.searched.add(chat)
        try:
            trace, found = await self._walk(messages, trace, part)
        finally:
            self._memory.searched.discard(chat)
        searched = _noted(trace, found)
        await self._store(messages, searched, part)
        if found.limit is not None:
            raise found.limit
        if found.stopped_at is not None:
            raise self._later(1.0, _GOES_ON)
        return searched

    async def _walk(self, messages: Sequence[RemotePart], trace: Trace, part: RemotePart) -> tuple[Trace, FoundLost]:
        # The clocks of several machines differ, and the id that the search begins after may be a minute old.
        others = await self._job.others.newest_parts(trace.sent_at - SETTLED_SECONDS)
        known = numbers_in([*messages, *others], part.identity)
        if not trace.start:
            over_at = trace.sent_at + self._config.attempt_timeout_seconds
            trace = replace(trace, is_passed=self._memory.has_sent(self._job.place, part.identity, trace.kind, over_at))
        found = await find_lost(
            self._client,
            self._job.place,
            LostSearch(
                after=trace.after,
                is_first=trace.is_first,
                before=trace.before or None,
                known=known | frozenset(trace.shown),
                identity=part.identity,
                sent_at=trace.sent_at,
                start=trace.start,
                found=tuple(_part(one, part) for one in trace.found),
                probe_count=trace.probe_count,
                empty_count=trace.empty_count,
            ),
            seconds=self._seconds_left(),
            sights=self._memory.sights,
            is_sole_poster=bool(self._job.place.options.get("sole_poster", True)),
        )
        return trace, found

    def _seconds_left(self) -> float:
        return self._config.attempt_timeout_seconds * _SEARCH_SHARE - (time.monotonic() - self._began)

    async def _unknown(self, trace: Trace, part: RemotePart) -> list[RemotePart]:
        """Return the candidates that no other record has meanwhile."""
        found = [_part(one, part) for one in trace.found]
        known = await self._job.others.known_ids([one.id for one in found], part.identity)
        return [one for one in found if one.id not in known and int(one.id) not in trace.shown]

    async def _judge(
        self,
        candidates: Sequence[RemotePart],
        others: Unsettled,
        asked_at: float,
        messages: Sequence[RemotePart],
        trace: Trace,
        part: RemotePart,
    ) -> Verdict | None:
        """Decide about the candidates; None if they are gone meanwhile. `others` were read at the time `asked_at`."""
        left = trace.searched_at + self._config.attempt_timeout_seconds + _STORED_SECONDS - time.time()
        if left > 0 and any(_may_be_sending(one) for one in others.sending):
            # One of them may belong to another record, which is about to get its id.
            raise self._later(min(left + 1, _AGAIN_SECONDS), _GOES_ON)
        # Each record edits the message that it takes to its own content, so it may be another record's. If this record
        # has sent several, the newer ones are deleted.
        own_count = trace.message_count
        traces = [Trace.read(one) if one is not None else None for one in others.lost]
        rivals = [one for one in traces if one is None or one.may_be(trace.kind)]
        others_count = sum(map(count_of, rivals))
        most = own_count + others_count
        if len(candidates) > most:
            # Other records have deleted some that they had taken, or there are messages of others. All that are still
            # there belong to records that had lost one when the first of them was looked at.
            search = (self._job.place.id, self._job.key, trace.searched_at)
            since, most = self._memory.excess_of(search, asked_at, most)
            candidates = await self._still_there(candidates, since)
            self._memory.forget_excess(search)
        if not candidates:
            return None
        self.links = ", ".join(_name(one) for one in candidates)
        is_certain = not others_count and len(candidates) == own_count
        taken = _as_sent(candidates[:own_count], trace, is_certain=is_certain)
        if others_count and len(candidates) > own_count:
            mine = claimable([int(one.id) for one in candidates], trace, rivals)
            pool = [one for one in candidates if int(one.id) in mine]
            # Any of them, so that records with the same claim do not take the same one at the same time.
            sample = random.sample(pool if len(pool) >= own_count else candidates, own_count)
            taken = _as_sent(sorted(sample, key=lambda one: int(one.id)), trace, is_certain=False)
        self.why = trace.doubt
        if not self.why and len(trace.forms) > 1 and not is_certain:
            self.why = "It is an album, and it cannot be told which messages are its own."
        if not self.why and len(candidates) > most:
            self.why = "Several messages may be it."
        if self.why:
            return Verdict.FOREIGN
        if most > own_count:
            await self._leave_what_is_gone(taken, messages, trace, part)
        await self._job.checkpoint([*taken, *messages])
        if await self._job.others.known_ids([one.id for one in taken], part.identity):
            # Another record took it at the same moment; the record that notices it gives it up.
            await self._store(messages, trace, part)
            raise self._later(random.uniform(1.0, 5.0), _GOES_ON)  # noqa: S311 - so that not both come again at once
        return Verdict.SETTLED

    async def _leave_what_is_gone(
        self, taken: Sequence[RemotePart], messages: Sequence[RemotePart], trace: Trace, part: RemotePart
    ) -> None:
        """Raise if one of these is gone meanwhile: another record, which is gone too, had taken it."""
        token = self._job.place.secret.get("token", "")
        gone = {one.id for one in taken if await look(self._client, token, one.identity, int(one.id)) is Sight.GONE}
        if gone:
            found = tuple(one for one in trace.found if one[0] not in gone)
            await self._store(messages, replace(trace, found=found), part)
            raise self._later(1.0, _GOES_ON)

    async def _still_there(self, candidates: Sequence[RemotePart], since: float) -> list[RemotePart]:
        """Return the candidates that still existed after a time; raises if that needs another attempt."""
        place, sights, there = self._job.place, self._memory.sights, []
        for one in candidates[:_LOOKED_AT_COUNT]:
            number = int(one.id)
            sight = sights.at(place, one.identity, number, since)
            if sight is None:
                if self._seconds_left() < 0:
                    raise self._later(1.0, _GOES_ON)
                await asyncio.sleep(PACE_SECONDS)
                asked_at = time.time()
                sight = await look(self._client, place.secret.get("token", ""), one.identity, number)
                sights.note(place, one.identity, number, asked_at, sight)
            if sight is not Sight.GONE:
                there.append(one)
        return there

    async def _store(self, messages: Sequence[RemotePart], trace: Trace, part: RemotePart) -> None:
        await self._job.checkpoint([*messages, trace.part(part.address, part.identity)])

    def _untold(self, why: str) -> Verdict:
        self.why = why
        return Verdict.UNTOLD

    def _later(self, seconds: float, words: str) -> RateLimited:
        return RateLimited(words, after_seconds=seconds, scope="task")


def _noted(trace: Trace, found: FoundLost) -> Trace:
    is_over = found.stopped_at is None
    return replace(
        trace,
        start=found.stopped_at or 0,
        probe_count=found.probe_count,
        empty_count=found.empty_count if not is_over else 0,
        found=tuple((one.id, one.kind, one.url) for one in found.candidates),
        doubt=found.doubt,
        unclear=trace.unclear or found.unclear,
        searched_at=int(time.time()) if is_over else 0,
    )


def _part(found: tuple[str, str, str], trace: RemotePart) -> RemotePart:
    number, kind, url = found
    return RemotePart(kind=kind, id=number, url=url, address=trace.address, identity=trace.identity)


def _may_be_sending(trace_part: RemotePart | None) -> bool:
    """Return whether a running attempt at a record may have sent a message whose id is not stored yet."""
    trace = Trace.read(trace_part) if trace_part is not None else None
    return trace is None or trace.is_open


def _as_sent(found: Sequence[RemotePart], trace: Trace, *, is_certain: bool) -> list[RemotePart]:
    """Return messages with the kinds with which they were sent; if they may be another record's, these are doubtful."""
    if not trace.forms:
        return list(found)
    kinds = [trace.forms[number % len(trace.forms)] for number in range(len(found))]
    return [
        one if one.kind == "text" else replace(one, kind=kind if is_certain else doubtful(kind))
        for one, kind in zip(found, kinds, strict=True)
    ]


def _has_own_ids(address: str) -> bool:
    """Return whether a chat is a channel or a supergroup, whose ids begin at 1: only these have such addresses."""
    return address.startswith(("@", "-100"))


def _name(part: RemotePart) -> str:
    return part.url or f"{part.address}, {part.id}"

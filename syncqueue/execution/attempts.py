"""Attempts at records: check the holds, deliver the records of one destination together, end each task in the queue."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from syncqueue import signals
from syncqueue.conf import ServiceSettings, Settings
from syncqueue.core.answer import Asked
from syncqueue.core.chunks import chunks
from syncqueue.core.clock import Clock
from syncqueue.core.errors import AddressMoved, DestinationBroken, PermanentError, QueueError
from syncqueue.core.hold import BREAKER, RATE, SHARE, STOPPED, Hold, breaker_of, rate_of, stopped
from syncqueue.core.result import ENDPOINT_FAILURES, Outcome, SyncResult
from syncqueue.core.task import SyncTask, TaskState, TaskView
from syncqueue.execution.database import DatabaseThreads, retried
from syncqueue.execution.decision import Decision, Done, Fail, NeedsReview, Park, Retry, decide, error_of
from syncqueue.execution.deliver import Delivery, state_after
from syncqueue.execution.entry import Delivered
from syncqueue.execution.finisher import Attempt, Finisher, announce
from syncqueue.execution.group_commit import GroupCommit
from syncqueue.execution.prepare import prepare
from syncqueue.execution.prepared import NotReady, Prepared, Ready, Verdict
from syncqueue.execution.sending import batch_limit
from syncqueue.execution.sent_log import SentLog
from syncqueue.execution.shares import Shares
from syncqueue.handlers import gate
from syncqueue.handlers.base import DocumentHandler, Place
from syncqueue.models import RecordState, SentEntry, SyncRecord
from syncqueue.queue import AsyncSyncQueue
from syncqueue.queue.calls import CHUNK, AdmissionRequest, EndpointFailure
from syncqueue.sources import records
from syncqueue.sources.destinations import follow_move, has_rivals, mark_broken
from syncqueue.sources.intents import pending_record, record_id_of, touch_records
from syncqueue.sources.same_place import UNKNOWN, remember_identities

logger = logging.getLogger("syncqueue.execution")

# Delay before the next try of a record that another attempt is working on.
_MARKED_SECONDS = 5.0
# How long to cache whether a party is the only one on a service.
_RIVALS_SECONDS = 60.0
_MOST_RIVALS = 1000  # maximum number of cached parties
# Delay before a record is offered again to processes whose settings declare its destination.
_ELSEWHERE_SECONDS = 30.0
_MARKED_TEXT = "Another attempt is running."
_CUT_OFF_TEXT = "An attempt was interrupted after it may have sent this; check before you send it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyAttempt:
    """An attempt at a record that can be delivered."""

    attempt: Attempt
    ready: Ready


def grouped(
    attempts: Iterable[ReadyAttempt], handler: DocumentHandler, policy: ServiceSettings
) -> list[list[ReadyAttempt]]:
    """Group attempts by destination, in groups of at most the handler's batch size."""
    by_destination: dict[int, list[ReadyAttempt]] = {}
    for one in attempts:
        by_destination.setdefault(one.ready.destination_id, []).append(one)
    limit = batch_limit(handler, policy)
    return [group for same in by_destination.values() for group in chunks(same, limit)]


class RecordRunner:
    """Makes attempts at the records of one service, on one event loop."""

    def __init__(
        self,
        queue: AsyncSyncQueue,
        finisher: Finisher,
        database: DatabaseThreads,
        commits: GroupCommit,
        clock: Clock,
        settings: Settings,
        sent_log: SentLog,
    ) -> None:
        """`finisher` ends attempts in `queue`; `commits` writes their records; `sent_log` records what was sent."""
        self._queue = queue
        self._finisher = finisher
        self._database = database
        self._commits = commits
        self._clock = clock
        self._settings = settings
        self._sent_log = sent_log
        self._shares = Shares()
        self._clearing: set[str] = set()  # parties whose pending tasks are being parked
        self._rivals: dict[str, tuple[bool, float]] = {}  # party -> whether it has rivals, valid until (monotonic)

    async def run(self, group: Sequence[ReadyAttempt], handler: DocumentHandler, policy: ServiceSettings) -> None:
        """Make the attempts of a group. All of them are at one destination."""
        ready, seats = group[0].ready, group[0].attempt.run.seats
        is_shared = seats is not None and ready.sends
        await self._let_followers_go(
            [one.attempt for one in group if not is_shared or one.attempt.claimed.lane != ready.share]
        )
        if seats is None or not ready.sends:
            await self._run(group, handler, policy)
            return
        if not self._shares.has_room(ready.share, seats) and await self._has_rivals(ready):
            group = await self._not_parked(group)
            self._shares.note_parked(ready.share)
            if self._shares.has_room(ready.share, seats):  # its attempts have ended meanwhile
                await self._let_next_go(ready.share)
            if not group:
                return
        self._shares.begin(ready.share)
        try:
            if any(one.attempt.claimed.lane == ready.share for one in group):  # more may wait where it came from
                self._shares.note_parked(ready.share)
                if self._shares.has_room(ready.share, seats):
                    await self._let_next_go(ready.share)
            await self._run(group, handler, policy)
        finally:
            self._shares.end(ready.share)
            await self._let_next_go(ready.share)

    async def _run(self, group: Sequence[ReadyAttempt], handler: DocumentHandler, policy: ServiceSettings) -> None:
        if admitted := await self._admitted(group):
            await self._deliver(admitted, handler, policy)

    async def _has_rivals(self, ready: Ready) -> bool:
        """Return whether another party has a destination on the service; read once a minute from the database."""
        known, until = self._rivals.get(ready.share, (False, 0.0))
        if time.monotonic() > until:
            known = await self._database.run(has_rivals, ready.record.destination)
            if len(self._rivals) > _MOST_RIVALS:
                self._rivals.clear()
            self._rivals[ready.share] = (known, time.monotonic() + _RIVALS_SECONDS)
        return known

    async def _not_parked(self, group: Sequence[ReadyAttempt]) -> Sequence[ReadyAttempt]:
        """Park attempts above their party's share; returns those that could not be parked and are made anyway."""
        share = group[0].ready.share
        # Without the lane: a task that came from it would be let through again.
        asked = [AdmissionRequest(claimed=replace(one.attempt.claimed, lane=None), holds=(share,)) for one in group]
        try:
            # The hold expires, because the worker whose attempt would lift it may be killed.
            seconds = self._settings.processing.attempt_timeout_seconds
            await self._queue.hold(share, seconds, waiting_text(share))
            admissions = await self._queue.admit(asked)
        except QueueError as error:
            logger.warning("Tasks above a share could not be parked: %s", error, extra=group[0].attempt.extra)
            return group
        ids = [one.ready.record_id for one, answer in zip(group, admissions, strict=True) if answer.held_by]
        await self._database.run(records.note_waiting, ids, waiting_text(share), self._clock.now())
        if share not in self._clearing:
            await self._clear_head(group[0].ready)
        return [one for one, answer in zip(group, admissions, strict=True) if answer.admitted]

    async def _clear_head(self, ready: Ready) -> None:
        """Park all tasks of a party at the head of the queue; otherwise others would wait for each of them."""
        self._clearing.add(ready.share)
        try:
            while waiting := _by_record(await self._queue.tasks(TaskState.PENDING, limit=CHUNK)):
                theirs = await self._database.run(records.of_party, list(waiting), ready.record.destination)
                if not theirs or not await self._queue.park(ready.share, [waiting[key] for key in theirs]):
                    return
                await self._database.run(records.note_waiting, theirs, waiting_text(ready.share), self._clock.now())
        except QueueError as error:
            logger.warning("Further tasks of %s are parked when they are claimed: %s", ready.share, error)
        finally:
            self._clearing.discard(ready.share)

    async def _let_next_go(self, share: str) -> None:
        if self._shares.to_lift(share):
            await self._lift(share)

    async def _let_followers_go(self, ended: Sequence[Attempt]) -> None:
        """Lift a share's hold after a task of its lane that does not use the share."""
        for lane in {one.claimed.lane or "" for one in ended}:
            if Hold.parse(lane).kind == SHARE:
                await self._lift(lane)

    async def _lift(self, share: str) -> None:
        try:
            await self._queue.lift(share)
        except QueueError as error:
            logger.warning("Tasks of %s wait until their hold expires: %s", share, error)

    async def _admitted(self, group: Sequence[ReadyAttempt]) -> Sequence[ReadyAttempt]:
        """Return the attempts that no hold applies to; the other tasks are parked, and their records say why."""
        asking = [one for one in group if one.ready.sends and one.attempt.run.holds_active]
        if not asking:
            return group
        requests = [AdmissionRequest(claimed=one.attempt.claimed, holds=one.ready.holds) for one in asking]
        try:
            admissions = await self._queue.admit(requests)
        except QueueError as error:
            logger.warning("The holds could not be checked: %s", error, extra=asking[0].attempt.extra)
            return group  # safe: the send mark is the fence, a hold only spares the service
        parked: dict[str, list[int]] = {}
        refused: set[int] = set()
        for one, admission in zip(asking, admissions, strict=True):
            if not admission.admitted:
                refused.add(one.ready.record_id)
                if admission.held_by:
                    parked.setdefault(admission.held_by, []).append(one.ready.record_id)
        for hold, ids in parked.items():
            await self._database.run(records.note_waiting, ids, waiting_text(hold), self._clock.now())
        return [one for one in group if one.ready.record_id not in refused]

    async def _deliver(self, group: Sequence[ReadyAttempt], handler: DocumentHandler, policy: ServiceSettings) -> None:
        timeout = self._settings.processing.attempt_timeout_seconds
        ready = [one.ready for one in group]
        delivery = Delivery(ready, handler, self._database, self._commits, self._clock, timeout_seconds=timeout)
        ended = await delivery.run()
        self._sent_log.add(self._entries(group, ended))
        # Successes are ended first: their responses must not look newer than the endpoint failures of the others.
        well = [n for n, one in enumerate(ended) if one.result.outcome is Outcome.SUCCESS and not one.fenced]
        await self._end([group[n] for n in well], [ended[n] for n in well], [Done()] * len(well))
        decisions = await self._decide(group, ended, policy)
        await delivery.store_failures(decisions)
        left = [n for n in range(len(group)) if n not in set(well)]
        await self._end([group[n] for n in left], [ended[n] for n in left], [decisions[n] for n in left])

    def _entries(self, group: Sequence[ReadyAttempt], ended: Sequence[Delivered]) -> list[SentEntry]:
        """Return the log entries of a group."""
        now, clock = self._clock.now(), time.monotonic()
        return [
            SentEntry(
                at=now,
                action=what.sent.action,
                is_partial=what.sent.is_partial,
                service=one.ready.record.service,
                destination_id=one.ready.destination_id,
                destination_name=one.ready.place.name,
                source=one.ready.record.source,
                object_pk=one.ready.record.object_pk,
                url=what.sent.url,
                seconds=clock - one.attempt.began,
                attempt=one.attempt.claimed.attempt,
            )
            for one, what in zip(group, ended, strict=True)
            if what.sent is not None
        ]

    async def _decide(
        self, group: Sequence[ReadyAttempt], ended: Sequence[Delivered], policy: ServiceSettings
    ) -> list[Decision]:
        consequences = _Consequences(self._queue, self._finisher, self._database, self._clock)
        return [
            _retry_soon()
            if one.fenced
            else await self._decide_one(of.attempt, of.ready, one.result, policy, consequences)
            for of, one in zip(group, ended, strict=True)
        ]

    async def _decide_one(
        self,
        attempt: Attempt,
        prepared: Prepared,
        result: SyncResult,
        policy: ServiceSettings,
        consequences: _Consequences,
    ) -> Decision:
        credential, destination_id = "", prepared.destination_id or 0
        if isinstance(prepared, Ready):
            credential = prepared.credential
        if result.outcome is Outcome.MOVED and prepared.place is not None:
            if await consequences.follow(attempt, prepared.place, result):
                return Retry(error=result.error, counts=False)
            result = replace(result, outcome=Outcome.BROKEN, error=f"{result.error} Enter it as the address.")
        failure = None
        if result.outcome in ENDPOINT_FAILURES:
            failure = await consequences.record_failure(attempt, result.error)
        by_credential = result.scope == "credential"
        decision = decide(
            result,
            attempt=attempt.claimed.attempt,
            service=policy,
            breaker=self._settings.breaker,
            rate_hold=rate_of(destination_id, credential if by_credential else "").name,
            stopped_hold=stopped(destination_id).name,
            breaker_hold=breaker_of(attempt.endpoint).name,
            failure=failure,
            limited_count=attempt.limited_count,
            blamed=attempt.is_blamed(failure),
        )
        if result.outcome is Outcome.BROKEN and destination_id:
            await consequences.break_destination(attempt, destination_id, result.error)
        return decision

    async def _end(
        self, group: Sequence[ReadyAttempt], ended: Sequence[Delivered], decisions: Sequence[Decision]
    ) -> None:
        await asyncio.gather(
            *(
                self._finisher.end(one.attempt, what.result, decision, contacted=what.contacted)
                for one, what, decision in zip(group, ended, decisions, strict=True)
            )
        )

    # Records that are not ready

    async def end_unready(
        self, attempt: Attempt, found: NotReady, handler: DocumentHandler, policy: ServiceSettings
    ) -> None:
        """End an attempt at a record for which nothing is sent now."""
        result = found.result
        decision: Decision
        match found.verdict:
            case Verdict.SETTLED if found.record and found.record.state == RecordState.FAILED:
                # The record failed, and the worker died before it failed the task.
                result = SyncResult.failure(found.record.error)
                decision = Fail(error=result.error)
            case Verdict.SENDING:
                decision = _retry_soon()
                if found.wake is not None:
                    await self._wake(found.wake)
            case Verdict.UNIDENTIFIED:
                result = await self._identify(found, handler)
                if result.outcome is Outcome.SUCCESS:
                    await self._run_identified(attempt, found, handler, policy)
                    return
                consequences = _Consequences(self._queue, self._finisher, self._database, self._clock)
                decision = await self._decide_one(attempt, found, result, policy, consequences)
                await self._store_failure(found.record, decision)
            case Verdict.ELSEWHERE:
                decision = await self._leave(found)
            case Verdict.STOPPED:
                decision = await self._stop(found, result.error)
            case Verdict.UNCERTAIN:
                result = SyncResult(outcome=Outcome.UNKNOWN, error=_CUT_OFF_TEXT)
                decision = NeedsReview(error=_CUT_OFF_TEXT)
                if found.record:
                    await self._database.run(records.hold_uncertain, [found.record], _CUT_OFF_TEXT, self._clock.now())
            case Verdict.FAILED:
                consequences = _Consequences(self._queue, self._finisher, self._database, self._clock)
                decision = await self._decide_one(attempt, found, result, policy, consequences)
                await self._store_failure(found.record, decision)
            case _:
                decision = Done()
        await self._finisher.end(attempt, result, decision, contacted=False)
        await self._let_followers_go([attempt])

    async def _stop(self, found: NotReady, reason: str) -> Decision:
        await self._database.run(records.note_waiting, [found.record_id], reason, self._clock.now())
        return Park(error=reason, hold=found.stop_hold)

    async def _identify(self, found: NotReady, handler: DocumentHandler) -> SyncResult:
        """Look up the identity of each address of a record, and store the identities."""
        known: dict[int, dict[str, str]] = {}
        try:
            async with asyncio.timeout(self._settings.processing.attempt_timeout_seconds):
                for place in found.places:
                    if identity := await self._identity(found, handler, place):
                        known.setdefault(place.id, {})[place.address] = identity
        except Exception as error:  # a handler may raise anything
            return SyncResult.from_exception(error)
        for destination_id, identities in known.items():
            await retried(partial(self._database.run, remember_identities, destination_id, identities))
        return SyncResult.success()

    async def _run_identified(
        self, attempt: Attempt, found: NotReady, handler: DocumentHandler, policy: ServiceSettings
    ) -> None:
        """Continue with a record whose places are identified now."""
        again = await self._database.run(
            prepare, [found.record_id], handler, policy, self._clock.now(), asked=found.asked
        )
        prepared = again[found.record_id]
        if isinstance(prepared, Ready):
            await self.run([ReadyAttempt(attempt=attempt, ready=prepared)], handler, policy)
        else:
            await self.end_unready(attempt, prepared, handler, policy)

    async def _identity(self, found: NotReady, handler: DocumentHandler, place: Place) -> str:
        """Return the identity of a place; "" for that of another destination if it is unavailable now.

        The other destination looks it up itself before it posts, and then sees what this one shows.
        """
        is_own = place.id == found.destination_id
        if gate.named_host(handler, place) != found.endpoint:
            return UNKNOWN if is_own else ""  # the present secret must not be sent to a former host
        answer = await gate.identify(handler, place)
        if isinstance(answer, Asked):
            return answer.value or UNKNOWN
        if not is_own:
            return ""
        today = found.record is not None and place.address == found.record.destination.address
        if not today and isinstance(answer.error, PermanentError | DestinationBroken | AddressMoved):
            return UNKNOWN  # the former address does not exist any more
        raise answer.as_error()

    async def _wake(self, record: SyncRecord) -> None:
        """Enqueue another record that is not waiting."""
        if record.state != RecordState.WAITING:
            pending = await self._database.run(touch_records, [record], now=self._clock.now())
            await self._queue.enqueue_many([one.task() for one in pending])

    async def _leave(self, prepared: NotReady) -> Decision:
        """Leave a record to a process whose settings declare its destination."""
        name = prepared.record.destination.name if prepared.record else ""
        reason = (
            f"{name} is not declared in the settings of the process that tried this (SYNCQUEUE['DESTINATIONS']); "
            "a process that declares it posts this."
        )
        await self._database.run(records.note_waiting, [prepared.record_id], reason, self._clock.now())
        return Retry(error=reason, after_seconds=_ELSEWHERE_SECONDS, counts=False)

    async def _store_failure(self, record: SyncRecord | None, decision: Decision) -> None:
        if record is None:
            return
        failure = records.Failure(
            record=record,
            state=state_after(decision),
            error=error_of(decision),
            next_attempt_at=None,
        )
        await self._database.run(records.store_failures, [failure], None, now=self._clock.now())


class _Consequences:
    """The effects of a group's results on breaker and destination, each applied once per group."""

    def __init__(self, queue: AsyncSyncQueue, finisher: Finisher, database: DatabaseThreads, clock: Clock) -> None:
        self._queue = queue
        self._finisher = finisher
        self._database = database
        self._clock = clock
        self._failure: EndpointFailure | None = None
        self._is_recorded = False
        self._followed: bool | None = None
        self._is_broken = False

    async def record_failure(self, attempt: Attempt, error: str) -> EndpointFailure | None:
        """Count an endpoint failure. Returns None if it could not be counted."""
        if not self._is_recorded:
            self._is_recorded = True
            self._failure = await self._finisher.record_failure(attempt, error)
        return self._failure

    async def follow(self, attempt: Attempt, place: Place, result: SyncResult) -> bool:
        """Move the destination to the new address of its place; returns whether that was possible."""
        if self._followed is None:
            self._followed = await self._database.run(follow_move, place.id, old=place.address, new=result.new_address)
            if self._followed:
                logger.warning("Destination %s: %s", place.id, result.error, extra=attempt.extra)
        return self._followed

    async def break_destination(self, attempt: Attempt, destination_id: int, reason: str) -> None:
        """Mark the destination as broken, log it and send the signal."""
        if self._is_broken:
            return
        self._is_broken = True
        marking = partial(self._database.run, mark_broken, destination_id, reason, self._clock.now())
        woken = await retried(marking)
        if woken is None:
            return
        logger.error("Destination %s is broken: %s", destination_id, reason, extra=attempt.extra)
        task = attempt.claimed.task
        await announce(
            self._database,
            signals.destination_broken,
            service=task.service,
            task=task,
            record_id=record_id_of(task),
            destination_id=destination_id,
            error=reason,
        )
        with suppress(QueueError):  # then the sweep enqueues them
            await self._queue.enqueue_many(pending_record(row, row.destination).task() for row in woken)


def _by_record(views: Iterable[TaskView]) -> dict[int, SyncTask]:
    tasks = [view.task for view in views if view.task is not None]  # None: the task cannot be read
    found = {record_id_of(task): task for task in tasks}
    return {key: task for key, task in found.items() if key is not None}


def _retry_soon() -> Decision:
    return Retry(error=_MARKED_TEXT, after_seconds=_MARKED_SECONDS, counts=False)


def waiting_text(name: str) -> str:
    """Return, for people, why a task waits that is parked behind the hold with this name."""
    hold = Hold.parse(name)
    if hold.kind == BREAKER:
        return f"{hold.subject} is away or out of order; this goes out by itself when it is back."
    if hold.kind == RATE:
        return "The service asked to wait; this is sent automatically afterwards."
    if hold.kind == SHARE:
        return "Many others of the same owner or destination are being sent; this is sent after them."
    if hold.kind == STOPPED:
        return "The destination is refused by the service, or disabled; this is sent when that is fixed."
    return f"Held by {name}."

"""Runs claimed tasks of any kind, the same way in web processes and workers."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import cast

from django.db import Error as DatabaseError

from syncqueue import policies, signals
from syncqueue.conf import ServiceSettings, Settings
from syncqueue.core.clock import SYSTEM_CLOCK, Clock
from syncqueue.core.errors import QueueError
from syncqueue.core.result import Outcome, SyncResult
from syncqueue.core.task import ClaimedTask
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.decision import Decision, Move, decide
from syncqueue.execution.ending import Attempt, Ending, announce
from syncqueue.execution.prepare import Prepared, Verdict, broken_hold, prepare
from syncqueue.execution.reconcile import Reconciled, Reconciliation
from syncqueue.handlers.base import DocumentHandler, SyncHandler
from syncqueue.handlers.registry import make_handler
from syncqueue.models import RecordState
from syncqueue.queue import AsyncSyncQueue
from syncqueue.queue.calls import Request
from syncqueue.sources import records
from syncqueue.sources.destinations import mark_broken
from syncqueue.sources.intents import record_id_of

logger = logging.getLogger("syncqueue.execution")

# How soon to look again at a record that another attempt is working on.
_MARKED_SECONDS = 5.0
# How long a task is kept from being claimed again while the database is away.
_BROKEN_OFF_SECONDS = 2.0


class Executor:
    """Attempts the tasks it is given, on the loop it was first used on; each ends in its queue."""

    def __init__(
        self,
        settings: Settings,
        queues: Mapping[str, AsyncSyncQueue],
        database: DatabaseThreads,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`queues` by service: the ones the tasks come from."""
        self.settings = settings
        self._queues = queues
        self._database = database
        self._clock = clock
        self._handlers: dict[str, SyncHandler] = {}
        self._endings: dict[str, Ending] = {}
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def handler(self, service: str) -> SyncHandler:
        """The service's handler on this loop; raises `ConfigurationError`."""
        if service not in self._handlers:
            self._handlers[service] = make_handler(service, self.settings)
        return self._handlers[service]

    def _ending(self, service: str) -> Ending:
        if service not in self._endings:
            self._endings[service] = Ending(self._queues[service], self.settings.breaker, self._database, self._clock)
        return self._endings[service]

    async def aclose(self) -> None:
        """Let go of the handlers' connections and threads."""
        for handler in self._handlers.values():
            await handler.aclose()
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    async def run(
        self,
        service: str,
        claimed: Sequence[ClaimedTask],
        *,
        watched: bool,
        leased: bool = True,
        done: Callable[[ClaimedTask], None] | None = None,
    ) -> None:
        """Attempt claimed tasks side by side. `done` is called as each one ends, however it ends.

        `watched`: a hold or a strike is set. `leased` is False for records attempted while Redis is away.
        """
        tell = done or (lambda one: None)
        try:
            policy = await self._database.run(policies.in_force, service)
            handler = self.handler(service)
            by_record = {record_id_of(one.task): one for one in claimed if isinstance(handler, DocumentHandler)}
            by_record.pop(None, None)
            prepared = await self._prepare(handler, policy, [i for i in by_record if i is not None])
        except Exception as error:  # nothing was tried
            await asyncio.gather(*(self._give_back(one, error, leased, tell) for one in claimed))
            return
        await asyncio.gather(
            *(
                self._run_one(one, prepared.get(record_id_of(one.task)), handler, policy, watched, leased, tell)
                for one in claimed
            )
        )

    async def _prepare(
        self, handler: SyncHandler, policy: ServiceSettings, record_ids: Sequence[int]
    ) -> dict[int | None, Prepared]:
        if not record_ids or not isinstance(handler, DocumentHandler):
            return {}
        found = await self._database.run(prepare, record_ids, handler, policy)
        return dict(found.items())

    async def _run_one(
        self,
        claimed: ClaimedTask,
        prepared: Prepared | None,
        handler: SyncHandler,
        policy: ServiceSettings,
        watched: bool,
        leased: bool,
        tell: Callable[[ClaimedTask], None],
    ) -> None:
        began = time.monotonic()
        try:
            if prepared is None:
                await self._run_generic(claimed, handler, policy, watched, began)
            else:
                endpoint = prepared.endpoint
                attempt = Attempt(claimed=claimed, endpoint=endpoint, watched=watched, began=began, leased=leased)
                await self._run_record(attempt, prepared, handler, policy)
        except Exception as error:  # one attempt that breaks must not take the others with it
            await self._give_back(claimed, error, leased, tell)
        else:
            tell(claimed)

    async def _give_back(
        self, claimed: ClaimedTask, error: Exception, leased: bool, tell: Callable[[ClaimedTask], None]
    ) -> None:
        """Put a task back because the database is away: that is no crash. Anything else is left to its lease.

        A lease that runs out is counted, so what breaks off each time fails in the end, and is seen.
        """
        logger.error("An attempt at %s broke off", claimed.task.id, exc_info=error)
        try:
            if leased and isinstance(error, DatabaseError):
                await asyncio.sleep(_BROKEN_OFF_SECONDS)  # or it would be claimed again at once
                await self._queues[claimed.task.service].release(claimed)
        except QueueError as refused:
            logger.warning("It is left to its lease: %s", refused)
        finally:
            tell(claimed)

    # Records

    async def _run_record(
        self, attempt: Attempt, prepared: Prepared, handler: SyncHandler, policy: ServiceSettings
    ) -> None:
        if prepared.verdict is not Verdict.READY:
            await self._end_unready(attempt, prepared, policy)
            return
        if prepared.sends and not await self._admitted(attempt, prepared):
            return
        if not isinstance(handler, DocumentHandler):
            raise TypeError(f"{type(handler).__name__} is not a DocumentHandler")
        timeout = self.settings.processing.attempt_timeout_seconds
        reconciliation = Reconciliation(prepared, handler, self._database, self._clock, timeout_seconds=timeout)
        reconciled = await reconciliation.run()
        if reconciled.fenced:
            decision = Decision(
                move=Move.RETRY, error=reconciled.result.error, delay_seconds=_MARKED_SECONDS, counts=False
            )
        else:
            decision = await self._decide(attempt, prepared, reconciled.result, policy)
        await reconciliation.conclude(reconciled, decision)
        await self._end(attempt, prepared, reconciled, decision)

    async def _admitted(self, attempt: Attempt, prepared: Prepared) -> bool:
        """Whether no hold stands against sending; otherwise the task is parked, and the record says why."""
        if not attempt.watched:
            return True
        queue = self._queues[attempt.claimed.task.service]
        try:
            admission = (await queue.admit([Request(claimed=attempt.claimed, holds=prepared.holds)]))[0]
        except QueueError as error:
            logger.warning("The holds could not be asked: %s", error, extra=attempt.extra)
            return True  # the mark is the fence; the breaker is a courtesy
        if admission.admitted:
            return True
        if admission.held_by:
            text = waiting_text(admission.held_by)
            await self._database.run(records.note_waiting, [prepared.record_id], text, self._clock.now())
        return False

    async def _end_unready(self, attempt: Attempt, prepared: Prepared, policy: ServiceSettings) -> None:
        ended = Reconciled(result=prepared.result or SyncResult.success())
        decision = Decision(move=Move.DONE)
        match prepared.verdict:
            case Verdict.SETTLED if prepared.record and prepared.record.state == RecordState.FAILED:
                # The record failed, and the worker died before it could say so to the queue.
                ended = Reconciled(result=SyncResult.failure(prepared.record.error))
                decision = Decision(move=Move.FAIL, error=prepared.record.error)
            case Verdict.MARKED:
                text = "Another attempt is working on this."
                decision = Decision(move=Move.RETRY, error=text, delay_seconds=_MARKED_SECONDS, counts=False)
            case Verdict.STOPPED:
                text = ended.result.error
                decision = Decision(move=Move.PARK, error=text, counts=False, hold=prepared.stop_hold, hold_ends=False)
                await self._database.run(records.note_waiting, [prepared.record_id], text, self._clock.now())
            case Verdict.UNCERTAIN:
                text = "An attempt was cut off after it may have sent this; look before you send it again."
                ended = Reconciled(result=SyncResult(outcome=Outcome.UNKNOWN, error=text))
                decision = Decision(move=Move.HELD, error=text)
                await self._database.run(records.hold_uncertain, prepared.record, text, self._clock.now())
            case Verdict.TROUBLE:
                decision = await self._decide(attempt, prepared, ended.result, policy)
                await self._store_trouble(prepared, decision)
        await self._end(attempt, prepared, ended, decision)

    async def _store_trouble(self, prepared: Prepared, decision: Decision) -> None:
        if prepared.record is None:
            return
        states = {Move.FAIL: RecordState.FAILED, Move.HELD: RecordState.UNKNOWN}
        await self._database.run(
            records.store_trouble,
            prepared.record,
            None,
            state=states.get(decision.move, RecordState.WAITING),
            error=decision.error,
            now=self._clock.now(),
            next_attempt_at=None,
            nothing_sent=True,
        )

    async def _decide(
        self, attempt: Attempt, prepared: Prepared, result: SyncResult, policy: ServiceSettings
    ) -> Decision:
        destination = prepared.record.destination_id if prepared.record else 0
        subject = f"destination:{destination}"
        if result.scope == "credential":
            subject = f"credential:{prepared.credential}"
        decision = decide(
            result,
            attempt=attempt.claimed.attempt,
            service=policy,
            breaker=self.settings.breaker,
            rate_hold=f"rate:{subject}",
            broken_hold=broken_hold(destination),
        )
        if result.outcome is Outcome.BROKEN and prepared.record is not None:
            await self._break_destination(attempt, destination, result.error)
        if result.outcome is Outcome.UNREACHABLE:
            return await self._strike(attempt, decision)
        return decision

    async def _strike(self, attempt: Attempt, decision: Decision) -> Decision:
        hold = await self._ending(attempt.claimed.task.service).strike(attempt, decision.error)
        return replace(decision, move=Move.PARK, hold=hold) if hold else decision

    async def _break_destination(self, attempt: Attempt, destination_id: int, reason: str) -> None:
        newly = await self._database.run(mark_broken, destination_id, reason, self._clock.now())
        if newly:
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

    async def _end(self, attempt: Attempt, prepared: Prepared, reconciled: Reconciled, decision: Decision) -> None:
        ending = self._ending(attempt.claimed.task.service)
        await ending.end(attempt, reconciled.result, decision, contacted=reconciled.contacted)

    # Generic tasks

    async def _run_generic(
        self,
        claimed: ClaimedTask,
        handler: SyncHandler,
        policy: ServiceSettings,
        watched: bool,
        began: float,
    ) -> None:
        service = claimed.task.service
        attempt = Attempt(claimed=claimed, endpoint=service, watched=watched, began=began)
        names = (f"rate:{service}", f"broken:{service}", f"breaker:{service}")
        if watched:
            admission = (await self._queues[service].admit([Request(claimed=claimed, holds=names)]))[0]
            if not admission.admitted:
                return
        result = await self._process(handler, claimed, policy)
        decision = decide(
            result,
            attempt=claimed.attempt,
            service=policy,
            breaker=self.settings.breaker,
            rate_hold=names[0],
            broken_hold=names[1],
        )
        if result.outcome is Outcome.UNREACHABLE:
            decision = await self._strike(attempt, decision)
        contacted = result.outcome is not Outcome.UNREACHABLE
        await self._ending(service).end(attempt, result, decision, contacted=contacted)

    async def _process(self, handler: SyncHandler, claimed: ClaimedTask, policy: ServiceSettings) -> SyncResult:
        timeout = self.settings.processing.attempt_timeout_seconds
        try:
            if not inspect.iscoroutinefunction(handler.process):
                return await self._in_thread(handler, claimed, policy) or SyncResult.success()
            async with asyncio.timeout(timeout) as limit:
                answer = await cast("Awaitable[SyncResult | None]", handler.process(claimed))
        except Exception as error:  # a handler may raise anything
            if isinstance(error, TimeoutError) and limit.expired():
                text = f"No answer within {timeout:g} s; it is not known whether it was carried out."
                return SyncResult(outcome=Outcome.UNKNOWN, error=text)
            return SyncResult.from_exception(error)
        return answer or SyncResult.success()

    async def _in_thread(
        self, handler: SyncHandler, claimed: ClaimedTask, policy: ServiceSettings
    ) -> SyncResult | None:
        """A plain function runs in a thread, and keeps its lease until it returns: a thread cannot be cut off."""
        service = claimed.task.service
        if service not in self._threads:
            self._threads[service] = ThreadPoolExecutor(policy.concurrency, thread_name_prefix=f"syncqueue-{service}")
        run = asyncio.get_running_loop().run_in_executor
        return await run(self._threads[service], lambda: cast("SyncResult | None", handler.process(claimed)))


def waiting_text(hold: str) -> str:
    """Why a task parked behind a hold waits, in words."""
    kind, _, subject = hold.partition(":")
    match kind:
        case "breaker":
            return f"{subject} cannot be reached; this goes out by itself when it can."
        case "rate":
            return "The service has asked to wait; this goes out by itself after that."
        case "broken":
            return "The destination is refused by the service; this goes out when it has been mended."
        case "disabled":
            return "The destination is switched off."
    return f"Held by {hold}."

"""Runs claimed tasks of any kind, the same way in web processes and workers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from django.db import Error as DatabaseError

from syncqueue import tracing
from syncqueue.conf import ServiceSettings, Settings
from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK, Clock
from syncqueue.core.errors import QueueError
from syncqueue.core.task import ClaimedTask
from syncqueue.execution import policies
from syncqueue.execution.attempts import ReadyAttempt, RecordRunner, grouped
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.finisher import Attempt, Finisher
from syncqueue.execution.generic import GenericRunner
from syncqueue.execution.group_commit import GroupCommit
from syncqueue.execution.prepare import prepare
from syncqueue.execution.prepared import Ready
from syncqueue.execution.run import Run
from syncqueue.execution.sending import batch_limit
from syncqueue.execution.sent_log import SentLog
from syncqueue.handlers.base import DocumentHandler, SyncHandler
from syncqueue.handlers.gate import close, is_small
from syncqueue.handlers.registry import make_handler
from syncqueue.queue import AsyncSyncQueue
from syncqueue.sources.intents import record_id_of
from syncqueue.sources.planner import Step

logger = logging.getLogger("syncqueue.execution")

# Delay before a task is released while the database is unavailable.
_BROKEN_OFF_SECONDS = 2.0


class ServiceRuntime:
    """The handler and the runners of one service."""

    def __init__(
        self,
        service: str,
        queue: AsyncSyncQueue,
        database: DatabaseThreads,
        commits: GroupCommit,
        clock: Clock,
        settings: Settings,
        sent_log: SentLog,
    ) -> None:
        finisher = Finisher(queue, settings.breaker, database, clock)
        self.handler = make_handler(service, settings)
        self.records = RecordRunner(queue, finisher, database, commits, clock, settings, sent_log)
        self.generic = GenericRunner(service, queue, finisher, settings)

    async def aclose(self) -> None:
        await close(self.handler)
        self.generic.close()


class Executor:
    """Attempts tasks on the event loop on which it is first used, and ends each one in its queue."""

    def __init__(
        self,
        settings: Settings,
        queues: Mapping[str, AsyncSyncQueue],
        database: DatabaseThreads,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`queues`: the queues of the tasks, by service."""
        self.settings = settings
        self._queues = queues
        self._database = database
        self._clock = clock
        self._commits = GroupCommit(database, clock)
        self._sent_log = SentLog(database, is_kept=settings.processing.log_retention_days > 0)
        self._runtimes: dict[str, ServiceRuntime] = {}

    def handler(self, service: str) -> SyncHandler:
        """Return the service's handler on this loop; raises `ConfigurationError`."""
        return self._runtime(service).handler

    async def policy(self, service: str) -> ServiceSettings:
        """Return the current policy of a service; reads the database at most every few seconds."""
        known = policies.at_hand(service)
        return known if known is not None else await self._database.run(policies.in_force, service)

    def batch_limit(self, service: str, policy: ServiceSettings) -> int:
        """Return the maximum number of tasks per call of the handler; raises `ConfigurationError`."""
        return batch_limit(self.handler(service), policy)

    def reads_records(self, service: str) -> bool:
        """Return whether attempts of a service begin with a read of the database; raises `ConfigurationError`."""
        return isinstance(self.handler(service), DocumentHandler)

    def _runtime(self, service: str) -> ServiceRuntime:
        if service not in self._runtimes:
            self._runtimes[service] = ServiceRuntime(
                service,
                self._queues[service],
                self._database,
                self._commits,
                self._clock,
                self.settings,
                self._sent_log,
            )
        return self._runtimes[service]

    async def aclose(self) -> None:
        """Write the remaining log entries, and close the handlers' connections and threads."""
        await self._sent_log.aclose()
        for runtime in self._runtimes.values():
            await runtime.aclose()

    async def run(self, run: Run) -> None:
        """Attempt the tasks of a run concurrently."""
        try:
            attempts = await self._begin(run)
        except Exception as error:  # no attempt was made
            await self._give_back(run, run.claimed, error)
            return
        run.on_begin()
        await asyncio.gather(*attempts)

    async def _begin(self, run: Run) -> list[Coroutine[Any, Any, None]]:
        """Return a coroutine for each group of tasks that are attempted together."""
        began = time.monotonic()
        service = run.service
        policy = await self.policy(service)
        runtime = self._runtime(service)

        def attempt(one: ClaimedTask, endpoint: str, destination_id: int | None = None) -> Attempt:
            return Attempt(run=run, claimed=one, endpoint=endpoint, destination_id=destination_id, began=began)

        records = _records(run.claimed) if isinstance(runtime.handler, DocumentHandler) else {}
        others = [one for one in run.claimed if record_id_of(one.task) not in records]
        work: list[Coroutine[Any, Any, None]] = []
        if records and isinstance(runtime.handler, DocumentHandler):
            found = await self._database.run(prepare, list(records), runtime.handler, policy, self._clock.now())
            ready: list[ReadyAttempt] = []
            for key, prepared in found.items():
                one = attempt(records[key], prepared.endpoint, prepared.destination_id)
                if isinstance(prepared, Ready) and run.small_only and not _is_small(prepared, runtime.handler):
                    work.append(self._run_group(run, [one.claimed], self._leave_to_worker(run, one.claimed)))
                elif isinstance(prepared, Ready):
                    ready.append(ReadyAttempt(attempt=one, ready=prepared))
                else:
                    end = runtime.records.end_unready(one, prepared, runtime.handler, policy)
                    work.append(self._run_group(run, [one.claimed], end))
            for group in grouped(ready, runtime.handler, policy):
                made = runtime.records.run(group, runtime.handler, policy)
                work.append(self._run_group(run, [one.attempt.claimed for one in group], made))
        at_once = batch_limit(runtime.handler, policy)
        if others and at_once == 1:
            return [*work, self._run_each(run, [attempt(one, service) for one in others], runtime, policy)]
        for piece in chunks(others, at_once):
            made = runtime.generic.run([attempt(one, service) for one in piece], runtime.handler, policy)
            work.append(self._run_group(run, piece, made))
        return work

    async def _run_each(
        self, run: Run, attempts: Sequence[Attempt], runtime: ServiceRuntime, policy: ServiceSettings
    ) -> None:
        """Make attempts that need a separate call of the handler."""

        async def broke(group: Sequence[ClaimedTask], error: Exception) -> None:
            await self._give_back(run, group, error)

        try:
            admitted = await runtime.generic.admitted(attempts)
        except Exception as error:  # no attempt was made
            await broke([one.claimed for one in attempts], error)
            return
        if len(admitted) < len(attempts):
            kept = {id(one) for one in admitted}
            for one in attempts:
                if id(one) not in kept:
                    run.on_end(one.claimed)
        await runtime.generic.run_each(admitted, runtime.handler, policy, broke)

    async def _run_group(self, run: Run, group: Sequence[ClaimedTask], made: Coroutine[Any, Any, None]) -> None:
        tasks = [one.task for one in group]
        try:
            with tracing.span("attempt", "consumer", tasks, service=run.service, count=len(tasks)):
                await made
        except Exception as error:  # one failing group must not stop the others
            await self._give_back(run, group, error)
        else:
            for one in group:
                run.on_end(one)

    async def _leave_to_worker(self, run: Run, claimed: ClaimedTask) -> None:
        """Release a task without an attempt. Without Redis, its record waits for the reconciler."""
        if run.leased:
            await self._queues[run.service].release(claimed)

    async def _give_back(self, run: Run, group: Sequence[ClaimedTask], error: Exception) -> None:
        """Release tasks after a database error, which is not a crash. After other errors their leases expire.

        An expired lease counts as a crash, so a task that raises every time fails in the end and becomes visible.
        """
        logger.error("An attempt at %s was aborted", ", ".join(one.task.id for one in group[:10]), exc_info=error)
        try:
            if run.leased and isinstance(error, DatabaseError):
                await asyncio.sleep(_BROKEN_OFF_SECONDS)  # otherwise they would be claimed again at once
                queue = self._queues[run.service]
                await asyncio.gather(*(queue.release(one) for one in group))
        except QueueError as refused:
            logger.warning("The tasks could not be released; they return when their leases expire: %s", refused)
        finally:
            for one in group:
                run.on_end(one)


def _is_small(ready: Ready, handler: DocumentHandler) -> bool:
    if ready.document is None or ready.plan.step not in (Step.CREATE, Step.UPDATE):
        return True  # nothing is rendered
    return is_small(handler, ready.document, ready.place)


def _records(claimed: Sequence[ClaimedTask]) -> dict[int, ClaimedTask]:
    found = ((record_id_of(one.task), one) for one in claimed)
    return {key: one for key, one in found if key is not None}

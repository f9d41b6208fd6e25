"""Runs claimed tasks of any kind, the same way in web processes and workers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
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
from syncqueue.execution.ending import Attempt, Ending
from syncqueue.execution.generic import GenericRunner
from syncqueue.execution.prepare import prepare
from syncqueue.execution.prepared import Ready
from syncqueue.execution.sending import batch_limit
from syncqueue.handlers.base import DocumentHandler, SyncHandler
from syncqueue.handlers.gate import close
from syncqueue.handlers.registry import make_handler
from syncqueue.queue import AsyncSyncQueue
from syncqueue.sources.intents import record_id_of

logger = logging.getLogger("syncqueue.execution")

# How long a task is kept from being claimed again while the database is away.
_BROKEN_OFF_SECONDS = 2.0


class ServiceRuntime:
    """What is kept for one service: its handler, and what runs its tasks."""

    def __init__(
        self, service: str, queue: AsyncSyncQueue, database: DatabaseThreads, clock: Clock, settings: Settings
    ) -> None:
        ending = Ending(queue, settings.breaker, database, clock)
        self.handler = make_handler(service, settings)
        self.records = RecordRunner(queue, ending, database, clock, settings)
        self.generic = GenericRunner(service, queue, ending, settings)

    async def aclose(self) -> None:
        await close(self.handler)
        self.generic.close()


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
        self._runtimes: dict[str, ServiceRuntime] = {}

    def handler(self, service: str) -> SyncHandler:
        """The service's handler on this loop; raises `ConfigurationError`."""
        return self._runtime(service).handler

    async def policy(self, service: str) -> ServiceSettings:
        """The figures in force for a service; asks the database at most every few seconds."""
        known = policies.at_hand(service)
        return known if known is not None else await self._database.run(policies.in_force, service)

    def batch_limit(self, service: str, policy: ServiceSettings) -> int:
        """How many tasks of a service are done in one call; raises `ConfigurationError`."""
        return batch_limit(self.handler(service), policy)

    def _runtime(self, service: str) -> ServiceRuntime:
        if service not in self._runtimes:
            self._runtimes[service] = ServiceRuntime(
                service, self._queues[service], self._database, self._clock, self.settings
            )
        return self._runtimes[service]

    async def aclose(self) -> None:
        """Let go of the handlers' connections and threads."""
        for runtime in self._runtimes.values():
            await runtime.aclose()

    async def run(
        self,
        service: str,
        claimed: Sequence[ClaimedTask],
        *,
        holds_active: bool,
        leased: bool = True,
        done: Callable[[ClaimedTask], None] | None = None,
    ) -> None:
        """Attempt claimed tasks side by side. `done` is called as each one ends, however it ends.

        `holds_active`: a hold or a strike is set. `leased` is False for records attempted while Redis is away.
        """
        tell = done or (lambda one: None)
        try:
            work = await self._begin(service, claimed, holds_active=holds_active, leased=leased, tell=tell)
        except Exception as error:  # nothing was tried
            await self._give_back(claimed, error, leased, tell)
            return
        await asyncio.gather(*(self._run_group(group, run, leased, tell) if group else run for group, run in work))

    async def _begin(
        self,
        service: str,
        claimed: Sequence[ClaimedTask],
        *,
        holds_active: bool,
        leased: bool,
        tell: Callable[[ClaimedTask], None],
    ) -> list[tuple[list[ClaimedTask], Coroutine[Any, Any, None]]]:
        """The groups of tasks that are attempted together, and their attempts."""
        began = time.monotonic()
        policy = await self.policy(service)
        runtime = self._runtime(service)

        def attempt(one: ClaimedTask, endpoint: str, destination_id: int | None = None) -> Attempt:
            return Attempt(
                claimed=one,
                endpoint=endpoint,
                destination_id=destination_id,
                holds_active=holds_active,
                began=began,
                leased=leased,
            )

        records = _records(claimed) if isinstance(runtime.handler, DocumentHandler) else {}
        others = [one for one in claimed if record_id_of(one.task) not in records]
        work: list[tuple[list[ClaimedTask], Coroutine[Any, Any, None]]] = []
        if records and isinstance(runtime.handler, DocumentHandler):
            found = await self._database.run(prepare, list(records), runtime.handler, policy, self._clock.now())
            ready: list[ReadyAttempt] = []
            for key, prepared in found.items():
                one = attempt(records[key], prepared.endpoint, prepared.destination_id)
                if isinstance(prepared, Ready):
                    ready.append(ReadyAttempt(attempt=one, ready=prepared))
                else:
                    work.append(([one.claimed], runtime.records.end_unready(one, prepared, runtime.handler, policy)))
            for group in grouped(ready, runtime.handler, policy):
                run = runtime.records.run(group, runtime.handler, policy)
                work.append(([one.attempt.claimed for one in group], run))
        at_once = batch_limit(runtime.handler, policy)
        if others and at_once == 1:
            each = self._run_each([attempt(one, service) for one in others], runtime, policy, leased, tell)
            return [*work, ([], each)]
        for piece in chunks(others, at_once):
            run = runtime.generic.run([attempt(one, service) for one in piece], runtime.handler, policy)
            work.append((piece, run))
        return work

    async def _run_each(
        self,
        attempts: Sequence[Attempt],
        runtime: ServiceRuntime,
        policy: ServiceSettings,
        leased: bool,
        tell: Callable[[ClaimedTask], None],
    ) -> None:
        """Attempts that need one call of the handler each."""

        async def broke(group: Sequence[ClaimedTask], error: Exception) -> None:
            await self._give_back(group, error, leased, tell)

        try:
            admitted = await runtime.generic.admitted(attempts)
        except Exception as error:  # nothing was tried
            await broke([one.claimed for one in attempts], error)
            return
        if len(admitted) < len(attempts):
            kept = {id(one) for one in admitted}
            for one in attempts:
                if id(one) not in kept:
                    tell(one.claimed)
        await runtime.generic.run_each(admitted, runtime.handler, policy, tell, broke)

    async def _run_group(
        self,
        group: Sequence[ClaimedTask],
        run: Coroutine[Any, Any, None],
        leased: bool,
        tell: Callable[[ClaimedTask], None],
    ) -> None:
        tasks = [one.task for one in group]
        try:
            with tracing.span("attempt", "consumer", tasks, service=tasks[0].service, count=len(tasks)):
                await run
        except Exception as error:  # one attempt that breaks must not take the others with it
            await self._give_back(group, error, leased, tell)
        else:
            for one in group:
                tell(one)

    async def _give_back(
        self, group: Sequence[ClaimedTask], error: Exception, leased: bool, tell: Callable[[ClaimedTask], None]
    ) -> None:
        """Put tasks back because the database is away: that is no crash. Anything else is left to their leases.

        A lease that runs out is counted, so what breaks off each time fails in the end, and is seen.
        """
        logger.error("An attempt at %s broke off", ", ".join(one.task.id for one in group[:10]), exc_info=error)
        try:
            if leased and isinstance(error, DatabaseError):
                await asyncio.sleep(_BROKEN_OFF_SECONDS)  # or they would be claimed again at once
                queue = self._queues[group[0].task.service]
                await asyncio.gather(*(queue.release(one) for one in group))
        except QueueError as refused:
            logger.warning("They are left to their leases: %s", refused)
        finally:
            for one in group:
                tell(one)


def _records(claimed: Sequence[ClaimedTask]) -> dict[int, ClaimedTask]:
    found = ((record_id_of(one.task), one) for one in claimed)
    return {key: one for key, one in found if key is not None}

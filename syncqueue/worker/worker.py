"""Starts the duties of a worker, watches them, and ends them in order.

Shutdown: stop claiming, let attempts finish while their leases are renewed; the tasks of the others are recovered when
their leases expire. The exception of a duty does not end the worker (worker/duty.py).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from django.db import Error as DatabaseError

from syncqueue import site
from syncqueue.conf import Settings, get_settings
from syncqueue.core.clock import SYSTEM_CLOCK, Clock
from syncqueue.core.errors import ConfigurationError, QueueError
from syncqueue.core.worker_state import WorkerRequest, WorkerState
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.executor import Executor
from syncqueue.handlers.registry import shared_handler
from syncqueue.queue import SyncQueue, make_async_queue, make_queue
from syncqueue.queue.connection import (
    WORKER_TIMEOUT_SECONDS,
    AsyncClient,
    SyncClient,
    async_client,
    sync_client,
)
from syncqueue.sources.destinations import ensure_declared
from syncqueue.worker.alerter import EVERY_SECONDS as ALERT_SECONDS
from syncqueue.worker.alerter import Alerter
from syncqueue.worker.consumer import Consumer
from syncqueue.worker.duty import Duty
from syncqueue.worker.heartbeat import EVERY_SECONDS, Heartbeat
from syncqueue.worker.leases import LeaseKeeper
from syncqueue.worker.memory import rss_mb
from syncqueue.worker.outage import Outage, Say, database_away, silent
from syncqueue.worker.upkeep import Upkeep
from syncqueue.worker.watchdog import Watchdog

logger = logging.getLogger("syncqueue.worker")

_TIDY_SECONDS = 3600.0
_LOOP_BEAT_SECONDS = 0.5
_OUTAGE_PAUSE_SECONDS = 1.0
# Time for a cancelled duty to end before it is cancelled again.
_CANCEL_SECONDS = 1.0
_MEMORY_SECONDS = 1.0
# Time for a running claim to return at shutdown; after that, the tasks that it may have claimed are recovered.
_CLAIM_SECONDS = 3.0
# Time for the last heartbeat and for closing the handlers.
_FAREWELL_SECONDS = 2.0
# The lease thread must notice within a lease that Redis hangs.
_LEASE_TIMEOUT_SECONDS = 5.0


class Worker:
    """The worker of one process, for the queues of some services."""

    def __init__(
        self,
        services: Sequence[str] = (),
        *,
        concurrency: int | None = None,
        burst: bool = False,
        shutdown_seconds: float | None = None,
        max_rss_mb: float | None = None,
        clock: Clock = SYSTEM_CLOCK,
        say: Say = silent,
        on_stop: Callable[[float], None] | None = None,
    ) -> None:
        """`services`: empty: all enabled services. Raises `ConfigurationError` for a service that is not enabled.

        `max_rss_mb`: above this memory use the worker shuts down, for its supervisor to restart it. `say` prints a line
        when the worker starts or stops and when an outage begins or ends. `on_stop` is called once, when the shutdown
        begins, with the seconds that running attempts have left.
        """
        self.settings: Settings = get_settings()
        self.services = list(services) or list(self.settings.services)
        for name in self.services:
            self.settings.service(name)
        if not self.services:
            raise ConfigurationError("There is nothing to do: SYNCQUEUE['HANDLERS'] names no service.")
        self._concurrency = concurrency
        self._burst = burst
        self._shutdown_seconds = shutdown_seconds or self.settings.processing.shutdown_seconds
        self._max_rss_mb = max_rss_mb
        self._clock = clock
        self.left_count = 0  # attempts that had not ended at the end of the shutdown
        self._alerter = Alerter()
        self._say = say
        self._on_stop = on_stop
        self._outage = Outage("Redis", say)
        self._database_outage = Outage("The database", say)
        self._stopping = asyncio.Event()
        self._stop_at = 0.0  # monotonic seconds
        self._quiet = False
        self._consumers: Sequence[Consumer] = ()
        self._stamp = ""

    async def run(self) -> None:
        """Work until stopped. Raises `UnconfirmedEnvironment`; `ConfigurationError` if no service is usable."""
        self._handle_signals()
        database = DatabaseThreads()
        try:
            if await self._is_prepared(database):
                await self._run(database)
        finally:
            await asyncio.to_thread(self._alerter.end)
            await asyncio.to_thread(database.close)

    def stop(self) -> None:
        """Begin the shutdown."""
        if self._stopping.is_set():
            return
        logger.info("Stopping: claiming nothing more")
        self._say("Stopping.")
        self._stop_at = time.monotonic()
        if self._on_stop is not None:
            self._on_stop(self._shutdown_seconds)
        self._stopping.set()

    def quiet(self) -> None:
        """Stop claiming; running attempts finish, and the duties go on."""
        if self._quiet or self._stopping.is_set():
            return
        logger.info("Quiet: claiming nothing more until this worker is restarted")
        self._say("Quiet: takes no new work.")
        self._quiet = True
        for consumer in self._consumers:
            consumer.quiet()

    @property
    def state(self) -> WorkerState:
        """The state of this worker."""
        if self._stopping.is_set():
            return WorkerState.STOPPING
        return WorkerState.QUIET if self._quiet else WorkerState.WORKING

    def _take_up(self, request: WorkerRequest) -> None:
        """Carry out a person's request; called at each heartbeat while there is one."""
        if request is WorkerRequest.STOP:
            self.stop()
        else:
            self.quiet()

    async def _is_prepared(self, database: DatabaseThreads) -> bool:
        """Wait for the database, as a running worker does; returns False if the worker is stopped meanwhile."""
        services = ", ".join(self.services)
        while not self._stopping.is_set():
            try:
                await database.run(self._prepare)
            except DatabaseError as error:
                if self._burst:
                    raise
                self._database_outage.begin(services, database_away(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _OUTAGE_PAUSE_SECONDS)
            else:
                self._database_outage.end(services)
                return True
        return False

    def _prepare(self) -> None:
        site.require_confirmed()
        self._stamp = site.site_id()
        self.services = self._usable()
        ensure_declared()

    def _usable(self) -> list[str]:
        """Return the services whose handler can be created; raises `ConfigurationError` if there is none.

        So a missing library is reported once and not for each task, and the other services work.
        """
        found, problems = [], []
        for name in self.services:
            try:
                shared_handler(name)
            except ConfigurationError as error:
                problems.append(str(error))
            else:
                found.append(name)
        if not found:
            raise ConfigurationError(" ".join(problems))
        for problem in problems:
            logger.error("%s; this worker does the other services", problem)
            self._say(problem)
        return found

    async def _run(self, database: DatabaseThreads) -> None:
        redis_at = self.settings.redis
        client = async_client(redis_at, WORKER_TIMEOUT_SECONDS)
        lease_client = sync_client(redis_at, _LEASE_TIMEOUT_SECONDS)
        side_client = sync_client(redis_at, WORKER_TIMEOUT_SECONDS)
        try:
            await self._work(database, client, lease_client, side_client)
        finally:
            await client.aclose()
            lease_client.close()
            side_client.close()

    async def _work(
        self,
        database: DatabaseThreads,
        client: AsyncClient,
        lease_client: SyncClient,
        side_client: SyncClient,
    ) -> None:
        upkeep = Upkeep(list(self._queues(side_client).values()), self.settings, self._clock)
        leases = LeaseKeeper(
            self._queues(lease_client),
            lease_seconds=self.settings.processing.lease_seconds,
            attempt_timeout_seconds=self.settings.processing.attempt_timeout_seconds,
        )
        watchdog = Watchdog(leases.deadlocked_seconds)
        queues = {
            name: make_async_queue(client, self.settings, name, self._stamp, self._clock) for name in self.services
        }
        executor = Executor(self.settings, queues, database, self._clock)
        consumers = self._consumers = [
            Consumer(
                name,
                queue,
                executor,
                database,
                leases,
                self._outage,
                self._database_outage,
                concurrency=self._concurrency,
                burst=self._burst,
            )
            for name, queue in queues.items()
        ]
        prefix = self.settings.key_prefix
        heartbeat = Heartbeat(client, prefix, self.services, lambda: sum(one.running for one in consumers))
        heartbeat.state, heartbeat.on_request = lambda: self.state, self._take_up
        duties = self._duties(upkeep, heartbeat)
        troubles = [*(duty.trouble for duty in duties), *(consumer.trouble for consumer in consumers)]
        heartbeat.duties = lambda: [one.state for one in troubles if one.state is not None]
        leases.start()
        logger.info("Working on %s as %s", ", ".join(self.services), heartbeat.id)
        self._say(f"Started: {', '.join(self.services)}, as {heartbeat.id}.")
        try:
            if self._burst:  # missing tasks must be enqueued before the consumers start
                for duty in [*upkeep.recoveries(), upkeep.timetable(), *upkeep.reconciliations()]:
                    await duty.once()
            await self._watch(consumers, [self._beat_loop(leases, watchdog), *(duty.run() for duty in duties)])
        finally:
            watchdog.end()
            leases.stop()
            await _farewell(heartbeat.end())
            await _farewell(executor.aclose())
            await asyncio.to_thread(upkeep.close)

    def _queues(self, client: SyncClient) -> dict[str, SyncQueue]:
        return {name: make_queue(client, self.settings, name, self._stamp, self._clock) for name in self.services}

    def _duties(self, upkeep: Upkeep, heartbeat: Heartbeat) -> list[Duty]:
        return [
            Duty("look at the memory", _MEMORY_SECONDS, self._look_at_memory),
            Duty("heartbeat", EVERY_SECONDS, heartbeat.beat),
            Duty("alerts", ALERT_SECONDS, self._alerter.look),
            Duty("tidy heartbeats", _TIDY_SECONDS, heartbeat.tidy),
            *upkeep.recoveries(),
            *upkeep.reconciliations(),
            upkeep.timetable(),
            *upkeep.slow_looks(),
            *upkeep.trims(),
        ]

    async def _watch(self, consumers: Sequence[Consumer], duties: Sequence[Awaitable[None]]) -> None:
        """Run until the worker is stopped, a burst is done, or a part has failed."""
        side = [asyncio.ensure_future(duty) for duty in duties]
        main = [asyncio.create_task(consumer.run()) for consumer in consumers]
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            pending: set[asyncio.Future[Any]] = {*side, *main, stopped}
            while any(not one.done() for one in main) and not stopped.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for one in done.difference(main):
                    one.result()  # a duty does not end with an exception, so this is a bug
            await self._end(consumers, main)
        finally:
            await _end_all([*side, *main, stopped])

    async def _end(self, consumers: Sequence[Consumer], main: Sequence[asyncio.Task[None]]) -> None:
        for consumer in consumers:
            consumer.stop()
        # Redis may hang: then the claims are abandoned, and the attempts cannot be ended in the queue.
        await asyncio.wait(main, timeout=None if not self._stopping.is_set() else _CLAIM_SECONDS)
        await _end_all([one for one in main if not one.done()])
        seconds = self._shutdown_seconds
        if self._stopping.is_set():
            seconds -= time.monotonic() - self._stop_at
        left = await asyncio.gather(*(consumer.finish(seconds) for consumer in consumers))
        self.left_count = sum(left)
        if self.left_count:
            text = "%s attempts did not end in time; their tasks are recovered when the leases expire"
            logger.warning(text, self.left_count)
        for one in main:
            if not one.cancelled():
                one.result()  # in a burst: raises the failure of a service, after the others have done their work

    async def _look_at_memory(self) -> None:
        if self._max_rss_mb is None or self._stopping.is_set():
            return
        held = rss_mb()
        if held > self._max_rss_mb:
            logger.warning("Using %.0f MB, more than --max-rss-mb %g; this worker stops", held, self._max_rss_mb)
            self.stop()

    async def _beat_loop(self, leases: LeaseKeeper, watchdog: Watchdog) -> None:
        while True:
            leases.beat()
            watchdog.beat()
            await asyncio.sleep(_LOOP_BEAT_SECONDS)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not possible outside the main thread, as in tests: there the caller stops the worker.
            with suppress(RuntimeError, ValueError):
                loop.add_signal_handler(number, self.stop)


async def _farewell(last: Awaitable[None]) -> None:
    """Await a last call to Redis or a service, but do not wait for a server that hangs or is unavailable."""
    with suppress(QueueError, TimeoutError):
        async with asyncio.timeout(_FAREWELL_SECONDS):
            await last


async def _end_all(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel until all have ended: Python 3.11's `wait_for`, which redis uses, may swallow a cancellation."""
    while pending := [one for one in tasks if not one.done()]:
        for one in pending:
            one.cancel()
        await asyncio.wait(pending, timeout=_CANCEL_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)

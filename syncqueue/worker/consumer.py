"""Claims one service's tasks and has them attempted, as many at once as the policy allows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from django.db import Error as DatabaseError

from syncqueue.core.errors import QueueError, QueueUnavailable
from syncqueue.core.task import ClaimedTask
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.executor import Executor
from syncqueue.execution.run import Run
from syncqueue.queue import AsyncSyncQueue
from syncqueue.queue.calls import Claim
from syncqueue.worker.duty import Trouble
from syncqueue.worker.leases import LeaseKeeper
from syncqueue.worker.outage import Outage, database_away

logger = logging.getLogger("syncqueue.worker")

# Idle, it asks again so often at the least; what arrives meanwhile wakes it. Shorter than the client's timeout.
IDLE_SECONDS = 10.0
BATCH = 500
_OUTAGE_PAUSE_SECONDS = 1.0


class Consumer:
    """The loop of one service."""

    def __init__(
        self,
        service: str,
        queue: AsyncSyncQueue,
        executor: Executor,
        database: DatabaseThreads,
        leases: LeaseKeeper,
        outage: Outage,
        database_outage: Outage,
        *,
        concurrency: int | None = None,
        burst: bool = False,
    ) -> None:
        """`concurrency` overrides the policy's; `burst`: end when there is nothing left to claim.

        `outage` of Redis and `database_outage` are shared with the worker's other consumers.
        """
        self.service = service
        self.running = 0
        self._queue = queue
        self._executor = executor
        self._database = database
        self._leases = leases
        self._outage = outage
        self._concurrency = concurrency
        self._burst = burst
        self._seats: int | None = None
        self._slot_free = asyncio.Event()
        self._closed = asyncio.Event()  # nothing more is claimed
        self._stopping = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._database_outage = database_outage
        self.trouble = Trouble(f"claim {service}")  # of any other kind

    def quiet(self) -> None:
        """Claim nothing more; `run` goes on until stopped."""
        self._closed.set()
        self._slot_free.set()

    def stop(self) -> None:
        """Claim nothing more, and end."""
        self._stopping.set()
        self.quiet()

    async def run(self) -> None:
        """Claim and attempt until stopped."""
        await self._claim_all()
        if not self._burst:
            await self._stopping.wait()

    async def _claim_all(self) -> None:
        while not self._closed.is_set():
            try:
                if await self._turn():
                    return
                self._outage.end(self.service)
                self._database_outage.end(self.service)
                self.trouble.end()
            except Exception as error:  # the other services go on, and so does this one
                if self._burst:
                    raise
                await self._sleep(self._put_off(error))

    def _put_off(self, error: Exception) -> float:
        """Note why no task could be claimed; returns after how many seconds it is tried again."""
        if isinstance(error, QueueUnavailable):
            self._outage.begin(self.service, str(error))
            return _OUTAGE_PAUSE_SECONDS
        if isinstance(error, DatabaseError):  # the figures of the service stand there; attempts under way go on
            self._database_outage.begin(self.service, database_away(error))
            return _OUTAGE_PAUSE_SECONDS
        # A foreign queue or a Redis that refuses, where people must act; a mistake of ours or of the site's.
        self.trouble.begin(error)
        return self.trouble.delay_seconds(IDLE_SECONDS)

    async def finish(self, seconds: float) -> int:
        """Let the attempts under way end, for at most so many seconds; returns how many did not."""
        if self._work and seconds > 0:
            await asyncio.wait(self._work, timeout=seconds)
        return self.running

    async def _turn(self) -> bool:
        """One claim; returns whether a burst is over."""
        limit, most = await self._limits()
        free = limit - self.running
        if free <= 0:
            self._slot_free.clear()
            await self._slot_free.wait()
            return False
        sent_at = time.monotonic()
        claim = await self._queue.claim(min(free, most))
        if claim.tasks:
            self._begin(claim, sent_at)
            await asyncio.sleep(0)  # let it begin before the next claim is made ready
            return False
        if claim.unreadable:
            return False
        if self._burst:
            if not self._work:
                return True
            await asyncio.wait(self._work, return_when=asyncio.FIRST_COMPLETED)
            return False
        await self._wait(claim)
        return False

    async def _limits(self) -> tuple[int, int]:
        """How many tasks may be under way, and in one claim: two calls' worth where the handler does many in one."""
        policy = await self._executor.policy(self.service)
        concurrency = self._concurrency or policy.concurrency
        batch = self._executor.batch_limit(self.service, policy)
        # One call does many where there are batches, and two of them are under way: there is nothing to share.
        self._seats = concurrency if batch == 1 else None
        return max(concurrency, batch * min(concurrency, 2)), max(BATCH, batch)

    def _begin(self, claim: Claim, sent_at: float) -> None:
        self.running += len(claim.tasks)
        self._leases.track(self.service, claim.tasks, sent_at)
        work = asyncio.create_task(self._attempt(claim.tasks, claim.holds_active))
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def _attempt(self, tasks: Sequence[ClaimedTask], holds_active: bool) -> None:
        """Tell the queue that the work begins, and attempt what is still held."""
        try:
            held = await self._queue.extend(tasks)
        except QueueError as error:
            logger.warning("Claimed tasks are left to their leases: %s", error, extra={"service": self.service})
            held = [False] * len(tasks)
        begun = []
        for task, is_held in zip(tasks, held, strict=True):
            if is_held:
                begun.append(task)
            else:
                self._done(task)
        if begun:
            run = Run(
                service=self.service, claimed=begun, holds_active=holds_active, on_end=self._done, seats=self._seats
            )
            await self._executor.run(run)

    def _done(self, task: ClaimedTask) -> None:
        self.running -= 1
        self._leases.untrack(self.service, task)
        self._slot_free.set()

    async def _wait(self, claim: Claim) -> None:
        seconds = IDLE_SECONDS
        if claim.wait_seconds is not None:
            # A little later than said: an early claim would only ask again.
            seconds = min(claim.wait_seconds + 0.01, IDLE_SECONDS)
        wake = asyncio.ensure_future(self._queue.wait_for_work(seconds))
        stop = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((wake, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            if not wake.done():
                wake.cancel()
        if not wake.cancelled() and wake.done():
            wake.result()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return

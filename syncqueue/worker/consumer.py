"""Claims and attempts one service's tasks, as many concurrently as the policy allows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

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

# Maximum idle time between claims; new work wakes the consumer sooner. Shorter than the client's timeout.
IDLE_SECONDS = 10.0
BATCH = 500
_OUTAGE_PAUSE_SECONDS = 1.0
# The next claim is made when the records of the last one were read, so that it takes all slots that became free
# meanwhile, or after this time: a slow document() or database delays no other task for longer.
GATHER_SECONDS = 0.05


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
        """`concurrency` overrides the policy; `burst`: end when there is nothing left to claim.

        `outage` (of Redis) and `database_outage` are shared with the worker's other consumers.
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
        self._closed = asyncio.Event()  # set: claim nothing more
        self._stopping = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._database_outage = database_outage
        self.trouble = Trouble(f"claim {service}")  # failures other than outages

    def quiet(self) -> None:
        """Stop claiming; `run` continues until `stop`."""
        self._closed.set()
        self._slot_free.set()

    def stop(self) -> None:
        """Stop claiming, and end `run`."""
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
            except Exception as error:  # neither this service nor the others may stop
                if self._burst:
                    raise
                await self._sleep(self._put_off(error))

    def _put_off(self, error: Exception) -> float:
        """Note why no task could be claimed; returns the delay before the next try, in seconds."""
        if isinstance(error, QueueUnavailable):
            self._outage.begin(self.service, str(error))
            return _OUTAGE_PAUSE_SECONDS
        if isinstance(error, DatabaseError):  # the policy could not be read; running attempts go on
            self._database_outage.begin(self.service, database_away(error))
            return _OUTAGE_PAUSE_SECONDS
        # A foreign queue or an error of Redis, which people must fix; or a bug, here or in the site's code.
        self.trouble.begin(error)
        return self.trouble.delay_seconds(IDLE_SECONDS)

    async def finish(self, seconds: float) -> int:
        """Wait at most `seconds` for running attempts; returns how many have not ended."""
        if self._work and seconds > 0:
            await asyncio.wait(self._work, timeout=seconds)
        return self.running

    async def _turn(self) -> bool:
        """Make one claim; returns whether a burst is over."""
        limit, most = await self._limits()
        free = limit - self.running
        if free <= 0:
            self._slot_free.clear()
            await self._slot_free.wait()
            return False
        sent_at = time.monotonic()
        claim = await self._queue.claim(min(free, most))
        if claim.tasks:
            were_read = self._begin(claim, sent_at)
            await asyncio.sleep(0)  # let the attempts begin before the next claim
            if self._executor.reads_records(self.service):
                await asyncio.wait([were_read], timeout=GATHER_SECONDS)
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
        """Return how many tasks may run, and how many one claim may take: two batches for handlers with batches."""
        policy = await self._executor.policy(self.service)
        concurrency = self._concurrency or policy.concurrency
        batch = self._executor.batch_limit(self.service, policy)
        # With batches, one call does many tasks and two calls are running: there are no shares.
        self._seats = concurrency if batch == 1 else None
        return max(concurrency, batch * min(concurrency, 2)), max(BATCH, batch)

    def _begin(self, claim: Claim, sent_at: float) -> asyncio.Future[None]:
        """Start to attempt claimed tasks; the returned future is done when their records were read."""
        self.running += len(claim.tasks)
        self._leases.track(self.service, claim.tasks, sent_at)
        were_read: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_begin() -> None:
            if not were_read.done():
                were_read.set_result(None)

        work = asyncio.create_task(self._attempt(claim.tasks, claim.holds_active, on_begin))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        work.add_done_callback(lambda _: on_begin())  # if nothing could be begun
        return were_read

    async def _attempt(self, tasks: Sequence[ClaimedTask], holds_active: bool, on_begin: Callable[[], None]) -> None:
        """Mark the work as begun in the queue, and attempt the tasks whose leases are still valid."""
        try:
            valid = await self._queue.extend(tasks)
        except QueueError as error:
            text = "Claimed tasks could not be begun; they return when their leases expire: %s"
            logger.warning(text, error, extra={"service": self.service})
            valid = [False] * len(tasks)
        begun = []
        for task, is_valid in zip(tasks, valid, strict=True):
            if is_valid:
                begun.append(task)
            else:
                self._done(task)
        if begun:
            run = Run(
                service=self.service,
                claimed=begun,
                holds_active=holds_active,
                on_begin=on_begin,
                on_end=self._done,
                seats=self._seats,
            )
            await self._executor.run(run)

    def _done(self, task: ClaimedTask) -> None:
        self.running -= 1
        self._leases.untrack(self.service, task)
        self._slot_free.set()

    async def _wait(self, claim: Claim) -> None:
        seconds = IDLE_SECONDS
        if claim.wait_seconds is not None:
            # Slightly later: a claim that is too early would find nothing.
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

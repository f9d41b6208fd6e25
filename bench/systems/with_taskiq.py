"""taskiq with taskiq-redis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from taskiq_redis import ListQueueBroker

from bench.jobs import PADDING, note
from bench.systems.base import Base, redis_url, tool

broker = ListQueueBroker(redis_url())


@broker.task
async def job(number: int, wait_ms: int, padding: str) -> None:
    """The job as a coroutine."""
    note(number)
    if wait_ms:
        await asyncio.sleep(wait_ms / 1000)


class System(Base):
    """A list as the queue: its fastest broker, which has no acks."""

    name = "taskiq"
    package = "taskiq"
    notes = "ListQueueBroker, its fastest, without acks"
    default = "2 processes, 100 at once each"

    def __init__(self) -> None:
        """Make a loop for its client."""
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(broker.startup())

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """One process; two by default."""
        size = [] if kind == "default" else ["--workers", "1", "--max-async-tasks", str(concurrency)]
        return tool("taskiq", "worker", *size, "--log-level", "ERROR", "bench.systems.with_taskiq:broker")

    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """One job."""
        self._loop.run_until_complete(self._send(number, wait_ms))

    async def _send(self, number: int, wait_ms: int) -> None:
        await job.kiq(number, wait_ms, PADDING)

    def enqueue_many(self, numbers: Sequence[int], wait_ms: int = 0, kind: str = "noop") -> None:
        """In one loop, a hundred side by side."""

        async def all_of_them() -> None:
            for start in range(0, len(numbers), 100):
                await asyncio.gather(*(self._send(number, wait_ms) for number in numbers[start : start + 100]))

        self._loop.run_until_complete(all_of_them())

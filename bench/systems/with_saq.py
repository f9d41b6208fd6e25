"""SAQ."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from saq import Queue

from bench.jobs import PADDING, note
from bench.systems.base import Base, redis_url, tool

queue = Queue.from_url(redis_url())


async def work(ctx: Any, *, number: int, wait_ms: int, padding: str) -> None:
    """The job as a coroutine."""
    note(number)
    if wait_ms:
        await asyncio.sleep(wait_ms / 1000)


settings = {"queue": queue, "functions": [work], "concurrency": 100}
settings_noop = {"queue": queue, "functions": [work], "concurrency": 10}


class System(Base):
    """Its event loop, 10 jobs at once (the default) for no-ops."""

    name = "saq"
    package = "saq"
    notes = "10 jobs at once for no-ops (its default)"
    default = "10 at once"

    def __init__(self) -> None:
        """Make a loop for its client."""
        self._loop = asyncio.new_event_loop()

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """One process."""
        return tool("saq", f"bench.systems.with_saq.{'settings' if kind == 'io' else 'settings_noop'}")

    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """One job."""
        self._loop.run_until_complete(self._send(number, wait_ms))

    async def _send(self, number: int, wait_ms: int) -> None:
        await queue.enqueue("work", number=number, wait_ms=wait_ms, padding=PADDING, ttl=-1)

    def enqueue_many(self, numbers: Sequence[int], wait_ms: int = 0, kind: str = "noop") -> None:
        """In one loop, a hundred side by side."""

        async def all_of_them() -> None:
            for start in range(0, len(numbers), 100):
                await asyncio.gather(*(self._send(number, wait_ms) for number in numbers[start : start + 100]))

        self._loop.run_until_complete(all_of_them())

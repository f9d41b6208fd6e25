"""RQ."""

from __future__ import annotations

from collections.abc import Sequence

import redis
from rq import Queue

from bench.jobs import PADDING, work
from bench.systems.base import Base, redis_url, tool


class System(Base):
    """With SimpleWorker, which does not fork for each job: its fastest."""

    name = "rq"
    package = "rq"
    notes = "SimpleWorker, one job at a time; results not kept"
    default = "1"
    share = 0.2
    concurrent = False

    def __init__(self) -> None:
        """Connect."""
        self._queue = Queue(connection=redis.Redis.from_url(redis_url()))

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """One process."""
        return tool("rq", "worker", "--url", redis_url(), "-w", "rq.worker.SimpleWorker", "--logging_level", "ERROR")

    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """One job."""
        self._queue.enqueue(work, number, wait_ms, PADDING, result_ttl=0)

    def enqueue_many(self, numbers: Sequence[int], wait_ms: int = 0, kind: str = "noop") -> None:
        """In pipelines of a thousand."""
        for start in range(0, len(numbers), 1000):
            prepare = Queue.prepare_data
            self._queue.enqueue_many(
                [prepare(work, (n, wait_ms, PADDING), result_ttl=0) for n in numbers[start : start + 1000]]
            )

"""Dramatiq."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.jobs import PADDING, work
from bench.systems.base import Base, redis_url, tool

dramatiq.set_broker(RedisBroker(url=redis_url()))
job = dramatiq.actor(work)


class System(Base):
    """One process with its default of 8 threads, or as many as there are waiting jobs."""

    name = "dramatiq"
    package = "dramatiq"
    notes = "1 process; 8 threads for no-ops"
    default = f"{os.cpu_count()} processes, 8 threads each"

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """One process; by default one for each core."""
        threads = "8" if kind == "noop" else str(concurrency)
        size = [] if kind == "default" else ["-p", "1", "-t", threads]
        return tool("dramatiq", "bench.systems.with_dramatiq", *size)

    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """One job."""
        job.send(number, wait_ms, PADDING)

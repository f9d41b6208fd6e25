"""Huey."""

from __future__ import annotations

from huey import RedisHuey

from bench.jobs import PADDING, work
from bench.systems.base import Base, redis_url, tool

huey = RedisHuey("bench", url=redis_url(), results=False)
job = huey.task()(work)


class System(Base):
    """One thread for no-ops, or as many as there are waiting jobs."""

    name = "huey"
    package = "huey"
    notes = "no results; takes a job off before it runs"
    default = "1 thread"

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """One process."""
        threads = str(concurrency) if kind == "io" else "1"
        return tool("huey_consumer", "bench.systems.with_huey.huey", "-k", "thread", "-w", threads, "-q", "-n")

    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """One job."""
        job(number, wait_ms, PADDING)

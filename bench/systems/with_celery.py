"""Celery."""

from __future__ import annotations

import os

from celery import Celery

from bench.jobs import PADDING, work
from bench.systems.base import Base, redis_url, tool

app = Celery("bench", broker=redis_url())
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)
job = app.task(name="work")(work)


class System(Base):
    """With threads where jobs wait, else the solo pool: its fastest for one process."""

    name = "celery"
    package = "celery"
    notes = "solo pool for no-ops, threads pool for waiting jobs; no results"
    share = 0.4
    default = f"{os.cpu_count()} processes"

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """One process; by default one for each core."""
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"]
        pools = {"noop": ["-P", "solo"], "default": []}
        pool = pools.get(kind, ["-P", "threads", "-c", str(concurrency)])
        return tool("celery", "-A", "bench.systems.with_celery:app", "worker", *pool, *quiet)

    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """One job."""
        job.delay(number, wait_ms, PADDING)

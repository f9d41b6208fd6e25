"""The bench's services: a handler that is a coroutine and one that is a plain function."""

from __future__ import annotations

import asyncio

from bench.jobs import note, work
from syncqueue.core.task import ClaimedTask
from syncqueue.handlers.base import SyncHandler


class Async(SyncHandler):
    """Runs on the event loop."""

    async def process(self, task: ClaimedTask) -> None:
        """Do the job."""
        payload = task.task.payload
        note(payload["number"])
        if payload["wait_ms"]:
            await asyncio.sleep(payload["wait_ms"] / 1000)


class Threaded(SyncHandler):
    """Runs in threads."""

    def process(self, task: ClaimedTask) -> None:
        """Do the job."""
        work(**task.task.payload)

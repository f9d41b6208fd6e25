"""Creates tasks in all states, for pages and calls."""

import asyncio
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from syncqueue import site
from syncqueue.conf import get_settings
from syncqueue.core.duty import DutyState
from syncqueue.core.task import AttemptNote, SyncTask
from syncqueue.queue import SyncQueue, make_queue
from syncqueue.queue.connection import async_client, sync_client
from syncqueue.worker.heartbeat import Heartbeat


def queue_of(service: str) -> SyncQueue:
    """Return the queue of a service, by the settings of the test."""
    settings = get_settings()
    return make_queue(sync_client(settings.redis), settings, service, site.site_id())


def fill(service: str, *, pending: int = 0, delayed: int = 0, failed: int = 0, processing: int = 0) -> None:
    """Create the given number of tasks in each state."""
    queue = queue_of(service)
    for count, end in ((failed, "fail"), (processing, "keep")):
        for _ in range(count):
            queue.enqueue(SyncTask(service, "update", "notes.note:1"))
            (claimed,) = queue.claim(1).tasks
            if end == "fail":
                queue.fail(claimed, AttemptNote(at=timezone.now(), seconds=0.1, outcome="failure", error="refused"))
    for _ in range(delayed):
        queue.enqueue(SyncTask(service, "update", "notes.note:2", run_at=datetime.now(UTC) + timedelta(hours=1)))
    for _ in range(pending):
        queue.enqueue(SyncTask(service, "update", "notes.note:3"))


def keep_alive(*duties: DutyState) -> None:
    """Give every service a worker, as the health check requires; `duties` fail in it."""

    async def beat() -> None:
        now = get_settings()
        async with async_client(now.redis) as client:
            heartbeat = Heartbeat(client, now.key_prefix, list(now.services), lambda: 0)
            heartbeat.duties = lambda: duties
            await heartbeat.beat()

    asyncio.run(beat())

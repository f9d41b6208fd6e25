"""Takes back tasks whose lease ran out, and trims what nobody needs to keep."""

from __future__ import annotations

import logging

from syncqueue import services
from syncqueue.queue import SyncQueue

logger = logging.getLogger("syncqueue.worker")

CHUNK = 500


def recover(queue: SyncQueue) -> int:
    """Take back every expired lease of a service; returns how many. Raises `QueueUnavailable`."""
    total = 0
    while True:
        found = queue.recover_expired(CHUNK)
        if found.failed_ids:
            services.fail_records(found.failed_ids)
            logger.error("%s tasks took down their workers and were failed", len(found.failed_ids))
        total += found.count
        if found.count < CHUNK:
            return total


def trim(queue: SyncQueue, days: float) -> int:
    """Remove dead letters older than so many days; the records keep the reason."""
    return queue.trim(days)

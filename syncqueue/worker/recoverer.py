"""Recovers tasks whose lease has expired, and trims old dead letters."""

from __future__ import annotations

import logging

from syncqueue import services
from syncqueue.queue import SyncQueue

logger = logging.getLogger("syncqueue.worker")

CHUNK = 500


def recover(queue: SyncQueue) -> int:
    """Recover all tasks of a service with an expired lease; returns how many. Raises `QueueUnavailable`."""
    total = 0
    while True:
        found = queue.recover_expired(CHUNK)
        if found.failed_ids:
            services.fail_records(found.failed_ids)
            logger.error("%s tasks failed because their workers crashed too often", len(found.failed_ids))
        total += found.count
        if found.count < CHUNK:
            return total


def trim(queue: SyncQueue, days: float) -> int:
    """Remove dead letters that are older than `days`; the records keep the reason."""
    return queue.trim(days)

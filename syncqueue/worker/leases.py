"""Renews the leases of running attempts from a separate thread, so that a blocked event loop does not lose them.

If the loop stays blocked for longer than the attempt timeout and a grace period, the process is ended before its leases
expire and another worker begins the same work.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence

from syncqueue.core.errors import QueueError
from syncqueue.core.task import ClaimedTask
from syncqueue.queue import SyncQueue

logger = logging.getLogger("syncqueue.worker")

GRACE_SECONDS = 10.0
BLOCKED_EXIT_CODE = 70  # EX_SOFTWARE


class LeaseKeeper:
    """The thread, and the leases that it renews."""

    def __init__(
        self, queues: Mapping[str, SyncQueue], *, lease_seconds: float, attempt_timeout_seconds: float
    ) -> None:
        """`queues`: by service; their client is used by this thread only."""
        self._queues = queues
        self._every_seconds = lease_seconds / 3
        self._blocked_seconds = min(attempt_timeout_seconds + GRACE_SECONDS, lease_seconds * 0.8)
        # For the watchdog: after this time without a beat, not even this thread gets to run.
        self.deadlocked_seconds = self._blocked_seconds + lease_seconds * 0.1
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str, str], tuple[ClaimedTask, float]] = {}
        self._beat_at = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="syncqueue-leases", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def beat(self) -> None:
        """Note that the event loop is not blocked; called by the loop."""
        self._beat_at = time.monotonic()

    def track(self, service: str, tasks: Sequence[ClaimedTask], since: float) -> None:
        """Renew these leases from now on; they were last renewed at `since` (monotonic seconds)."""
        with self._lock:
            for task in tasks:
                self._held[service, task.task.id, task.token] = (task, since)

    def untrack(self, service: str, task: ClaimedTask) -> None:
        """Stop renewing this lease."""
        with self._lock:
            self._held.pop((service, task.task.id, task.token), None)

    def _run(self) -> None:
        # Often enough to notice a blocked loop in time; leases are renewed after a third of their time.
        while not self._stopping.wait(min(self._every_seconds / 2, 1.0)):
            blocked = time.monotonic() - self._beat_at
            if blocked > self._blocked_seconds:
                logger.critical("A handler has blocked the event loop for %.0f s; this worker stops now", blocked)
                logging.shutdown()
                os._exit(BLOCKED_EXIT_CODE)
            for service in self._queues:
                self._renew(service)

    def _renew(self, service: str) -> None:
        now = time.monotonic()
        with self._lock:
            old = [t for (s, _, _), (t, at) in self._held.items() if s == service and now - at > self._every_seconds]
        if not old:
            return
        try:
            still_held = self._queues[service].extend(old)
        except QueueError as error:
            logger.warning("Leases could not be renewed: %s", error, extra={"service": service})
            return
        with self._lock:
            for task, held in zip(old, still_held, strict=True):
                key = (service, task.task.id, task.token)
                if key in self._held and held:
                    self._held[key] = (task, now)
                elif not held:
                    self._held.pop(key, None)

"""The duties of a worker beside its tasks, over all of its services. They run in a database thread."""

from __future__ import annotations

from collections.abc import Sequence

from syncqueue.conf import Settings
from syncqueue.core.clock import Clock
from syncqueue.queue import SyncQueue
from syncqueue.worker import recoverer
from syncqueue.worker.reconciler import Reconciler, sweep_sources


class Upkeep:
    """Recovers, reconciles and trims. All raise `QueueUnavailable`, and what a database that is away raises."""

    def __init__(self, queues: Sequence[SyncQueue], settings: Settings, clock: Clock) -> None:
        """`queues`: with a client that nobody else waits for."""
        self._queues = queues
        self._reconcilers = [Reconciler(queue, settings, clock) for queue in queues]
        self._retention_days = settings.processing.failed_retention_days
        self._clock = clock

    def recover(self) -> None:
        """Take back tasks whose lease ran out."""
        for queue in self._queues:
            recoverer.recover(queue)

    def reconcile(self) -> None:
        """Find what fell between the objects, the records and the queues."""
        sweep_sources(self._clock)
        for reconciler in self._reconcilers:
            reconciler.run()

    def trim(self) -> None:
        """Let go of old dead letters; their records keep the reason."""
        for queue in self._queues:
            recoverer.trim(queue, self._retention_days)

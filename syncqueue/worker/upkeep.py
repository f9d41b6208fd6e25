"""The duties of a worker beside its tasks: one per service or source, so that each fails on its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from syncqueue.conf import Settings
from syncqueue.core.clock import Clock
from syncqueue.core.errors import QueueError
from syncqueue.core.task import SyncTask
from syncqueue.execution.database import DatabaseThreads
from syncqueue.queue import SyncQueue
from syncqueue.queue.calls import CHUNK
from syncqueue.sources import sent_log
from syncqueue.sources.intents import record_task
from syncqueue.sources.records import take_due
from syncqueue.sources.registry import all_sources, home_db
from syncqueue.worker import recoverer
from syncqueue.worker.duty import Duty
from syncqueue.worker.housekeeping import LookForGone, LookForOwnerless
from syncqueue.worker.reconciler import Reconciler
from syncqueue.worker.sweeper import sweep_source

_TRIM_SECONDS = 3600.0
_DUE_SECONDS = 1.0  # so that due copies are sent or removed within two seconds


class Upkeep:
    """Creates the duties.

    Sweeps have separate threads for each database of sources: a database that hangs delays neither the services nor the
    sources of another database.
    """

    def __init__(self, queues: Sequence[SyncQueue], settings: Settings, clock: Clock) -> None:
        """`queues`: their client is used by the duties only."""
        self._queues = queues
        self._settings = settings
        self._clock = clock
        self._queue_threads = DatabaseThreads(2)
        self._sweep_threads: dict[str, DatabaseThreads] = {}  # by the alias of a database
        self._slow_thread = DatabaseThreads(1)
        self._finisher = threading.Event()

    def recoveries(self) -> list[Duty]:
        """Recover tasks whose lease has expired."""
        seconds = self._settings.processing.recovery_interval_seconds
        return [
            self._duty(f"recover {queue.service}", seconds, partial(recoverer.recover, queue)) for queue in self._queues
        ]

    def reconciliations(self) -> list[Duty]:
        """Find differences between objects, records and queues."""
        return list(self._reconciliations())

    def _reconciliations(self) -> Iterator[Duty]:
        seconds = self._settings.processing.reconcile_interval_seconds
        for source in all_sources():
            work = partial(sweep_source, source, self._clock, is_ending=self._finisher.is_set)
            threads = self._sweep_threads.setdefault(home_db(source.model), DatabaseThreads(2))
            yield Duty(f"sweep {source.label}", seconds, partial(threads.run, work))
        for queue in self._queues:
            yield self._duty(f"reconcile {queue.service}", seconds, Reconciler(queue, self._settings, self._clock).run)
        yield self._duty("look after destinations", seconds, LookForOwnerless().run)

    def timetable(self) -> Duty:
        """Enqueue the records whose time has come (`live_from`, `live_until`)."""
        return self._duty("look for what is due", _DUE_SECONDS, self._enqueue_due)

    def _enqueue_due(self) -> None:
        queues = {queue.service: queue for queue in self._queues}
        tasks: dict[str, list[SyncTask]] = {}
        for row in take_due(list(queues), self._clock.now(), CHUNK):
            task = record_task(row.service, row.pk, f"{row.source}:{row.object_pk}")
            tasks.setdefault(row.service, []).append(task)
        failed: Exception | None = None
        for service, found in tasks.items():
            try:
                queues[service].enqueue_many(found)
            except QueueError as error:  # raised below; the reconciler enqueues these records later
                failed = failed or error
        if failed is not None:
            raise failed

    def slow_looks(self) -> list[Duty]:
        """Search for deletions that left no trace, a chunk per round."""
        seconds = self._settings.processing.reconcile_interval_seconds
        work = partial(self._slow_thread.run, LookForGone().run)
        return [Duty("look for deleted objects", seconds, work, at_once=False)]

    def trims(self) -> list[Duty]:
        """Remove old dead letters, whose records keep the reason, and old log entries."""
        days = self._settings.processing.failed_retention_days
        return [
            self._duty("trim the log", _TRIM_SECONDS, self._trim_log),
            *(
                self._duty(f"trim {queue.service}", _TRIM_SECONDS, partial(recoverer.trim, queue, days))
                for queue in self._queues
            ),
        ]

    def _trim_log(self) -> None:
        kept = self._settings.processing
        sent_log.trim(self._clock.now() - timedelta(days=kept.log_retention_days), kept.log_max_entries)

    def _duty(self, name: str, seconds: float, work: Callable[[], object]) -> Duty:
        return Duty(name, seconds, partial(self._queue_threads.run, work))

    def close(self) -> None:
        """Finish the running work and end the threads; a sweep ends after its chunk."""
        self._finisher.set()
        for threads in (self._queue_threads, self._slow_thread, *self._sweep_threads.values()):
            threads.close()

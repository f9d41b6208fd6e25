"""Compares the database with Redis and enqueues missing work. Any number of workers may run it concurrently."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Q

from syncqueue import services
from syncqueue.conf import Settings
from syncqueue.core.clock import SYSTEM_CLOCK, Clock
from syncqueue.core.hold import PAUSED
from syncqueue.core.task import TaskView
from syncqueue.execution import policies
from syncqueue.models import RecordState
from syncqueue.queue import SyncQueue
from syncqueue.queue.calls import Presence
from syncqueue.sources import destinations, records
from syncqueue.sources.intents import record_task, record_task_id

logger = logging.getLogger("syncqueue.worker")

CHUNK = 500
# Maximum number of records per service and round; the next round continues after them.
_MOST_CHUNKS = 40


class _Waiting(NamedTuple):
    """A waiting record."""

    pk: int
    entity: str  # "notes.note:42"
    newest_at: datetime  # when it was changed or synced last


class Reconciler:
    """Compares one service's records with its queue."""

    def __init__(self, queue: SyncQueue, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
        """`queue`: its client is used by the calling thread only."""
        self._queue = queue
        self._settings = settings
        self._clock = clock
        self._after = 0  # primary key of the last record that was read

    def run(self) -> int:
        """Do one round; returns how many records were enqueued. Raises `QueueUnavailable`."""
        self._mirror_holds()
        total = 0
        for _ in range(_MOST_CHUNKS):
            waiting = self._waiting()
            total += self._enqueue_absent(waiting)
            if len(waiting) < CHUNK:
                self._after = 0
                break
            self._after = waiting[-1].pk
        if total:
            logger.warning("%s waiting records were not in the queue", total, extra={"service": self._queue.service})
        return total

    def _mirror_holds(self) -> None:
        """Write the pauses and stopped destinations of the database to Redis, which may have missed or lost them."""
        holds = [hold for hold in self._queue.holds() if not hold.lifted]
        is_set = any(hold.name == PAUSED.name for hold in holds)
        paused = policies.is_paused(self._queue.service)
        if paused != is_set:
            # The cached policies may be older than a pause, or its end, of this moment. The services write the
            # database first, and the holds were read before this.
            policies.forget()
            paused = policies.is_paused(self._queue.service)
        if paused and not is_set:
            self._queue.hold(PAUSED.name, None, "Paused.")
        over = destinations.mended([hold.name for hold in holds])
        if is_set and not paused:
            over.append(PAUSED.name)
        if over:
            self._queue.lift(*over)

    def _waiting(self) -> list[_Waiting]:
        """Return records that have waited for longer than a lease; younger ones may be in progress.

        A record with a time in the future was written by a machine with a wrong clock; it is returned too.
        """
        lease, now = timedelta(seconds=self._settings.processing.lease_seconds), self._clock.now()
        rows = records.records().filter(
            destinations.declared_here("destination__"),
            Q(changed_at__lt=now - lease) | Q(changed_at__gt=now + lease),
            service=self._queue.service,
            state=RecordState.WAITING,
            due_at=None,  # worker/upkeep.py enqueues records that have a due time
            pk__gt=self._after,
        )
        found = rows.order_by("pk").values_list("pk", "source", "object_pk", "changed_at", "synced_at")[:CHUNK]
        return [
            _Waiting(pk, f"{source}:{object_pk}", max(changed_at, synced_at or changed_at))
            for pk, source, object_pk, changed_at, synced_at in found
        ]

    def _enqueue_absent(self, waiting: list[_Waiting]) -> int:
        if not waiting:
            return 0
        ids = [record_task_id(row.pk) for row in waiting]
        places = self._queue.presence(ids)
        absent = [row for row, place in zip(waiting, places, strict=True) if place is Presence.ABSENT]
        for row, place in zip(waiting, places, strict=True):
            if place is Presence.FAILED and not self._fail(row):
                absent.append(row)
        self._queue.enqueue_many(record_task(self._queue.service, row.pk, row.entity) for row in absent)
        return len(absent)

    def _fail(self, row: _Waiting) -> bool:
        """Fail a record whose task is a dead letter: a worker died after it had failed the task, but not the record.

        Returns False if the dead letter is older than the wanted generation: the object was saved since, and that
        process died before it could enqueue the task. Or it was even synced since, and Redis is an older copy.
        """
        view = self._queue.get(record_task_id(row.pk))
        if view is None or view.due_at is None or row.newest_at > _decided_at(view):
            return False
        history = view.progress.history
        services.fail_records([view.id], history[-1].error if history else "")
        return True


def _decided_at(view: TaskView) -> datetime:
    """Return the latest time at which the failed attempt can have read the record."""
    history = view.progress.history
    began = history[-1].at if history else None
    return began or view.due_at or datetime.min.replace(tzinfo=UTC)

"""Compares the database with Redis and enqueues what fell between. Safe to run in any number of workers at once."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from syncqueue import services
from syncqueue.conf import Settings
from syncqueue.core.clock import SYSTEM_CLOCK, Clock
from syncqueue.dispatch.dispatch import dispatch, queued
from syncqueue.execution import policies
from syncqueue.models import RecordState
from syncqueue.queue import SyncQueue
from syncqueue.queue.calls import Presence
from syncqueue.sources import destinations, records, walks
from syncqueue.sources.intents import PendingRecord, record_task, record_task_id
from syncqueue.sources.registry import ModelSync, all_sources
from syncqueue.sources.sweep import sweep

logger = logging.getLogger("syncqueue.worker")

CHUNK = 500
# Of one service and round; the next round goes on where this one ended.
_MOST_CHUNKS = 40


class Reconciler:
    """One service's records against its queue."""

    def __init__(self, queue: SyncQueue, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
        """`queue`: with a client of the calling thread's own."""
        self._queue = queue
        self._settings = settings
        self._clock = clock
        self._after = 0  # the record to go on from

    def run(self) -> int:
        """One round; answers how many records were enqueued. Raises `QueueUnavailable`."""
        self._mirror_holds()
        total = 0
        for _ in range(_MOST_CHUNKS):
            waiting = self._waiting()
            total += self._enqueue_absent(waiting)
            if len(waiting) < CHUNK:
                self._after = 0
                break
            self._after = waiting[-1][0]
        if total:
            logger.warning("%s waiting records were not in the queue", total, extra={"service": self._queue.service})
        return total

    def _mirror_holds(self) -> None:
        """What people set and mend lives in the database; a Redis that was away or emptied meanwhile is told again."""
        paused = policies.is_paused(self._queue.service)
        holds = [hold for hold in self._queue.holds() if not hold.lifted]
        is_set = any(hold.name == "pause" for hold in holds)
        if paused and not is_set:
            self._queue.hold("pause", None, "Paused.")
        over = destinations.mended([hold.name for hold in holds])
        if is_set and not paused:
            over.append("pause")
        if over:
            self._queue.lift(*over)

    def _waiting(self) -> list[tuple[int, str]]:
        """Records that have waited for longer than a lease: what is younger is under way."""
        since = self._clock.now() - timedelta(seconds=self._settings.processing.lease_seconds)
        rows = records.records().filter(
            destinations.declared_here("destination__"),
            service=self._queue.service,
            state=RecordState.WAITING,
            pk__gt=self._after,
            changed_at__lt=since,
        )
        found = rows.order_by("pk").values_list("pk", "source", "object_pk")[:CHUNK]
        return [(pk, f"{source}:{object_pk}") for pk, source, object_pk in found]

    def _enqueue_absent(self, waiting: list[tuple[int, str]]) -> int:
        if not waiting:
            return 0
        ids = [record_task_id(pk) for pk, _ in waiting]
        places = self._queue.presence(ids)
        absent = [row for row, place in zip(waiting, places, strict=True) if place is Presence.ABSENT]
        failed = [id_ for id_, place in zip(ids, places, strict=True) if place is Presence.FAILED]
        if failed:  # the worker died between the queue's word and the record's
            services.fail_records(failed, self._reason(failed[0]))
        self._queue.enqueue_many(record_task(self._queue.service, pk, entity) for pk, entity in absent)
        return len(absent)

    def _reason(self, task_id: str) -> str:
        view = self._queue.get(task_id)
        return view.progress.history[-1].error if view and view.progress.history else ""


def sweep_sources(clock: Clock = SYSTEM_CLOCK) -> int:
    """Find changes that no signal told of, and enqueue them; returns how many records wait because of it."""
    destinations.ensure_declared()
    total = sum(sweep_source(source, clock) for source in all_sources())
    destinations.finish_retirements()
    return total


def sweep_source(source: ModelSync, clock: Clock = SYSTEM_CLOCK) -> int:
    """Sweep one source, and make a part of each walk that is requested over it."""
    total = _enqueue_all(sweep(source, clock.now()))
    if total:
        logger.warning("The sweep found %s records of %s to sync", total, source.label)
    for one in walks.requested(source.label):
        count = _enqueue_all(walks.advance(one))
        logger.info("%s: %s records wait", one, count)
        total += count
    return total


def _enqueue_all(pieces: Iterable[list[PendingRecord]]) -> int:
    total = 0
    for pending_records in pieces:
        total += len(pending_records)
        if pending_records:
            with queued():
                dispatch(pending_records)
    return total

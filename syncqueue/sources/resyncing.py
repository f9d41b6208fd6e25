"""Going through all objects of some destinations because a person asked: what update() and bulk calls left out of date,
and, where it is asked for, what was deleted without a signal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.db import router, transaction
from django.db.models import Model, QuerySet

from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.models import Destination, DestinationState, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources.intents import Change, PendingRecord, record_changes, touch_records, wanted_pairs
from syncqueue.sources.registry import ModelSync, all_sources, source_by_label

CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ResyncCounts:
    """What a resync would go through."""

    known: int  # records that are there: compared with their objects, or sent again with `force`
    new: int  # objects without a record: posted where the destination's rule takes them
    gone: int  # records whose object is not there any more: their copies are removed


def chosen_destinations(services: Collection[str]) -> list[Destination]:
    """The destinations of these services that take objects."""
    rows = Destination.objects.using(record_db()).filter(
        service__in=services, enabled=True, state=DestinationState.ACTIVE
    )
    return list(rows.order_by("pk"))


def count(destinations: Sequence[Destination], *, prune: bool) -> ResyncCounts:
    """Look at everything that `resync` would go through, and change nothing."""
    only = {destination.pk for destination in destinations}
    known = new = 0
    for source, objects in _objects():
        pairs = wanted_pairs(source, _changes(objects), only)
        keys = [change.pk for change, _ in pairs]
        have = _records(source, only).filter(object_pk__in=keys).values_list("object_pk", "destination_id")
        there = set(have) & {(change.pk, destination.pk) for change, destination in pairs}
        known, new = known + len(there), new + len(pairs) - len(there)
    gone = sum(len(rows) for rows in _gone(only)) if prune else 0
    return ResyncCounts(known=known, new=new, gone=gone)


def resync(destinations: Sequence[Destination], *, force: bool, prune: bool) -> Iterator[list[PendingRecord]]:
    """Give each record of each object a new generation, a chunk at a time; answers those that wait because of it.

    `force`: what is out there is sent again, although its content is the same. `prune`: also records whose object is
    gone. Each chunk is committed when it is given out.
    """
    only = {destination.pk for destination in destinations}
    for source, objects in _objects():
        with transaction.atomic(using=record_db()):
            pending_records = record_changes(source, _changes(objects), only=only)
            if force:
                rows = SyncRecord.objects.using(record_db())
                rows.filter(pk__in=[one.record_id for one in pending_records]).update(content_hash="")
        yield pending_records
    if prune:
        for found in _gone(only):
            yield touch_records(found, now=SYSTEM_CLOCK.now())


def _objects() -> Iterator[tuple[ModelSync, list[Model]]]:
    """All objects of all sources, in chunks; by the base manager, as attempts read them.

    Not by one long query: on SQLite nothing can be written beside one once another process has written.
    """
    for source in all_sources():
        rows = source.model._base_manager.using(router.db_for_write(source.model)).order_by("pk")
        objects = list(rows[:CHUNK])
        while objects:
            yield source, objects
            objects = list(rows.filter(pk__gt=objects[-1].pk)[:CHUNK])


def _changes(objects: Sequence[Model]) -> list[Change]:
    return [Change(obj=obj, pk=str(obj.pk)) for obj in objects]


def _records(source: ModelSync, only: Collection[int]) -> QuerySet[SyncRecord]:
    return SyncRecord.objects.using(record_db()).filter(source=source.label, destination_id__in=only)


def _gone(only: Collection[int]) -> Iterator[list[SyncRecord]]:
    """The records whose object is not there, in chunks. Those of models that are not registered any more are left."""
    after = 0
    rows = SyncRecord.objects.using(record_db()).filter(destination_id__in=only).select_related("destination")
    while piece := list(rows.filter(pk__gt=after).order_by("pk")[:CHUNK]):
        after = piece[-1].pk
        there = _there(piece)
        gone = [row for row in piece if source_by_label(row.source) and (row.source, row.object_pk) not in there]
        if gone:
            yield gone


def _there(records: Sequence[SyncRecord]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for label in {record.source for record in records}:
        if source := source_by_label(label):
            keys = [record.object_pk for record in records if record.source == label]
            rows = source.model._base_manager.using(router.db_for_write(source.model)).filter(pk__in=keys)
            found |= {(label, str(pk)) for pk in rows.values_list("pk", flat=True)}
    return found

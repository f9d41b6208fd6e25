"""Resync: compares all objects of some destinations again, at a person's request.

It finds changes by `update()` and bulk calls, which send no signals, and with `prune` deletions without a signal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model, QuerySet

from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.models import Destination, DestinationState, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources import walk
from syncqueue.sources.destinations import declared_here
from syncqueue.sources.intents import PendingRecord, change_of, consider, touch_records, wanted_pairs
from syncqueue.sources.missed import note_unread, record_many
from syncqueue.sources.records import records
from syncqueue.sources.registry import ModelSync, all_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class ResyncCounts:
    """The numbers of records and objects that a resync would process."""

    known: int  # existing records: compared with their objects, or sent again with `force`
    new: int  # objects without a record: posted if the destination's rule accepts them
    gone: int  # records whose object does not exist any more: their copies are removed


def chosen_destinations(services: Collection[str]) -> list[Destination]:
    """Return the destinations of these services that accept objects."""
    rows = Destination.objects.using(record_db()).filter(
        declared_here(), service__in=services, enabled=True, state=DestinationState.ACTIVE
    )
    return list(rows.order_by("pk"))


def count(destinations: Sequence[Destination], *, prune: bool) -> ResyncCounts:
    """Count what `resync` would process; changes nothing."""
    only = {destination.pk for destination in destinations}
    known = new = 0
    for source, objects in _all_objects():
        pairs = wanted_pairs(source, consider(source, map(change_of, objects)), only)
        keys = [one.change.pk for one, _ in pairs]
        have = _records(source, only).filter(object_pk__in=keys).values_list("object_pk", "destination_id")
        there = set(have) & {(one.change.pk, destination.pk) for one, destination in pairs}
        known, new = known + len(there), new + len(pairs) - len(there)
    gone = sum(len(rows) for rows in _gone(only)) if prune else 0
    return ResyncCounts(known=known, new=new, gone=gone)


def resync(destinations: Sequence[Destination], *, force: bool, prune: bool) -> Iterator[list[PendingRecord]]:
    """Give each record of each object a new generation, in chunks; yields the records that wait because of it.

    `force`: existing copies are sent again even if their content is unchanged. `prune`: includes records whose object
    is gone. Each chunk is committed before it is yielded.
    """
    only = {destination.pk for destination in destinations}
    for source, objects in _all_objects(note=True):
        pending_records = record_many(source, [change_of(obj) for obj in objects], only=only)
        if force:
            rows = SyncRecord.objects.using(record_db())
            rows.filter(pk__in=[one.record_id for one in pending_records]).update(content_hash="")
        yield pending_records
    if prune:
        for found in _gone(only):
            yield touch_records(found, now=SYSTEM_CLOCK.now())


def _all_objects(*, note: bool = False) -> Iterator[tuple[ModelSync, list[Model]]]:
    for source in all_sources():
        for reading in walk.objects(source):
            if note:
                note_unread(source, reading)
            yield source, reading.objects


def _records(source: ModelSync, only: Collection[int]) -> QuerySet[SyncRecord]:
    return SyncRecord.objects.using(record_db()).filter(source=source.label, destination_id__in=only)


def _gone(only: Collection[int]) -> Iterator[list[SyncRecord]]:
    rows = SyncRecord.objects.using(record_db()).filter(destination_id__in=only)
    for _last, found in walk.gone(rows):
        if found:
            yield found


def write_again(rows: Sequence[SyncRecord], *, now: datetime) -> list[PendingRecord]:
    """Let records wait with unknown content, so that the desired state is sent in any case."""
    records().filter(pk__in=[row.pk for row in rows]).update(content_hash="")
    return touch_records(rows, now=now)

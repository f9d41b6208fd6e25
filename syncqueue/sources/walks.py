"""Walks that a worker makes: requested by a row, made a few chunks in each round, and continued by any worker.

A walk is safe to make twice: its objects are compared with their records, or their records with what is out there.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncqueue.models import Destination, Walk, WalkKind
from syncqueue.site import record_db
from syncqueue.sources import walk
from syncqueue.sources.intents import PendingRecord
from syncqueue.sources.missed import record_missed
from syncqueue.sources.registry import all_sources, source_by_label

# Of one walk and round; the next round goes on from there.
MOST_CHUNKS = 20


def begin_backfill(destination: Destination) -> None:
    """Request a walk over all sources for a destination that takes objects created before it."""
    for source in all_sources():
        Walk.objects.using(record_db()).get_or_create(
            source=source.label, kind=WalkKind.BACKFILL, destination=destination
        )


def requested(label: str) -> list[Walk]:
    """The walks over a source that have not come to their end, oldest first."""
    return list(Walk.objects.using(record_db()).filter(source=label).select_related("destination").order_by("pk"))


def advance(one: Walk, *, most_chunks: int = MOST_CHUNKS) -> Iterator[list[PendingRecord]]:
    """Make a part of a walk; each list has the records that wait because of a chunk."""
    source = source_by_label(one.source)
    if source is None:
        return
    only = None if one.destination_id is None else [one.destination_id]
    rows = Walk.objects.using(record_db()).filter(pk=one.pk)
    for number, objects in enumerate(walk.objects(source, one.position or None), 1):
        yield record_missed(source, objects, only)
        rows.update(position=str(objects[-1].pk))
        if number == most_chunks:
            return
    rows.delete()

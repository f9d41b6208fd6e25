"""Walks of the worker: requested by a row, done a few chunks per round, and continued by any worker.

A walk may be done twice: it compares objects with their records, or records with their copies.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from syncqueue.core.answer import Refused
from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.models import Destination, RecordState, SyncRecord, Walk, WalkKind
from syncqueue.site import record_db
from syncqueue.sources import adopting, gate, refusals, walk
from syncqueue.sources.intents import PendingRecord, change_of, touch_records
from syncqueue.sources.keys import UnreadableKey, key_of, key_text
from syncqueue.sources.missed import record_many, record_missed
from syncqueue.sources.records import resting
from syncqueue.sources.registry import ModelSync, all_sources, home_db, model_by_label
from syncqueue.sources.resyncing import write_again

# Maximum chunks per walk and round; the next round continues.
MOST_CHUNKS = 20


def begin_backfill(destination: Destination) -> None:
    """Request a walk over all sources for a destination that accepts objects created before it."""
    for source in all_sources():
        Walk.objects.using(record_db()).get_or_create(
            source=source.label, kind=WalkKind.BACKFILL, destination=destination
        )


def begin_refill(destination: Destination) -> None:
    """Request a walk over the records of a destination that writes its copies again."""
    for source in all_sources():
        Walk.objects.using(record_db()).create(source=source.label, kind=WalkKind.REFILL, destination=destination)


def request(source: ModelSync, kind: WalkKind, *, related: str = "") -> None:
    """Request a walk: create a row, in the transaction of the change that needs it."""
    Walk.objects.using(record_db()).create(source=source.label, kind=kind, related=related)


def requested(source: ModelSync) -> list[Walk]:
    """Return the unfinished walks over a source, oldest first, each once.

    Several requests for a walk that has not begun become one walk, because all of their changes are committed.
    """
    rows = Walk.objects.using(record_db()).filter(source=source.label)
    found: dict[tuple[str, int | None, str], Walk] = {}
    running: list[Walk] = []
    double: list[int] = []
    for one in rows.select_related("destination").order_by("pk"):
        key = (one.kind, one.destination_id, one.related)
        if one.position:
            running.append(one)
        elif key in found:
            double.append(one.pk)
        else:
            found[key] = one
    if double:
        rows.filter(pk__in=double).delete()
    return sorted([*running, *found.values()], key=lambda one: one.pk)


def advance(source: ModelSync, one: Walk, *, most_chunks: int = MOST_CHUNKS) -> Iterator[list[PendingRecord]]:
    """Do a part of a walk; yields for each chunk the records that wait because of it."""
    if one.kind == WalkKind.MISSED and not refusals.has_room(source):
        return
    for number, (position, pending_records) in enumerate(_steps(source, one), 1):
        yield pending_records
        # Another worker may have finished the walk and deleted the row: then nothing is updated.
        Walk.objects.using(record_db()).filter(pk=one.pk, position=one.position).update(position=position)
        one.position = position
        if number >= most_chunks:
            return
    Walk.objects.using(record_db()).filter(pk=one.pk, position=one.position).delete()


def _steps(source: ModelSync, one: Walk) -> Iterator[tuple[str, list[PendingRecord]]]:
    match one.kind:
        case WalkKind.GONE:
            rows = SyncRecord.objects.using(record_db()).filter(source=source.label)
            rows = rows.exclude(state=RecordState.ABANDONED)  # deleted while muted
            for last, records in walk.gone(rows, int(one.position or 0)):
                yield str(last), touch_records(records, now=SYSTEM_CLOCK.now())
        case WalkKind.REFILL:
            yield from _refill(source, one)
        case WalkKind.ADOPTION if one.destination is not None:
            for reading in walk.objects(source, one.position or None):
                found = adopting.adopt_chunk(source, reading, one.destination, write=True)
                adopting.fail_refused(source, reading, found.refused, one.destination)
                yield key_text(source.model, reading.last_key), found.pending_records
        case WalkKind.AFFECTED if one.related:
            yield from _affected(source, one)
        case WalkKind.AFFECTED:
            for reading in walk.objects(source, one.position or None):
                changes = [change_of(obj) for obj in reading.objects]
                yield key_text(source.model, reading.last_key), record_many(source, changes)
        case _:
            only = None if one.destination_id is None else [one.destination_id]
            for reading in walk.objects(source, one.position or None):
                yield key_text(source.model, reading.last_key), record_missed(source, reading, only)


def _refill(source: ModelSync, one: Walk) -> Iterator[tuple[str, list[PendingRecord]]]:
    """Write the synced records of a destination again. Waiting records are sent anyway."""
    rows = resting(one.destination_id or 0).filter(source=source.label).select_related("destination").order_by("pk")
    last = int(one.position or 0)
    while piece := list(rows.filter(pk__gt=last)[: walk.CHUNK]):
        last = piece[-1].pk
        with transaction.atomic(using=record_db()):
            pending_records = write_again(piece, now=SYSTEM_CLOCK.now())
        yield str(last), pending_records


def _affected(source: ModelSync, one: Walk) -> Iterator[tuple[str, list[PendingRecord]]]:
    """Record the objects that a related object affects by the present `affected_by`; raises `AffectedRefused`."""
    label, _, key = one.related.partition(":")
    model = model_by_label(label)
    if model is None:
        return
    try:
        related = model._base_manager.using(home_db(model)).filter(pk=key_of(model, key)).first()
    except UnreadableKey:
        return
    if related is None:  # its deletion has requested a separate walk
        return
    objects = gate.affected_objects(source, related)
    if isinstance(objects, Refused):
        raise AffectedRefused(objects.reason)
    changes = sorted((change_of(obj) for obj in objects.value), key=lambda change: (len(change.pk), change.pk))
    done = int(one.position or 0)
    for piece in chunks(changes[done:], walk.CHUNK):
        done += len(piece)
        yield str(done), record_many(source, list(piece))


class AffectedRefused(Exception):
    """A site's `affected_by` raised for a related object; the walk stays requested."""

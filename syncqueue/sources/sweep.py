"""The sweep: finds objects that changed without a signal, or whose record was never written.

It walks each source by its `changed_field`, remembers how far it came, and looks again at the last minutes each time,
because a transaction may commit later than the times it wrote. A new destination that takes older objects is filled by
a walk of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import router
from django.db.models import Model, Q

from syncqueue.models import Destination, DestinationState, SweepPosition, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources.intents import Change, PendingRecord, record_changes
from syncqueue.sources.registry import ModelSync, all_sources

CHUNK = 500
# Longer than transactions usually last; changes that commit later are found by `syncqueue resync`.
OVERLAP = timedelta(minutes=10)


def sweep(now: datetime, *, most_chunks: int = 20) -> Iterator[list[PendingRecord]]:
    """Find what fell between, a chunk at a time; each list has the records that wait because of it."""
    for source in all_sources():
        if source.changed_field is None:
            continue
        for position in _positions(source, now):
            for _ in range(most_chunks):
                objects = _next(source, position)
                yield _record_missed(source, objects)
                if len(objects) < CHUNK:
                    _arrive(source, position, now)
                    break
                _advance(source, position, objects[-1])


def _positions(source: ModelSync, now: datetime) -> list[SweepPosition]:
    rows = SweepPosition.objects.using(record_db())
    if not rows.filter(source=source.label, destination=None).exists():
        starts = Destination.objects.using(record_db()).filter(state=DestinationState.ACTIVE, start_at__isnull=False)
        first = starts.order_by("start_at").values_list("start_at", flat=True).first()
        rows.get_or_create(source=source.label, destination=None, defaults={"changed_at": min(first or now, now)})
    return list(rows.filter(source=source.label).order_by("pk"))


def begin_filling(destination: Destination) -> None:
    """Walk all sources for a destination that takes objects created before it."""
    for source in all_sources():
        if source.changed_field is not None:
            SweepPosition.objects.using(record_db()).get_or_create(source=source.label, destination=destination)


def _next(source: ModelSync, position: SweepPosition) -> list[Model]:
    field = source.changed_field or ""
    model = source.model
    found = model._base_manager.using(router.db_for_write(model)).order_by(field, "pk")
    if position.changed_at is not None:
        same = Q(**{field: position.changed_at})
        beyond = Q(pk__gt=position.object_pk) if position.object_pk else Q()
        found = found.filter(Q(**{f"{field}__gt": position.changed_at}) | (same & beyond))
    return list(found[:CHUNK])


def _record_missed(source: ModelSync, objects: list[Model]) -> list[PendingRecord]:
    """Upsert records for those of the objects whose records have not seen their last change."""
    if not objects:
        return []
    changes = [Change(obj=obj, pk=str(obj.pk)) for obj in objects]
    return record_changes(source, changes, seen=_seen(source, objects))


def _seen(source: ModelSync, objects: list[Model]) -> dict[str, dict[int, datetime | None]]:
    rows = SyncRecord.objects.using(record_db()).filter(
        source=source.label, object_pk__in=[str(obj.pk) for obj in objects]
    )
    seen: dict[str, dict[int, datetime | None]] = {}
    for pk, destination, changed_at in rows.values_list("object_pk", "destination_id", "object_changed_at"):
        seen.setdefault(pk, {})[destination] = changed_at
    return seen


def _advance(source: ModelSync, position: SweepPosition, last: Model) -> None:
    position.changed_at, position.object_pk = source.changed_at(last), str(last.pk)
    position.save(using=record_db(), update_fields=["changed_at", "object_pk"])


def _arrive(source: ModelSync, position: SweepPosition, now: datetime) -> None:
    """The end is reached: a walk for a new destination is over, the others go back a little for the next time."""
    if position.destination_id is not None:
        position.delete(using=record_db())
        return
    position.changed_at, position.object_pk = now - OVERLAP, ""
    position.save(using=record_db(), update_fields=["changed_at", "object_pk"])

"""The sweep: finds objects that changed without a signal, or whose record was never written.

It reads each source in the order of `changed_field`, stores its position, and reads the last minutes again each time,
because a transaction may commit later than the times that it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from syncqueue.models import Destination, DestinationState, SweepPosition, Walk, WalkKind
from syncqueue.site import record_db
from syncqueue.sources import gate
from syncqueue.sources.gate import Reading
from syncqueue.sources.intents import PendingRecord
from syncqueue.sources.keys import key_text
from syncqueue.sources.missed import record_missed
from syncqueue.sources.registry import ModelSync
from syncqueue.sources.walk import CHUNK, table

# Longer than most transactions; `syncqueue resync` finds changes that are committed later.
OVERLAP = timedelta(minutes=10)


def sweep(source: ModelSync, now: datetime, *, most_chunks: int = 20) -> Iterator[list[PendingRecord]]:
    """Find missed changes of a source; yields for each chunk the records that wait because of it."""
    if source.changed_field is None:
        return
    position = _position(source, now)
    for _ in range(most_chunks):
        reading = _next(source, position)
        yield record_missed(source, reading)
        if reading.count < CHUNK:
            _move(position, now - OVERLAP, "")
            return
        _move(position, _changed_at(source, reading.last_key), key_text(source.model, reading.last_key))


def _position(source: ModelSync, now: datetime) -> SweepPosition:
    rows = SweepPosition.objects.using(record_db()).filter(source=source.label)
    for one in rows.exclude(destination=None).select_related("destination"):  # of version 0.1
        Walk.objects.using(record_db()).get_or_create(
            source=source.label, kind=WalkKind.BACKFILL, destination=one.destination
        )
        rows.filter(pk=one.pk).delete()
    if found := rows.filter(destination=None).first():
        return found
    starts = Destination.objects.using(record_db()).filter(state=DestinationState.ACTIVE, start_at__isnull=False)
    first = starts.order_by("start_at").values_list("start_at", flat=True).first()
    return rows.get_or_create(source=source.label, destination=None, defaults={"changed_at": min(first or now, now)})[0]


def _changed_at(source: ModelSync, key: Any) -> datetime | None:
    """Read only the column, because the object may be unreadable."""
    return table(source).filter(pk=key).values_list(source.changed_field or "", flat=True).first()


def _next(source: ModelSync, position: SweepPosition) -> Reading:
    field = source.changed_field or ""
    found = table(source).order_by(field, "pk")
    if position.changed_at is not None:
        found = found.filter(**{f"{field}__gte": position.changed_at})  # alone, a range of the field's index
        if position.object_pk:
            beyond = Q(**{f"{field}__gt": position.changed_at}) | Q(pk__gt=position.object_pk)
            found = found.filter(beyond)
    return gate.read(source, found[:CHUNK])


def _move(position: SweepPosition, changed_at: datetime | None, object_pk: str) -> None:
    position.changed_at, position.object_pk = changed_at, object_pk
    # Another worker may have deleted the row: an update of no rows is not an error, but a save would be.
    rows = SweepPosition.objects.using(record_db()).filter(pk=position.pk)
    rows.update(changed_at=changed_at, object_pk=object_pk)

"""Writing down that something should be synced: one record an object and destination, with a new generation.

This runs inside the save. It reads once and writes once, and neither `document()` nor any rule runs here: the attempt
decides by the state it finds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import Exists, Model, OuterRef, Q

from syncqueue import tracing
from syncqueue.conf import get_settings
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.task import DELETE, UPDATE, SyncTask, keyed_id
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources.planner import is_too_old
from syncqueue.sources.registry import ModelSync

_KEY = "record-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRecord:
    """A record that waits to be worked on."""

    record_id: int
    service: str
    entity: str  # "notes.note:42"
    action: str  # what was meant, for people; the state decides
    destination: Destination = field(compare=False)

    def task(self) -> SyncTask:
        """The task for it: one key a record, so that saves coalesce."""
        return record_task(self.service, self.record_id, self.entity, self.action)


def record_task(service: str, record_id: int, entity: str, action: str = UPDATE) -> SyncTask:
    """The task that works on a record. It names the record and nothing else (but for the trace, where there is one)."""
    payload = {"record": record_id, **tracing.carried()}
    key = record_key(record_id)
    # Tasks of one millisecond leave a lane in the order of their ids as text: record 10 must be made after record 9.
    created_at = SYSTEM_CLOCK.now() + timedelta(milliseconds=len(str(record_id)))
    return SyncTask(service, action, entity, payload, key=key, created_at=created_at)


def record_key(record_id: int) -> str:
    """The key of a record's task."""
    return f"{_KEY}{record_id}"


def record_task_id(record_id: int) -> str:
    """The id of a record's task."""
    return keyed_id(record_key(record_id))


def record_of_task_id(task_id: str) -> int | None:
    """The record whose task has this id, or None; for a task whose body is not at hand, or cannot be read."""
    tail = task_id.removeprefix(keyed_id(_KEY))
    return int(tail) if tail != task_id and tail.isdecimal() else None


def record_id_of(task: SyncTask) -> int | None:
    """The record a task is about, or None for a generic task."""
    value = task.payload.get("record")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An object that was saved or deleted. The key is copied at once: after a delete the object has none."""

    obj: Model
    pk: str
    deleted: bool = False


Seen = Mapping[str, Mapping[int, datetime | None]]


def record_changes(
    source: ModelSync,
    changes: Sequence[Change],
    *,
    muted: bool = False,
    seen: Seen | None = None,
    only: Collection[int] | None = None,
) -> list[PendingRecord]:
    """Upsert the records that the changes concern; answers those that wait now.

    `muted`: nothing is to be synced; it is only noted that these changes were seen, so that the sweep passes them by.
    `seen`: by object and destination the last change a record has seen; such records are left alone (the sweep).
    `only`: the keys of the destinations that are meant; all of them when it is None.
    """
    db = record_db()
    pairs = wanted_pairs(source, changes, only)
    if seen is not None:
        pairs = [pair for pair in pairs if not _has_seen(source, seen, *pair)]
    if not pairs:
        return []
    if muted:
        _note_seen(source, pairs, db)
        return []
    rows = [_row(source, change, destination) for change, destination in pairs]
    _upsert(rows, db)
    return [
        PendingRecord(
            record_id=row.pk,
            service=row.service,
            entity=f"{row.source}:{row.object_pk}",
            action=DELETE if change.deleted else UPDATE,
            destination=destination,
        )
        for row, (change, destination) in zip(rows, pairs, strict=True)
        if destination.enabled and destination.is_declared_here
    ]


def wanted_pairs(
    source: ModelSync, changes: Sequence[Change], only: Collection[int] | None = None
) -> list[tuple[Change, Destination]]:
    """Which records the changes concern, in a fixed order, so that two saves at once cannot deadlock: oldest first."""
    found = _wanted_pairs(source, changes, record_db())
    chosen = [pair for pair in found if only is None or pair[1].pk in only]
    return sorted(chosen, key=lambda pair: (len(pair[0].pk), pair[0].pk, pair[1].pk))


def _has_seen(source: ModelSync, seen: Seen, change: Change, destination: Destination) -> bool:
    known = seen.get(change.pk, {})
    return destination.pk in known and known[destination.pk] == source.changed_at(change.obj)


def _row(source: ModelSync, change: Change, destination: Destination, **values: Any) -> SyncRecord:
    return SyncRecord(
        source=source.label,
        object_pk=change.pk,
        destination=destination,
        service=destination.service,
        object_changed_at=source.changed_at(change.obj),
        changed_at=SYSTEM_CLOCK.now(),
        **values,
    )


def _upsert(rows: list[SyncRecord], db: str) -> None:
    """One statement, and the keys of the rows."""
    SyncRecord.objects.using(db).bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=_unique_fields(db),
        update_fields=["state", "generation", "changed_at", "object_changed_at", "error", "next_attempt_at"],
    )
    if any(row.pk is None for row in rows):
        _read_keys(rows, db)


def _unique_fields(db: str) -> list[str] | None:
    # MySQL takes any unique key and refuses to be told which.
    if connections[db].features.supports_update_conflicts_with_target:
        return ["source", "object_pk", "destination"]
    return None


def _read_keys(rows: list[SyncRecord], db: str) -> None:
    """The keys of upserted rows, where the database does not return them."""
    found = SyncRecord.objects.using(db).filter(source=rows[0].source, object_pk__in={row.object_pk for row in rows})
    keys = {(pk, destination): key for key, pk, destination in found.values_list("pk", "object_pk", "destination_id")}
    for row in rows:
        row.pk = keys[row.object_pk, row.destination_id]


def _note_seen(source: ModelSync, pairs: list[tuple[Change, Destination]], db: str) -> None:
    rows = [
        _row(source, change, destination, state=RecordState.ABANDONED, error="Saved while muted.")
        for change, destination in pairs
    ]
    SyncRecord.objects.using(db).bulk_create(
        rows, update_conflicts=True, unique_fields=_unique_fields(db), update_fields=["object_changed_at"]
    )


def _wanted_pairs(source: ModelSync, changes: Sequence[Change], db: str) -> Iterable[tuple[Change, Destination]]:
    """Every enabled destination of an object's owner, and every destination it has a record at."""
    owners = {change.pk: None if change.deleted else source.owner_key(change.obj) for change in changes}
    known = SyncRecord.objects.using(db).filter(source=source.label, object_pk__in=list(owners))
    destinations = _destinations(source, changes, owners, known, db)
    if len(changes) == 1:  # the usual save: whether there is a record came with the destinations
        have = {(changes[0].pk, d.pk) for d in destinations if getattr(d, "has_record", False)}
    else:
        have = set(known.values_list("object_pk", "destination_id"))
    for change in changes:
        for destination in destinations:
            if (change.pk, destination.pk) in have or _takes(source, change, owners[change.pk], destination):
                yield change, destination


def _destinations(
    source: ModelSync, changes: Sequence[Change], owners: dict[str, Any], known: Any, db: str
) -> list[Destination]:
    owned = Q(owner_id__in={owner for owner in owners.values() if owner is not None})
    if None in owners.values():
        owned |= Q(owner=None)
    found = Destination.objects.using(db).filter(
        Q(owned, enabled=True, state=DestinationState.ACTIVE) | Q(pk__in=known.values("destination_id")),
        service__in=list(get_settings().services),
    )
    if len(changes) == 1:
        mine = SyncRecord.objects.filter(source=source.label, object_pk=changes[0].pk, destination=OuterRef("pk"))
        found = found.annotate(has_record=Exists(mine))
    return list(found.order_by("pk"))


def _takes(source: ModelSync, change: Change, owner: Any, destination: Destination) -> bool:
    if change.deleted or not destination.enabled or destination.state != DestinationState.ACTIVE:
        return False
    if not destination.is_declared_here:  # a process that has the declaration finds the object by its sweep
        return False
    if destination.owner_id != owner and str(destination.owner_id) != str(owner):
        return False
    # What is too old has nothing out there, unless it was posted before syncqueue came.
    return source.adopts or not is_too_old(source.created_at(change.obj), destination.start_at)


def touch_records(records: Iterable[SyncRecord], *, now: datetime) -> list[PendingRecord]:
    """Give records a new generation because a person asked ("sync now", retry); answers those that wait now."""
    db = record_db()
    rows = list(records)
    for row in rows:
        row.renew(now)
    # update() would give all of them one generation, which is compared for equality with what an attempt read.
    SyncRecord.objects.using(db).bulk_update(
        rows, ["state", "generation", "changed_at", "error", "next_attempt_at"], batch_size=500
    )
    return [
        PendingRecord(
            record_id=row.pk,
            service=row.service,
            entity=f"{row.source}:{row.object_pk}",
            action=UPDATE,
            destination=row.destination,
        )
        for row in rows
    ]

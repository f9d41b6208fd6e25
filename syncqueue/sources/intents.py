"""Records that something must be synced: one record per object and destination, with a new generation.

This runs inside the save. It makes one read and one write, and calls neither `document()` nor any rule: the attempt
decides by the state that it finds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.db import connections
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from syncqueue import tracing
from syncqueue.conf import get_settings
from syncqueue.core.answer import Asked, Refused
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.task import DELETE, TEXT_CHARACTERS, UPDATE, SyncTask, keyed_id
from syncqueue.handlers.base import RemotePart
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources import gate, refusals
from syncqueue.sources.built import Given, read
from syncqueue.sources.destinations import owned_by
from syncqueue.sources.keys import MAX_CHARACTERS, key_text
from syncqueue.sources.planner import is_too_old
from syncqueue.sources.records import note_left
from syncqueue.sources.registry import ModelSync

_KEY = "record-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRecord:
    """A record that waits for an attempt."""

    record_id: int
    service: str
    entity: str  # "notes.note:42"
    action: str  # the intended action, for people; the attempt decides by the state
    destination: Destination = field(compare=False)

    def task(self) -> SyncTask:
        """Return its task. There is one key per record, so that tasks of several saves coalesce."""
        return record_task(self.service, self.record_id, self.entity, self.action)


def pending_record(row: SyncRecord, destination: Destination, action: str = UPDATE) -> PendingRecord:
    """Return a waiting record in the form in which it is dispatched."""
    entity = f"{row.source}:{row.object_pk}"
    return PendingRecord(record_id=row.pk, service=row.service, entity=entity, action=action, destination=destination)


def record_task(service: str, record_id: int, entity: str, action: str = UPDATE) -> SyncTask:
    """Return the task of a record. It contains only the id of the record and, if there is one, the trace context."""
    payload = {"record": record_id, **tracing.carried()}
    key = record_key(record_id)
    # Tasks of one millisecond leave a lane in the text order of their ids, so record 10 must be created after record 9.
    created_at = SYSTEM_CLOCK.now() + timedelta(milliseconds=len(str(record_id)))
    # The entity is for people: a long key is cut; the record has all of it.
    return SyncTask(service, action, entity[:TEXT_CHARACTERS], payload, key=key, created_at=created_at)


def record_key(record_id: int) -> str:
    """Return the key of a record's task."""
    return f"{_KEY}{record_id}"


def record_task_id(record_id: int) -> str:
    """Return the id of a record's task."""
    return keyed_id(record_key(record_id))


def record_of_task_id(task_id: str) -> int | None:
    """Return the record of a task by the task's id, or None; for tasks whose body is unknown or unreadable."""
    tail = task_id.removeprefix(keyed_id(_KEY))
    return int(tail) if tail != task_id and tail.isdecimal() else None


def record_id_of(task: SyncTask) -> int | None:
    """Return the record of a task, or None for a generic task."""
    value = task.payload.get("record")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


Left: TypeAlias = Mapping[int, tuple[RemotePart, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An object that was saved or deleted. The key is copied immediately, because a deleted object loses it."""

    obj: Model
    pk: str
    deleted: bool = False
    # For a deleted object: its copies from before syncqueue, by destination; None: unknown.
    left: Left = field(default_factory=dict)


def change_of(obj: Model, *, deleted: bool = False) -> Change:
    """Return the change of an object, with the normal spelling of its key. Raises `UnreadableKey`."""
    return Change(obj=obj, pk=key_text(type(obj), obj.pk), deleted=deleted)


Seen = Mapping[str, Mapping[int, datetime | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A change with the answers of the site's ModelSync about its object."""

    change: Change
    owners: frozenset[Any] = frozenset()  # their primary keys; None: site-wide
    created_at: datetime | None = None
    changed_at: datetime | None = None
    refused: Refused | None = None  # it raised: only the object's existing records are written


def consider(source: ModelSync, changes: Iterable[Change]) -> list[Considered]:
    """Ask the site's ModelSync about changed objects; about a deleted one only for the time of its last change."""
    return [_consider(source, change) for change in changes]


def _consider(source: ModelSync, change: Change) -> Considered:
    changed_at = gate.changed_at(source, change.obj)
    if change.deleted:
        value = changed_at.value if isinstance(changed_at, Asked) else None
        return Considered(change=change, changed_at=value)
    if len(change.pk) > MAX_CHARACTERS:
        text = f"{source.label}:{change.pk[:50]}...: its key is longer than {MAX_CHARACTERS} characters."
        return Considered(change=change, refused=Refused(text, ValueError(text)))
    owners = gate.owner_keys(source, change.obj)
    created_at = gate.created_at(source, change.obj)
    if isinstance(owners, Asked) and isinstance(created_at, Asked) and isinstance(changed_at, Asked):
        return Considered(change=change, owners=owners.value, created_at=created_at.value, changed_at=changed_at.value)
    return Considered(
        change=change,
        changed_at=changed_at.value if isinstance(changed_at, Asked) else None,
        refused=next(one for one in (owners, created_at, changed_at) if isinstance(one, Refused)),
    )


def record_changes(
    source: ModelSync,
    changes: Sequence[Change],
    *,
    muted: bool = False,
    seen: Seen | None = None,
    only: Collection[int] | None = None,
) -> list[PendingRecord]:
    """Upsert the records of the changes; returns those that wait now.

    An object for which the site's code raises is remembered (sources/refusals.py). Its existing records are written
    nevertheless, and their attempts report the problem.

    `muted`: sync nothing, and only note that these changes were seen, so that the sweep skips them. `seen` (from the
    sweep): the last change that a record has seen, by object and destination; records that have seen the change are
    left alone. `only`: the primary keys of the destinations to consider; None: all.
    """
    db = record_db()
    considered = consider(source, changes)
    refusals.note(source, {one.change.pk: one.refused for one in considered if one.refused is not None})
    pairs = wanted_pairs(source, considered, only)
    if seen is not None:
        pairs = [pair for pair in pairs if not _has_seen(seen, *pair)]
    if not pairs:
        return []
    if muted:
        _note_seen(source, pairs, db)
        return []
    rows = [_row(source, one, destination) for one, destination in pairs]
    _upsert(rows, db)
    _note_left(rows, pairs)
    return [
        pending_record(row, destination, DELETE if one.change.deleted else UPDATE)
        for row, (one, destination) in zip(rows, pairs, strict=True)
        if destination.is_declared_here  # tasks of one that is switched off wait until it is switched on
    ]


def _note_left(rows: Sequence[SyncRecord], pairs: Sequence[tuple[Considered, Destination]]) -> None:
    """Note the existing copies of deleted objects."""
    left = {
        row.pk: (destination.address, one.change.left[destination.pk])
        for row, (one, destination) in zip(rows, pairs, strict=True)
        if destination.pk in one.change.left
    }
    if left:
        note_left(left)


def wanted_pairs(
    source: ModelSync, considered: Sequence[Considered], only: Collection[int] | None = None
) -> list[tuple[Considered, Destination]]:
    """Return the records of the changes, oldest first: a fixed order, so that concurrent saves cannot deadlock."""
    found = _wanted_pairs(source, considered, record_db())
    chosen = [pair for pair in found if only is None or pair[1].pk in only]
    return sorted(chosen, key=lambda pair: (len(pair[0].change.pk), pair[0].change.pk, pair[1].pk))


def _has_seen(seen: Seen, one: Considered, destination: Destination) -> bool:
    known = seen.get(one.change.pk, {})
    if destination.pk not in known:
        return False
    unknown = one.refused is not None and one.changed_at is None
    return unknown or known[destination.pk] == one.changed_at


def _row(source: ModelSync, one: Considered, destination: Destination, **values: Any) -> SyncRecord:
    return SyncRecord(
        source=source.label,
        object_pk=one.change.pk,
        destination=destination,
        service=destination.service,
        object_changed_at=one.changed_at,
        changed_at=SYSTEM_CLOCK.now(),
        **values,
    )


def _upsert(rows: list[SyncRecord], db: str) -> None:
    """Upsert the rows with one statement, and set their primary keys."""
    SyncRecord.objects.using(db).bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=_unique_fields(db),
        update_fields=["state", "generation", "changed_at", "object_changed_at", "error", "next_attempt_at", "due_at"],
    )
    if any(row.pk is None for row in rows):
        _read_keys(rows, db)


def _unique_fields(db: str) -> list[str] | None:
    # MySQL uses any unique key and does not accept a list of fields.
    if connections[db].features.supports_update_conflicts_with_target:
        return ["source", "object_pk", "destination"]
    return None


def _read_keys(rows: list[SyncRecord], db: str) -> None:
    """Read the primary keys of upserted rows, for databases that do not return them."""
    found = SyncRecord.objects.using(db).filter(source=rows[0].source, object_pk__in={row.object_pk for row in rows})
    keys = {(pk, destination): key for key, pk, destination in found.values_list("pk", "object_pk", "destination_id")}
    for row in rows:
        row.pk = keys[row.object_pk, row.destination_id]


def _note_seen(source: ModelSync, pairs: list[tuple[Considered, Destination]], db: str) -> None:
    gone = {one.change.pk for one, _destination in pairs if one.change.deleted}
    if gone:  # otherwise the search for deleted objects would remove the copies
        SyncRecord.objects.using(db).filter(source=source.label, object_pk__in=gone).update(
            state=RecordState.ABANDONED, error="Deleted while muted: its copies stay."
        )
    pairs = [pair for pair in pairs if not pair[0].change.deleted]
    if not pairs:
        return
    rows = [
        _row(source, one, destination, state=RecordState.ABANDONED, error="Saved while muted.")
        for one, destination in pairs
    ]
    SyncRecord.objects.using(db).bulk_create(
        rows, update_conflicts=True, unique_fields=_unique_fields(db), update_fields=["object_changed_at"]
    )


def _wanted_pairs(
    source: ModelSync, considered: Sequence[Considered], db: str
) -> Iterable[tuple[Considered, Destination]]:
    """Return every enabled destination of an object's owners, and every destination at which it has a record."""
    keys = [one.change.pk for one in considered]
    known = SyncRecord.objects.using(db).filter(source=source.label, object_pk__in=keys)
    destinations = _destinations(source, considered, known, db)
    if len(considered) == 1:  # the usual save: one query reads destinations and records
        have = {(keys[0], d.pk) for d in destinations if getattr(d, "has_record", False)}
    else:
        have = set(known.values_list("object_pk", "destination_id"))
    for one in considered:
        for destination in destinations:
            if (one.change.pk, destination.pk) in have or _takes(source, one, destination):
                yield one, destination


def _destinations(source: ModelSync, considered: Sequence[Considered], known: Any, db: str) -> list[Destination]:
    owners = frozenset().union(*(one.owners for one in considered))
    left = {key for one in considered for key in one.change.left}
    services = tuple(get_settings().services)
    if len(considered) != 1 or left:
        found = _with_destinations(owned_by(owners) & _TAKES | Q(pk__in=left), known, services)
        return list((_noting_records(found, known) if len(considered) == 1 else found).using(db))
    values = {
        "source": [source.label],
        "object_pk": [considered[0].change.pk],
        "owner": [key for key in owners if key is not None],
    }
    return read(_destinations_of_one, db, values, None in owners, services)


_TAKES = Q(enabled=True, state=DestinationState.ACTIVE)


def _destinations_of_one(given: Given, is_sites: bool, services: tuple[str, ...]) -> QuerySet[Destination]:
    """Return the query of the usual save: one object, with the site-wide destinations or without them."""
    known = SyncRecord.objects.filter(source=given["source"], object_pk=given["object_pk"])
    owned = Q(owner=None) if is_sites else Q(pk__in=())
    for owner in given.several("owner"):
        owned |= Q(owner=owner)
    return _noting_records(_with_destinations(owned & _TAKES, known, services), known)


def _with_destinations(wanted: Q, known: QuerySet[SyncRecord], services: Sequence[str]) -> QuerySet[Destination]:
    found = Destination.objects.filter(wanted | Q(pk__in=known.values("destination_id")), service__in=services)
    return found.order_by("pk")


def _noting_records(found: QuerySet[Destination], known: QuerySet[SyncRecord]) -> QuerySet[Destination]:
    return found.annotate(has_record=Exists(known.filter(destination=OuterRef("pk"))))


def _takes(source: ModelSync, one: Considered, destination: Destination) -> bool:
    if one.change.deleted:
        return destination.pk in one.change.left
    if one.refused is not None:
        return False
    if not destination.enabled or destination.state != DestinationState.ACTIVE:
        return False
    if not destination.is_declared_here:  # a process that has the declaration finds the object with its sweep
        return False
    if destination.owner_id not in one.owners:
        return False
    # An object that is too old has no copies, except those from before syncqueue.
    return gate.adopts(source) or not is_too_old(one.created_at, destination.start_at)


def touch_records(records: Iterable[SyncRecord], *, now: datetime) -> list[PendingRecord]:
    """Give records a new generation at a person's request ("sync now", retry); returns those that wait now."""
    db = record_db()
    rows = list(records)
    for row in rows:
        row.renew(now)
    # update() would give all of them the same generation, and generations are compared for equality.
    SyncRecord.objects.using(db).bulk_update(
        rows, ["state", "generation", "changed_at", "error", "next_attempt_at", "due_at"], batch_size=500
    )
    return [pending_record(row, row.destination) for row in rows]

"""The first step of an attempt: read records, then their destinations, objects and orphans, with one query each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db.models import BooleanField, Case, Exists, Model, OuterRef, QuerySet, Value, When
from django.db.models.functions import Now

from syncqueue.core.answer import Asked, Refused
from syncqueue.handlers.base import RemotePart
from syncqueue.models import Destination, OrphanPart, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources import gate
from syncqueue.sources.built import Given, read_keys
from syncqueue.sources.records import read_parts, records
from syncqueue.sources.registry import source_by_label
from syncqueue.sources.walk import table


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A record with its destination, object and orphans, as read at the start of an attempt."""

    record: SyncRecord
    obj: Model | None  # None: deleted, its model is not registered any more, or see `refused`
    refused: Refused | None  # the object or its key cannot be read
    registered: bool
    mark_is_live: bool  # another attempt may be sending now
    mark_expired: bool  # another attempt was cut off and may have sent
    orphans: tuple[RemotePart, ...]  # remote copies to remove


def load(record_ids: Sequence[int]) -> dict[int, Loaded]:
    """Read records, then their destinations, orphans and objects: one query each, and one per source model."""
    db = record_db()
    found: list[Any] = read_keys(_present, db, record_ids)
    destinations = {one.pk: one for one in read_keys(_destinations, db, list({row.destination_id for row in found}))}
    for row in found:
        if row.destination_id in destinations:
            row.destination = destinations[row.destination_id]
    orphans = _orphans([row for row in found if row.has_orphans])
    objects = _objects(found)
    return {
        record.pk: Loaded(
            record=record,
            obj=_object(objects.get((record.source, record.object_pk))),
            refused=_refused(objects.get((record.source, record.object_pk))),
            registered=source_by_label(record.source) is not None,
            mark_is_live=bool(record.sending_token and record.mark_is_live),
            mark_expired=bool(record.sending_token and not record.mark_is_live),
            orphans=tuple(orphans.get(record.pk, ())),
        )
        for record in found
    }


def _present(given: Given) -> QuerySet[SyncRecord]:
    is_live = When(sending_until__gt=Now(), then=Value(True))
    return (
        records()
        .filter(pk__in=given.keys)
        .annotate(
            mark_is_live=Case(is_live, default=False, output_field=BooleanField()),
            has_orphans=Exists(OrphanPart.objects.filter(record=OuterRef("pk"))),
        )
    )


def _destinations(given: Given) -> QuerySet[Destination]:
    return Destination._base_manager.filter(pk__in=given.keys)


_Found: TypeAlias = Asked[Any] | Refused | None


def _object(found: _Found) -> Model | None:
    return found.value if isinstance(found, Asked) else None


def _refused(found: _Found) -> Refused | None:
    return found if isinstance(found, Refused) else None


def _objects(found: Iterable[SyncRecord]) -> dict[tuple[str, str], _Found]:
    """Return objects by label and key, read with the base manager: a filtering manager could hide existing ones."""
    keys: dict[str, set[str]] = {}
    for record in found:
        keys.setdefault(record.source, set()).add(record.object_pk)
    objects: dict[tuple[str, str], _Found] = {}
    for label, texts in keys.items():
        if source := source_by_label(label):
            read = gate.read_texts(source, texts, table(source))
            objects.update({(label, text): one for text, one in read.items()})
    return objects


def _orphans(found: Sequence[SyncRecord]) -> dict[int, list[RemotePart]]:
    """Return the orphans by record, without those that are parts of the record after all."""
    if not found:
        return {}
    own = {record.pk: {(part.kind, part.id, part.address) for part in read_parts(record)} for record in found}
    orphans: dict[int, list[RemotePart]] = {}
    for row in OrphanPart.objects.using(record_db()).filter(record_id__in=own):
        part = RemotePart(**row.part)
        if (part.kind, part.id, part.address) not in own[row.record_id]:
            orphans.setdefault(row.record_id, []).append(part)
    return orphans

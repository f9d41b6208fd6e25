"""A record during an attempt: read it, mark it, store what came of it.

The mark is the fence: an attempt sends only if its conditional UPDATE won, and stores only where its token still
stands. Its time is the database's, so the clocks of machines do not matter. Each function updates its own columns
alone, and never marks as synced a generation it did not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import router
from django.db.models import BooleanField, Case, F, Model, Q, QuerySet, Value, When
from django.db.models.functions import Now

from syncqueue.handlers.base import RemotePart
from syncqueue.models import RecordState, StrayPart, SyncRecord, new_generation
from syncqueue.site import record_db
from syncqueue.sources.planner import Step
from syncqueue.sources.registry import source_by_label


def records() -> QuerySet[SyncRecord]:
    """All records, on the database they are written to: a replica may lag."""
    return SyncRecord._base_manager.using(record_db())


def read_parts(record: SyncRecord) -> tuple[RemotePart, ...]:
    """The remote parts of a record."""
    return tuple(RemotePart(**part) for part in record.parts)


def write_parts(parts: Iterable[RemotePart]) -> list[dict[str, str]]:
    """Remote parts as the column holds them."""
    return [{"kind": part.kind, "id": part.id, "url": part.url, "address": part.address} for part in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A record with what it ties together, as read at the start of an attempt."""

    record: SyncRecord
    obj: Model | None  # None: deleted, or its model is not registered any more
    registered: bool
    mark_is_live: bool  # another attempt may be sending right now
    mark_expired: bool  # another attempt may have sent, and was never heard of again


def load(record_ids: Sequence[int]) -> dict[int, Loaded]:
    """Read records, then their destinations and objects: one query each, and one a source model."""
    rows = (
        records()
        .filter(pk__in=record_ids)
        .annotate(
            mark_is_live=Case(When(mark_until__gt=Now(), then=Value(True)), default=False, output_field=BooleanField())
        )
    )
    found = list(rows.prefetch_related("destination"))
    objects = _objects(found)
    return {
        record.pk: Loaded(
            record=record,
            obj=objects.get((record.source, record.object_pk)),
            registered=source_by_label(record.source) is not None,
            mark_is_live=bool(record.mark_token and record.mark_is_live),
            mark_expired=bool(record.mark_token and not record.mark_is_live),
        )
        for record in found
    }


def _objects(found: Iterable[SyncRecord]) -> dict[tuple[str, str], Model]:
    """The objects by label and key, through the base manager: a filtering manager must not make one look gone."""
    keys: dict[str, set[str]] = {}
    for record in found:
        keys.setdefault(record.source, set()).add(record.object_pk)
    objects: dict[tuple[str, str], Model] = {}
    for label, pks in keys.items():
        if source := source_by_label(label):
            model = source.model
            manager = model._base_manager.using(router.db_for_write(model))
            objects.update({(label, str(obj.pk)): obj for obj in manager.filter(pk__in=pks)})
    return objects


def mark(record: SyncRecord, *, token: str, step: Step, seconds: float, uncertain: bool) -> bool:
    """Announce that something is about to be sent; False when another attempt has announced it already.

    While a send is open nobody knows what is out there, so the content hash is taken away.
    """
    free = Q(mark_token="") | Q(mark_until__lte=Now())
    won = (
        records()
        .filter(free, pk=record.pk, state=RecordState.WAITING)
        .update(
            mark_token=token,
            mark_until=Now() + timedelta(seconds=seconds),
            mark_action=step.value,
            content_hash="",
            uncertain=uncertain,
        )
    )
    return won == 1


_NO_MARK: Mapping[str, Any] = {"mark_token": "", "mark_until": None, "mark_action": ""}


def store_step(record: SyncRecord, token: str, parts: Sequence[RemotePart]) -> str | None:
    """Store the parts after one remote call of several; answers the next idempotency key, or None when fenced off."""
    key = new_generation()
    kept = (
        records()
        .filter(pk=record.pk, mark_token=token)
        .update(parts=write_parts(parts), idempotency_key=key, uncertain=False)
    )
    return key if kept else None


def store_synced(
    record: SyncRecord, token: str, parts: Sequence[RemotePart], *, fingerprint: str, now: datetime
) -> bool:
    """Store that the generation read is out there; False when fenced off. A newer generation stays waiting."""
    kept = (
        records()
        .filter(pk=record.pk, mark_token=token)
        .update(
            **_NO_MARK,
            **_synced(record, now),
            parts=write_parts(parts),
            content_hash=fingerprint,
            idempotency_key=new_generation(),
            uncertain=False,
        )
    )
    return kept == 1


def settle_unsent(record: SyncRecord, *, fingerprint: str, now: datetime) -> None:
    """Store that nothing had to be sent for the generation read."""
    records().filter(pk=record.pk, state=RecordState.WAITING, generation=record.generation).update(
        **_synced(record, now), content_hash=fingerprint
    )


def _synced(record: SyncRecord, now: datetime) -> dict[str, Any]:
    unchanged = Q(generation=record.generation, state=RecordState.WAITING)
    return {
        "state": Case(When(unchanged, then=Value(RecordState.SYNCED.value)), default=F("state")),
        "synced_generation": record.generation,
        "synced_at": now,
        "error": "",
        "error_at": None,
        "next_attempt_at": None,
    }


def store_trouble(
    record: SyncRecord,
    token: str | None,
    *,
    state: RecordState,
    error: str,
    now: datetime,
    next_attempt_at: datetime | None,
    nothing_sent: bool,
    uncertain: bool = False,
) -> bool:
    """Store why an attempt did not succeed, and take its mark away. A newer generation stays waiting.

    `token` is None when the attempt had not come to its mark; `nothing_sent` brings the content hash back.
    """
    fence = Q(mark_token=token) if token is not None else Q(generation=record.generation)
    values: dict[str, Any] = {"error": error, "error_at": now, "next_attempt_at": next_attempt_at}
    if token is not None:
        values |= {**_NO_MARK, "uncertain": uncertain}
        if nothing_sent:
            values["content_hash"] = record.content_hash
    values["state"] = Case(
        When(generation=record.generation, state=RecordState.WAITING, then=Value(state.value)), default=F("state")
    )
    return records().filter(fence, pk=record.pk).update(**values) == 1


def hold_uncertain(record: SyncRecord | None, error: str, now: datetime) -> None:
    """Hold a record whose mark expired, for a person to look; the mark has told all it knows and goes."""
    if record is not None:
        records().filter(pk=record.pk, mark_token=record.mark_token, state=RecordState.WAITING).update(
            **_NO_MARK, state=RecordState.UNKNOWN, uncertain=True, error=error, error_at=now, next_attempt_at=None
        )


def note_waiting(record_ids: Sequence[int], error: str, now: datetime) -> None:
    """Write down why records wait although nothing was tried."""
    records().filter(pk__in=record_ids, state=RecordState.WAITING).update(
        error=error, error_at=now, next_attempt_at=None
    )


def note_strays(record: SyncRecord, parts: Iterable[RemotePart]) -> None:
    """Note remote copies that could not be stored, and want the record looked at again: they are to be removed."""
    rows = [StrayPart(record_id=record.pk, part=part) for part in write_parts(parts)]
    if not rows or not records().filter(pk=record.pk).exists():
        return
    StrayPart.objects.using(record_db()).bulk_create(rows)
    records().filter(pk=record.pk).update(state=RecordState.WAITING, generation=new_generation())


def strays(record: SyncRecord) -> list[tuple[int, RemotePart]]:
    """Remote copies to be removed, with their keys; those that turned out to be the record's own are left out."""
    rows = StrayPart.objects.using(record_db()).filter(record_id=record.pk)
    own = {(part.kind, part.id, part.address) for part in read_parts(record)}
    found = [(row.pk, RemotePart(**row.part)) for row in rows]
    return [(key, part) for key, part in found if (part.kind, part.id, part.address) not in own]


def forget_strays(record: SyncRecord) -> None:
    """Forget the copies noted for removal: they are gone."""
    StrayPart.objects.using(record_db()).filter(record_id=record.pk).delete()


def drop_finished(record: SyncRecord) -> None:
    """Delete the record of an object that is gone, once nothing of it is out there."""
    records().filter(pk=record.pk, parts=[], mark_token="", generation=record.generation).delete()

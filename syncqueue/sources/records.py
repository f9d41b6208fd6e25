"""A record during an attempt: mark it, store what came of it.

The mark is the fence: an attempt sends only if its conditional UPDATE won, and stores only where its token still
stands. Its time is the database's, so the clocks of machines do not matter. Each function updates its own columns
alone, and never marks as synced a generation it did not read. An attempt at many records has one token for all of
them, and one statement for each move.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Now

from syncqueue.handlers.base import RemotePart
from syncqueue.models import OrphanPart, RecordState, SyncRecord, new_generation, new_token
from syncqueue.site import record_db
from syncqueue.sources.case_by_key import case_by_key
from syncqueue.sources.planner import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What is out there of one record."""

    record: SyncRecord
    parts: Sequence[RemotePart]
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one record is not synced."""

    record: SyncRecord
    state: RecordState
    error: str
    next_attempt_at: datetime | None
    nothing_sent: bool = True  # what is out there is known as before
    uncertain: bool = False


def records() -> QuerySet[SyncRecord]:
    """All records, on the database they are written to: a replica may lag."""
    return SyncRecord._base_manager.using(record_db())


def read_parts(record: SyncRecord) -> tuple[RemotePart, ...]:
    """The remote parts of a record."""
    return tuple(RemotePart(**part) for part in record.parts)


def write_parts(parts: Iterable[RemotePart]) -> list[dict[str, str]]:
    """Remote parts as the column holds them."""
    return [
        {"kind": part.kind, "id": part.id, "url": part.url, "address": part.address}
        | ({"identity": part.identity} if part.identity else {})
        for part in parts
    ]


def count_synced(destination_id: int, *, before: datetime | None = None) -> int:
    """Return how many records say that copies are at a destination; `before`: only those synced earlier than that."""
    rows = records().filter(destination_id=destination_id, state=RecordState.SYNCED).exclude(parts=[])
    return (rows if before is None else rows.filter(synced_at__lt=before)).count()


def mark(steps: Mapping[int, Step], *, token: str, seconds: float, uncertain: Collection[int]) -> set[int]:
    """Announce what is about to be done, by the records' keys; answers those that no other attempt has announced.

    While a send is open nobody knows what is out there, so the content hash is taken away. `uncertain`: the records of
    which something may be out there already.
    """
    free = Q(sending_token="") | Q(sending_until__lte=Now())
    won = (
        records()
        .filter(free, pk__in=list(steps), state=RecordState.WAITING)
        .update(
            sending_token=token,
            sending_until=Now() + timedelta(seconds=seconds),
            sending_action=case_by_key("sending_action", {key: step.value for key, step in steps.items()}),
            content_hash="",
            uncertain=case_by_key("uncertain", {key: key in uncertain for key in steps}),
        )
    )
    if won in (0, len(steps)):
        return set(steps) if won else set()
    return set(records().filter(pk__in=list(steps), sending_token=token).values_list("pk", flat=True))


_NO_MARK: Mapping[str, Any] = {"sending_token": "", "sending_until": None, "sending_action": ""}


def store_step(record: SyncRecord, token: str, parts: Sequence[RemotePart]) -> str | None:
    """Store the parts after one remote call of several; answers the next idempotency key, or None when fenced off."""
    key = new_token()
    kept = (
        records()
        .filter(pk=record.pk, sending_token=token)
        .update(parts=write_parts(parts), idempotency_key=key, uncertain=False)
    )
    return key if kept else None


def store_synced(found: Sequence[Synced], token: str, *, now: datetime) -> set[int]:
    """Store that the generations read are out there; answers the keys of the records that were not fenced off.

    A newer generation stays waiting.
    """
    keys = {one.record.pk: new_token() for one in found}
    kept = (
        records()
        .filter(pk__in=list(keys), sending_token=token)
        .update(
            **_NO_MARK,
            **_synced([one.record for one in found], now),
            parts=case_by_key("parts", {one.record.pk: write_parts(one.parts) for one in found}),
            content_hash=case_by_key("content_hash", {one.record.pk: one.fingerprint for one in found}),
            idempotency_key=case_by_key("idempotency_key", keys),
            uncertain=False,
        )
    )
    if kept in (0, len(keys)):
        return set(keys) if kept else set()
    # Nobody else can have written these keys.
    stored = records().filter(pk__in=list(keys), idempotency_key=case_by_key("idempotency_key", keys))
    return set(stored.values_list("pk", flat=True))


def finish_unsent(rows: Sequence[SyncRecord], *, now: datetime) -> None:
    """Store that nothing had to be sent for the generations read."""
    as_read = records().filter(pk__in=[row.pk for row in rows], state=RecordState.WAITING, generation=_read(rows))
    as_read.update(**_synced(rows, now))


def _read(rows: Iterable[SyncRecord]) -> Any:
    return case_by_key("generation", {row.pk: row.generation for row in rows})


def _synced(rows: Sequence[SyncRecord], now: datetime) -> dict[str, Any]:
    unchanged = Q(generation=_read(rows), state=RecordState.WAITING)
    return {
        "state": Case(When(unchanged, then=Value(RecordState.SYNCED.value)), default=F("state")),
        "synced_generation": _read(rows),
        "synced_at": now,
        "error": "",
        "error_at": None,
        "next_attempt_at": None,
    }


def store_failures(found: Sequence[Failure], token: str | None, *, now: datetime) -> None:
    """Store why an attempt did not succeed, and take its marks away. Newer generations stay waiting.

    `token` is None when the attempt had not come to its marks.
    """
    by_key = {one.record.pk: one for one in found}
    unchanged = Q(generation=_read(one.record for one in found))
    values: dict[str, Any] = {
        "error": case_by_key("error", {key: one.error for key, one in by_key.items()}),
        "error_at": now,
        "next_attempt_at": case_by_key("next_attempt_at", {key: one.next_attempt_at for key, one in by_key.items()}),
    }
    if token is not None:
        hashes = {key: one.record.content_hash if one.nothing_sent else "" for key, one in by_key.items()}
        values |= _NO_MARK
        values["content_hash"] = case_by_key("content_hash", hashes)
        values["uncertain"] = case_by_key("uncertain", {key: one.uncertain for key, one in by_key.items()})
    state = case_by_key("state", {key: one.state.value for key, one in by_key.items()})
    then = Value(state) if isinstance(state, str) else state
    values["state"] = Case(When(unchanged, state=RecordState.WAITING, then=then), default=F("state"))
    fence = Q(sending_token=token) if token is not None else unchanged
    records().filter(fence, pk__in=list(by_key)).update(**values)


def hold_uncertain(rows: Sequence[SyncRecord], error: str, now: datetime) -> None:
    """Hold records whose marks expired, for a person to look; the marks have told all they know and go."""
    marks = case_by_key("sending_token", {row.pk: row.sending_token for row in rows})
    records().filter(pk__in=[row.pk for row in rows], sending_token=marks, state=RecordState.WAITING).update(
        **_NO_MARK, state=RecordState.UNKNOWN, uncertain=True, error=error, error_at=now, next_attempt_at=None
    )


def note_waiting(record_ids: Sequence[int], error: str, now: datetime) -> None:
    """Write down why records wait although nothing was tried."""
    records().filter(pk__in=record_ids, state=RecordState.WAITING).update(
        error=error, error_at=now, next_attempt_at=None
    )


def note_orphans(record: SyncRecord, parts: Iterable[RemotePart]) -> None:
    """Note remote copies that could not be stored, and want the record looked at again: they are to be removed."""
    rows = [OrphanPart(record_id=record.pk, part=part) for part in write_parts(parts)]
    if not rows or not records().filter(pk=record.pk).exists():
        return
    OrphanPart.objects.using(record_db()).bulk_create(rows)
    records().filter(pk=record.pk).update(state=RecordState.WAITING, generation=new_generation())


def forget_orphans(record: SyncRecord) -> None:
    """Forget the copies noted for removal: they are gone."""
    OrphanPart.objects.using(record_db()).filter(record_id=record.pk).delete()


def drop_finished(rows: Sequence[SyncRecord]) -> None:
    """Delete the records of objects that are gone, once nothing of them is out there."""
    found = records().filter(pk__in=[row.pk for row in rows], parts=[], sending_token="", generation=_read(rows))
    found.delete()

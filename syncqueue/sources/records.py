"""Records during an attempt: set the send mark, store the result.

The mark is the fence: an attempt sends only if its conditional UPDATE succeeded, and stores only while the record has
its token. Times come from the database, so the clocks of machines do not matter. Each function updates only its own
columns, and never marks a generation as synced that it has not read. An attempt at many records has one token for all
of them, and one statement for each transition; attempts that end at the same time may share it (sources/together.py).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now

from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.error_kind import kind_of
from syncqueue.handlers.base import RemotePart
from syncqueue.models import Destination, OrphanPart, RecordState, SyncRecord, new_generation, new_token
from syncqueue.site import record_db
from syncqueue.sources import gate
from syncqueue.sources.built import Change, Given, update
from syncqueue.sources.case_by_key import case_by_key
from syncqueue.sources.planner import Step
from syncqueue.sources.registry import source_by_label
from syncqueue.sources.same_place import identified, is_held

logger = logging.getLogger("syncqueue.sources")

_FREE = Q(sending_token="") | Q(sending_until__lte=Now())  # no attempt has a valid mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The send mark of one record, with the planned step."""

    record: SyncRecord  # as the attempt has read it
    step: Step
    token: str  # of the attempt
    seconds: float  # how long it counts
    uncertain: bool = False  # the record may already have an unknown copy
    twin_possible: bool = False  # and may have a second one, if the answer to this create is lost too
    address: str = ""
    lost_at: Sequence[str] | None = None  # former addresses where copies may be left; None: unchanged
    parts: Sequence[RemotePart] | None = None  # with the trace of the create; None: unchanged

    @property
    def form(self) -> Hashable:
        """What marks have in common that one statement sets."""
        return self.seconds, self.lost_at is None, self.parts is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The parts of one record after a successful attempt."""

    record: SyncRecord
    token: str  # of the attempt's mark
    parts: Sequence[RemotePart]
    fingerprint: str
    next_at: datetime | None = None  # when the plan changes without a change of the object: the record waits until then
    twin_possible: bool = False  # a second copy may exist


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The reason why one record is not synced."""

    record: SyncRecord
    state: RecordState
    error: str
    next_attempt_at: datetime | None
    uncertain: bool = False


def records() -> QuerySet[SyncRecord]:
    """Return all records, from the database to which they are written: a replica may lag."""
    return SyncRecord._base_manager.using(record_db())


def read_parts(record: SyncRecord) -> tuple[RemotePart, ...]:
    """Return the remote parts of a record."""
    return tuple(RemotePart(**part) for part in record.parts)


def write_parts(parts: Iterable[RemotePart]) -> list[dict[str, str]]:
    """Return remote parts in the form of the column."""
    return [
        {"kind": part.kind, "id": part.id, "url": part.url, "address": part.address}
        | ({"identity": part.identity} if part.identity else {})
        for part in parts
    ]


def resting(destination_id: int) -> QuerySet[SyncRecord]:
    """Return the records of a destination that have parts and are not waiting."""
    rests = Q(state=RecordState.SYNCED) | Q(state=RecordState.WAITING, due_at__isnull=False)
    return records().filter(rests, destination_id=destination_id, sending_token="").exclude(parts=[])


def missing_copies(destination: Destination) -> QuerySet[SyncRecord]:
    """Return the records with copies at a place that was created again after they were synced."""
    rows = resting(destination.pk)
    return rows.filter(synced_at__lt=destination.emptied_at) if destination.emptied_at is not None else rows.none()


def count_synced(destination_id: int, *, before: datetime | None = None) -> int:
    """Return how many records have copies at a destination; `before`: only those that were synced earlier."""
    rows = records().filter(destination_id=destination_id, state=RecordState.SYNCED).exclude(parts=[])
    return (rows if before is None else rows.filter(synced_at__lt=before)).count()


def mark(marks: Sequence[Mark]) -> set[int]:
    """Set send marks of one form; returns the primary keys of records without another live mark.

    A record that has got other parts since it was read is not marked: the plan of that attempt is outdated. During a
    send the remote content is unknown, so the content hash is cleared.
    """
    rows: dict[int, dict[str, Any]] = {}
    for one in marks:
        row = rows[one.record.pk] = {
            "sending_token": one.token,
            "sending_action": one.step.value,
            "uncertain": one.uncertain,
            "twin_possible": one.twin_possible,
            "sending_address": one.address,
        }
        if one.lost_at is not None:
            row["lost_at"] = list(one.lost_at)
        if one.parts is not None:
            row["parts"] = write_parts(one.parts)
    names = tuple(rows[marks[0].record.pk])
    for one in marks:
        rows[one.record.pk] |= {name: getattr(one.record, name) for name in _CHANGE_WITH_PARTS}
    won = update(_marked, record_db(), rows, marks[0].seconds, names)
    if won in (0, len(rows)):
        return set(rows) if won else set()
    tokens = case_by_key("sending_token", {key: row["sending_token"] for key, row in rows.items()})
    return set(records().filter(pk__in=list(rows), sending_token=tokens).values_list("pk", flat=True))


def _marked(given: Given, seconds: float, names: Sequence[str]) -> Change:
    # The attempt's own mark counts as free: the response to its commit may have been lost.
    free = _FREE | Q(sending_token=given["sending_token"])
    as_read = {name: given[name] for name in _CHANGE_WITH_PARTS}
    rows = records().filter(free, pk__in=given.keys, state=RecordState.WAITING, **as_read)
    until = Now() + timedelta(seconds=seconds)
    return rows, {**{name: given[name] for name in names}, "sending_until": until, "content_hash": ""}


# A store gives another key, and adopted copies are given to a record that was not asked for them before.
_CHANGE_WITH_PARTS = ("idempotency_key", "adoption_asked")

_NO_MARK: Mapping[str, Any] = {"sending_token": "", "sending_until": None, "sending_action": ""}


def store_step(record: SyncRecord, token: str, parts: Sequence[RemotePart]) -> str | None:
    """Store the parts after one remote call of several; returns the next idempotency key, or None if fenced."""
    key = new_token()
    kept = (
        records()
        .filter(pk=record.pk, sending_token=token)
        .update(parts=write_parts(parts), idempotency_key=key, uncertain=False)
    )
    return key if kept else None


def store_synced(found: Sequence[Synced], *, now: datetime) -> set[int]:
    """Store that the generations that were read are synced; returns the primary keys of records that were not fenced.

    A record with a newer generation stays waiting.
    """
    keys = {one.record.pk: new_token() for one in found}
    rows = {
        one.record.pk: {
            **_row(one.record, one.next_at, now),
            "sending_token": one.token,
            "parts": write_parts(one.parts),
            "content_hash": one.fingerprint,
            "idempotency_key": keys[one.record.pk],
            "twin_possible": one.twin_possible,
        }
        for one in found
    }
    kept = update(_stored, record_db(), rows)
    if kept in (0, len(keys)):
        return set(keys) if kept else set()
    # No other attempt can have written these idempotency keys.
    stored = records().filter(pk__in=list(keys), idempotency_key=case_by_key("idempotency_key", keys))
    return set(stored.values_list("pk", flat=True))


def finish_unsent(rows: Mapping[SyncRecord, datetime | None], *, now: datetime) -> None:
    """Store that nothing had to be sent for the generations that were read. `rows`: each with its next due time.

    A record that another attempt has marked meanwhile keeps waiting: that one may create a copy.
    """
    update(_unsent, record_db(), {row.pk: _row(row, next_at, now) for row, next_at in rows.items()})


def _stored(given: Given) -> Change:
    names = ("parts", "content_hash", "idempotency_key", "twin_possible")
    rows = records().filter(pk__in=given.keys, sending_token=given["sending_token"])
    return rows, {**_NO_MARK, **_synced(given), **{name: given[name] for name in names}, "uncertain": False}


def _unsent(given: Given) -> Change:
    rows = records().filter(_FREE, pk__in=given.keys, state=RecordState.WAITING, generation=given["generation"])
    return rows, _synced(given)


def take_due(services: Collection[str], now: datetime, limit: int) -> list[SyncRecord]:
    """Return due records for enqueueing; each is returned to one caller only."""
    # As an expression, the service has no index. SQLite prefers one on it to that of the due rows, and would read all
    # records of the service every second.
    rows = records().alias(of=Coalesce("service", Value(""))).filter(due_at__lte=now, of__in=services)
    rows = rows.order_by("due_at")[:limit]
    return [row for row in rows if records().filter(pk=row.pk, due_at=row.due_at).update(due_at=None)]


def take_over(record: SyncRecord, other: SyncRecord, *, has_lost: bool = False) -> bool:
    """Move the parts of another record of the same object and place to this one; False if either is being sent.

    `has_lost`: this one may have a copy that cannot be found, which is a second one then.
    An attempt that has read either of them before cannot mark it any more: see `mark`.
    """
    with transaction.atomic(using=record_db()):
        left = records().filter(_FREE, pk=other.pk, parts=other.parts).exclude(parts=[])
        gone = {"parts": [], "content_hash": "", "idempotency_key": new_token(), "twin_possible": False}
        if not left.update(**_NO_MARK, **gone, state=RecordState.SYNCED, error=""):
            return False
        taken = records().filter(_FREE, pk=record.pk, parts=record.parts)
        given = write_parts(identified(part, other.destination) for part in read_parts(other))
        parts, twin_possible = [*record.parts, *given], record.twin_possible or other.twin_possible or has_lost
        if not taken.update(parts=parts, content_hash="", adoption_asked=True, twin_possible=twin_possible):
            transaction.set_rollback(True, using=record_db())
            return False
        if other.destination.is_retiring:  # it has nothing left to do, and its destination waits for that
            OrphanPart.objects.using(record_db()).filter(record_id=other.pk).update(record_id=record.pk)
            records().filter(pk=other.pk, parts=[]).delete()
    record.parts, record.content_hash, record.adoption_asked, record.twin_possible = parts, "", True, twin_possible
    return True


def are_being_sent(rows: Iterable[SyncRecord]) -> bool:
    """Return whether an attempt at any of these records has a valid mark."""
    return records().filter(~_FREE, pk__in=[row.pk for row in rows]).exists()


def leave_copies(record: SyncRecord, left: Collection[RemotePart]) -> None:
    """Forget these parts of a record, known or suspected, which another record has; not if it is being sent."""
    known = read_parts(record)
    unsent = records().filter(_FREE, pk=record.pk, idempotency_key=record.idempotency_key)
    unsent.update(
        **_NO_MARK,
        parts=write_parts(part for part in known if part not in left),
        content_hash="",
        idempotency_key=new_token(),
        uncertain=record.uncertain and all(part in known for part in left),
    )


def rows_of_object(record: SyncRecord) -> QuerySet[SyncRecord]:
    """Return the records of the same object at all destinations of the service, oldest first, with destinations."""
    rows = records().filter(source=record.source, object_pk=record.object_pk, service=record.service)
    return rows.prefetch_related("destination").order_by("pk")


def take_existing(record: SyncRecord, parts: Sequence[RemotePart]) -> bool:
    """Give a record without parts the existing copies; False if it is being sent or has received them before.

    A copy that another record of the object has stays with that record: two destinations may be at one place.
    """
    with transaction.atomic(using=record_db()):
        # Locked in a fixed order, so that the second of two attempts sees which copies the first has taken.
        others = [row for row in rows_of_object(record).select_for_update() if row.pk != record.pk]
        taken = write_parts(part for part in parts if not is_held(part, record.destination, others))
        unasked = records().filter(_FREE, pk=record.pk, parts=[], adoption_asked=False)
        if not unasked.update(parts=taken, content_hash="", adoption_asked=True):
            return False
    record.parts, record.content_hash, record.adoption_asked = taken, "", True
    return True


def _read(rows: Iterable[SyncRecord]) -> Any:
    return case_by_key("generation", {row.pk: row.generation for row in rows})


def _row(record: SyncRecord, next_at: datetime | None, now: datetime) -> dict[str, Any]:
    """Return the values for `_synced` of a record."""
    return {
        "generation": record.generation,
        "changed_at": now,
        "state": (RecordState.SYNCED if next_at is None else RecordState.WAITING).value,
        "synced_at": now,
        "due_at": next_at,
        "adoption_asked": _was_asked(record),
    }


def _synced(given: Given) -> dict[str, Any]:
    unchanged = Q(generation=given["generation"], state=RecordState.WAITING)
    # Another attempt failed it before this one, which was late, could store its result: the next one decides anew.
    was_failed = Q(state__in=(RecordState.FAILED, RecordState.UNKNOWN))
    return {
        # Later than the dead letter. Before the state, because MySQL evaluates assignments in their order.
        "changed_at": Case(When(was_failed, then=given["changed_at"]), default=F("changed_at")),
        "state": Case(
            When(unchanged, then=given["state"]),
            When(was_failed, then=Value(RecordState.WAITING.value)),
            default=F("state"),
        ),
        "synced_generation": given["generation"],
        "synced_at": given["synced_at"],
        "error": "",
        "error_at": None,
        "next_attempt_at": None,
        "due_at": given["due_at"],
        "adoption_asked": given["adoption_asked"],
    }


def _was_asked(record: SyncRecord) -> bool:
    """Return whether the source has an `existing_remote` now; a site may add it later."""
    source = source_by_label(record.source)
    return record.adoption_asked or (source is not None and gate.adopts(source))


def store_failures(found: Sequence[Failure], token: str | None, *, now: datetime) -> None:
    """Store why an attempt did not succeed, and clear its marks. Newer generations stay waiting.

    `token`: None if the attempt had not set its marks. The marks have cleared the content hashes, which stay empty even
    if the service was unreachable: of several requests, the first ones may have been carried out.
    """
    by_key = {one.record.pk: one for one in found}
    unchanged = Q(generation=_read(one.record for one in found))
    values: dict[str, Any] = {
        "error": case_by_key("error", {key: one.error for key, one in by_key.items()}),
        "error_at": now,
        "error_kind": case_by_key("error_kind", {key: _kind_of(one) for key, one in by_key.items()}),
        "next_attempt_at": case_by_key("next_attempt_at", {key: one.next_attempt_at for key, one in by_key.items()}),
    }
    if token is not None:
        values |= _NO_MARK
        values["uncertain"] = case_by_key("uncertain", {key: one.uncertain for key, one in by_key.items()})
    state = case_by_key("state", {key: one.state.value for key, one in by_key.items()})
    then = Value(state) if isinstance(state, str) else state
    # A person must look before a newer change is sent, because that could post a second copy.
    held = [key for key, one in by_key.items() if one.state is RecordState.UNKNOWN]
    values["state"] = Case(When(unchanged | Q(pk__in=held), state=RecordState.WAITING, then=then), default=F("state"))
    fence = Q(sending_token=token) if token is not None else unchanged
    records().filter(fence, pk__in=list(by_key)).update(**values)


def _kind_of(failure: Failure) -> str | None:
    return kind_of(failure.error) if failure.state in (RecordState.FAILED, RecordState.UNKNOWN) else None


def failed(error: str, now: datetime, *, state: RecordState = RecordState.FAILED) -> dict[str, Any]:
    """Return the values of a record that waits for a person."""
    return {
        "state": state, "error": error, "error_at": now, "error_kind": kind_of(error), "next_attempt_at": None,
    }  # fmt: skip


def hold_uncertain(rows: Sequence[SyncRecord], error: str, now: datetime) -> None:
    """Set records with expired marks to `unknown`, for a person to look, and clear the marks."""
    marks = case_by_key("sending_token", {row.pk: row.sending_token for row in rows})
    records().filter(pk__in=[row.pk for row in rows], sending_token=marks, state=RecordState.WAITING).update(
        **_NO_MARK, **failed(error, now, state=RecordState.UNKNOWN), uncertain=True
    )


def of_party(record_ids: Sequence[int], destination: Destination) -> list[int]:
    """Return those of the records that belong to the same party as this destination: those of its owner."""
    owner = destination.owner_id
    party = {"destination_id": destination.pk} if owner is None else {"destination__owner_id": owner}
    found = records().filter(pk__in=record_ids, service=destination.service, **party)
    return list(found.values_list("pk", flat=True))


def note_waiting(record_ids: Sequence[int], error: str, now: datetime) -> None:
    """Store why records wait although no attempt was made."""
    records().filter(pk__in=record_ids, state=RecordState.WAITING).update(
        error=error, error_at=now, next_attempt_at=None
    )


def note_orphans(record: SyncRecord, parts: Iterable[RemotePart]) -> None:
    """Store remote copies that could not be stored with their record as orphans, and let the record wait again."""
    found = write_parts(parts)
    if not found or not _removes_copies(record):
        for part in found:
            logger.warning("A copy of %s:%s stays: %s", record.source, record.object_pk, part["url"] or part["id"])
        return
    with transaction.atomic(using=record_db()):
        # The record may be deleted with its object; then the unknown copy would stay for ever.
        row, _ = records().get_or_create(
            source=record.source,
            object_pk=record.object_pk,
            destination_id=record.destination_id,
            defaults={"service": record.service},
        )
        OrphanPart.objects.using(record_db()).bulk_create(OrphanPart(record_id=row.pk, part=part) for part in found)
        records().filter(pk=row.pk).update(
            state=RecordState.WAITING, generation=new_generation(), changed_at=SYSTEM_CLOCK.now(), error=""
        )


def _removes_copies(record: SyncRecord) -> bool:
    destination = Destination.objects.using(record_db()).filter(pk=record.destination_id).first()
    if destination is None:
        return False
    # A retiring destination that leaves its copies keeps the records of deleted objects only.
    return destination.remove_remote or not destination.is_retiring or records().filter(pk=record.pk).exists()


def note_left(found: Mapping[int, tuple[str, Sequence[RemotePart] | None]]) -> None:
    """Store existing copies of deleted objects as orphans, by the primary keys of their records, with the addresses.

    None: it is unknown whether there are any; the record's attempt reports that.
    """
    unasked = records().filter(pk__in=list(found), parts=[], adoption_asked=False).values_list("pk", flat=True)
    left = {key: found[key] for key in unasked}
    OrphanPart.objects.using(record_db()).bulk_create(
        OrphanPart(record_id=key, part=part) for key, (_, parts) in left.items() for part in write_parts(parts or ())
    )
    if unknown := {key: address for key, (address, parts) in left.items() if parts is None}:
        rows = records().filter(pk__in=list(unknown))
        rows.update(uncertain=True, sending_address=case_by_key("sending_address", unknown))


def forget_orphans(record: SyncRecord) -> None:
    """Delete the orphans of a record after their copies were removed."""
    OrphanPart.objects.using(record_db()).filter(record_id=record.pk).delete()


def drop_finished(rows: Sequence[SyncRecord]) -> None:
    """Delete the records of deleted objects that have no copies left, unless another attempt was about to make one."""
    done = records().filter(state=RecordState.SYNCED, parts=[], sending_token="")
    done.filter(pk__in=[row.pk for row in rows], generation=_read(rows)).delete()

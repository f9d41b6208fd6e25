"""The first half of an attempt at a record: read the present state and plan the next step. Runs in a database thread.

The record is read first, then its destination and object. So a save in between is either seen now, or it has written a
newer generation.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from django.db import Error as DatabaseError

from syncqueue.conf import ServiceSettings
from syncqueue.core.answer import Answer, Asked, Refused, words
from syncqueue.core.errors import ConfigurationError, SecretError
from syncqueue.core.hold import stopped
from syncqueue.core.result import Outcome, SyncResult, format_traceback
from syncqueue.execution.prepared import NotReady, Prepared, Ready, Verdict
from syncqueue.handlers import bounds
from syncqueue.handlers import gate as handler_gate
from syncqueue.handlers.base import TRACE, DocumentHandler, Place, RemotePart
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.presentation.records import as_sentence
from syncqueue.sources import gate
from syncqueue.sources.adopting import existing_parts, may_be_left
from syncqueue.sources.desired import desired_state
from syncqueue.sources.keys import UnreadableKey
from syncqueue.sources.loading import Loaded, load
from syncqueue.sources.planner import DesiredState, Plan, Step, is_too_old, plan, refusal
from syncqueue.sources.records import (
    are_being_sent,
    leave_copies,
    read_parts,
    rows_of_object,
    take_existing,
    take_over,
)
from syncqueue.sources.registry import ModelSync, source_by_label
from syncqueue.sources.same_place import (
    Sharing,
    Sibling,
    counted_together,
    is_alone,
    is_held,
    is_here,
    share,
    sharing,
    siblings_of,
    unclear,
    unclear_twins,
    unidentified,
)

T = TypeVar("T")
logger = logging.getLogger("syncqueue.execution")


def prepare(
    record_ids: Sequence[int],
    handler: DocumentHandler,
    service: ServiceSettings,
    now: datetime,
    *,
    asked: Collection[int] = (),
) -> dict[int, Prepared]:
    """Read the records and plan their next steps; returns an entry for each id.

    `asked`: the keys of destinations whose places were identified before in this attempt, with or without success.
    """
    loaded = load(record_ids)
    targets: dict[int, _Target] = {}
    return {
        record_id: _prepare(loaded[record_id], targets, handler, service, now, asked)
        if record_id in loaded
        else NotReady(verdict=Verdict.ABSENT, record_id=record_id)
        for record_id in record_ids
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """The facts shared by all records of a destination; decrypting its secret is slow."""

    place: Place
    endpoint: str
    credential: str


def _prepare(
    found: Loaded,
    targets: dict[int, _Target],
    handler: DocumentHandler,
    service: ServiceSettings,
    now: datetime,
    asked: Collection[int],
) -> Prepared:
    record = found.record
    if record.state != RecordState.WAITING:
        return NotReady(verdict=Verdict.SETTLED, record_id=record.pk, record=record)
    if found.mark_is_live:
        return NotReady(verdict=Verdict.SENDING, record_id=record.pk, record=record)
    if not record.destination.is_declared_here:
        return NotReady(verdict=Verdict.ELSEWHERE, record_id=record.pk, record=record)
    try:
        return _plan(found, targets, handler, service, now, asked)
    except SecretError as error:
        result = SyncResult(outcome=Outcome.BROKEN, error=str(error))
        return NotReady(verdict=Verdict.FAILED, record_id=record.pk, record=record, result=result)
    except _Refusal as error:
        return _failed(record, error.refused.reason, error.refused.error)
    except DatabaseError:  # says nothing about this record
        raise
    except Exception as error:  # a bug, or a missing registration: it must fail this record only
        logger.exception("%s:%s could not be prepared for %s", record.source, record.object_pk, service.name)
        text = f"{record.source}:{record.object_pk} could not be prepared: {words(error)}"
        return _failed(record, text, error)


class _Refusal(Exception):
    """Code of the site raised; `refused` has the reason."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.refused = refused


def _value(answer: Answer[T]) -> T:
    if isinstance(answer, Refused):
        raise _Refusal(answer)
    return answer.value


def _failed(record: SyncRecord, reason: str, error: Exception) -> NotReady:
    # An unreadable key stays unreadable.
    outcome = Outcome.FAILURE if isinstance(error, UnreadableKey) else Outcome.RETRY
    # The copies may be unwanted by now, so the reason has their links.
    left = ", ".join(part.url or f"{part.id} ({part.address})" for part in read_parts(record) if part.kind != TRACE)
    text = f"{as_sentence(reason)} What is there stays as it is: {left}" if left else reason
    result = SyncResult(outcome=outcome, error=text[:1000], traceback=format_traceback(error))
    return NotReady(verdict=Verdict.FAILED, record_id=record.pk, record=record, result=result)


def place_of(destination: Destination) -> Place:
    """Return a destination in the form that handlers receive. Raises `SecretError`.

    For a declared destination all values come from the settings: an outdated row must not send a new secret to an old
    address.
    """
    return Place(
        id=destination.pk,
        name=destination.name,
        address=destination.current_address,
        options=destination.current_options,
        secret=destination.secret,
        is_users=destination.owner_id is not None,
    )


def _target(destination: Destination, targets: dict[int, _Target], handler: DocumentHandler) -> _Target:
    if destination.pk not in targets:
        place = place_of(destination)
        targets[destination.pk] = _Target(
            place=place,
            endpoint=_value(handler_gate.endpoint(handler, place)),
            credential=_value(handler_gate.credential(handler, place)),
        )
    return targets[destination.pk]


def _plan(
    found: Loaded,
    targets: dict[int, _Target],
    handler: DocumentHandler,
    service: ServiceSettings,
    now: datetime,
    asked: Collection[int],
) -> Prepared:
    record, destination = found.record, found.record.destination
    _must_be_readable(found)
    target = _target(destination, targets, handler)
    place = target.place
    source = source_by_label(record.source)
    existing = _existing(source, found, place, handler)
    addresses = unclear_twins(existing, destination, _others(record, existing), handler)
    if not addresses and existing and not take_existing(record, existing):
        return NotReady(verdict=Verdict.SENDING, record_id=record.pk, record=record)
    if addresses := addresses or unidentified(read_parts(record), destination, place.address, handler):
        return _unidentified(record, target, [replace(place, address=address) for address in addresses], asked)
    wanted = _wanted(found, place, handler, now)
    desired, shared = wanted.desired, wanted.shared
    cut_off = found.mark_expired and record.sending_action in (Step.CREATE, Step.UPDATE)
    may_be_lost = record.uncertain or cut_off
    lost_part = _lost_part(handler, place, record) if may_be_lost or shared.siblings else None
    has_lost = may_be_lost and lost_part is None
    has_taken = shared.take_from is None or take_over(record, shared.take_from, has_lost=has_lost)
    if shared.leave_to is not None or not has_taken:
        return NotReady(verdict=Verdict.SENDING, record_id=record.pk, record=record, wake=shared.leave_to)
    parts = read_parts(record)
    here = tuple(part for part in parts if is_here(part, destination, place.address))
    planned = plan(
        desired,
        now=now,
        here=here,
        elsewhere=tuple(part for part in parts if part not in here),
        content_hash=record.content_hash,
        lost=lost_part if may_be_lost else None,
    )
    if shared.siblings and _must_wait(record, planned, shared.siblings, lost_part):
        return NotReady(verdict=Verdict.SENDING, record_id=record.pk, record=record)
    lost = cut_off and planned.step is Step.CREATE
    # The copy is not wanted any more: its removal may be cut off too, and a copy that cannot be removed is reported.
    suspected = cut_off and not here and planned.step in (Step.DELETE, Step.NOTHING)
    ready = Ready(
        record=record,
        plan=planned,
        place=place,
        document=desired.document,
        fingerprint=desired.fingerprint,
        endpoint=target.endpoint,
        credential=target.credential,
        orphans=found.orphans,
        uncertain=record.uncertain or lost or suspected,
    )
    if refused := _stopped(ready, destination):
        return refused
    if planned.step in (Step.CREATE, Step.UPDATE) and (places := _unclear_places(source, found, place, handler, asked)):
        return _unidentified(record, target, places, {*asked, *(one.id for one in places)})
    if wanted.too_large and planned.step in (Step.CREATE, Step.UPDATE):
        result = SyncResult.failure(wanted.too_large)
        return NotReady(
            verdict=Verdict.FAILED, record_id=record.pk, record=record, endpoint=target.endpoint, result=result
        )
    if lost and service.hold_unknown:
        return NotReady(verdict=Verdict.UNCERTAIN, record_id=record.pk, record=record, endpoint=target.endpoint)
    return ready


def _must_wait(record: SyncRecord, planned: Plan, siblings: Sequence[Sibling], row: RemotePart | None) -> bool:
    """Return whether the attempt is made later, because of the object's other records at the same place.

    Parts that one of them shows are forgotten before, so that the later attempt does not delete them. `row`: the one
    part that the object has there whichever destination writes it, if the handler chooses its id.
    """
    if planned.step is Step.CREATE:  # a copy may be there soon, and is taken over then
        return are_being_sent(one.record for one in siblings)
    if planned.step is not Step.DELETE:
        return False
    wanting = [one.record for one in siblings if one.wants]
    if held := [part for part in planned.parts if is_held(part, record.destination, wanting)]:
        leave_copies(record, held)
        return True
    is_row = row is not None and all(part.id == row.id for part in planned.parts)
    return is_row and any(one.state == RecordState.WAITING for one in wanting)


def _unidentified(record: SyncRecord, target: _Target, places: Sequence[Place], asked: Collection[int]) -> NotReady:
    return NotReady(
        verdict=Verdict.UNIDENTIFIED,
        record_id=record.pk,
        record=record,
        endpoint=target.endpoint,
        places=tuple(places),
        asked=frozenset(asked),
    )


def _unclear_places(
    source: ModelSync | None, found: Loaded, place: Place, handler: DocumentHandler, asked: Collection[int]
) -> list[Place]:
    """Return what to look up before a copy is created or edited: another destination may have one at the same place.

    Nothing for an index: an object has one row there, whichever destination writes it.
    """
    destination, places = found.record.destination, []
    can_tell = type(handler).identify is not DocumentHandler.identify
    if not (handler.posts and can_tell) or is_alone(destination):
        return []
    for one in unclear(destination, _owners(source, found)):
        if one.pk not in asked:
            with suppress(SecretError):  # it posts nothing
                places.append(place_of(one))
    return places


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The desired state of a record, before it is compared with the remote parts."""

    desired: DesiredState
    shared: Sharing  # the effect of other destinations at the same place
    too_large: str  # why the document is too large to be sent; "" if it is not


def wanted_of(found: Loaded, place: Place, handler: DocumentHandler, now: datetime) -> Answer[Wanted]:
    """Return what is wanted for a record at `now`, or the reason why the site's code did not say."""
    try:
        _must_be_readable(found)
        return Asked(_wanted(found, place, handler, now))
    except _Refusal as error:
        return error.refused
    except ConfigurationError as error:
        return Refused(str(error), error)


def _must_be_readable(found: Loaded) -> None:
    if not found.registered:
        raise ConfigurationError(f"{found.record.source} is not registered with syncqueue (any more).")
    if found.refused is not None:
        raise _Refusal(found.refused)


def _wanted(found: Loaded, place: Place, handler: DocumentHandler, now: datetime) -> Wanted:
    source = source_by_label(found.record.source)
    desired = _value(desired_state(source, found.obj, found.record.destination))
    document = desired.document
    too_large = bounds.refusal(document) if document else ""
    shared = _shared(source, desired, found, now)
    desired = replace(
        desired,
        fingerprint=_value(handler_gate.fingerprint(handler, document, place)) if document and not too_large else "",
        shown_by=shared.shown_by.name if shared.shown_by is not None else "",
    )
    return Wanted(desired=desired, shared=shared, too_large=too_large)


def _shared(source: ModelSync | None, desired: DesiredState, found: Loaded, now: datetime) -> Sharing:
    """Return the effect of other destinations at the same place on this record."""
    record = found.record
    others = sharing(record.destination)
    if not others or record.destination.is_stopped:
        return Sharing()
    siblings = [
        Sibling(
            record=row,
            destination=row.destination,  # as it is now; `others` may be some seconds old
            wants=not row.destination.is_stopped and _wants_elsewhere(source, found, row, now),
            parts=read_parts(row),
        )
        for row in siblings_of(record, others)
    ]
    together = {one.pk for one in counted_together(record.destination, others, _owners(source, found))}
    counted = [one for one in siblings if one.destination.pk in together]
    shared = share(record, _wants(desired, record.parts, now), read_parts(record), counted)
    return replace(shared, siblings=siblings)


def _owners(source: ModelSync | None, found: Loaded) -> frozenset[object]:
    """Return the keys of the owners whose destinations may have the object, as far as the site returns them."""
    owners = gate.parties(source, found.obj) if source is not None and found.obj is not None else None
    return owners.value if isinstance(owners, Asked) else frozenset()


def _wants(desired: DesiredState, parts: object, now: datetime) -> bool:
    return refusal(desired, now) is None and bool(parts or not is_too_old(desired.created_at, desired.start_at))


def _wants_elsewhere(source: ModelSync | None, found: Loaded, row: SyncRecord, now: datetime) -> bool:
    """Return whether another destination accepts the object. If the site's code raises, its present copy counts."""
    desired = desired_state(source, found.obj, row.destination)
    return bool(row.parts) if isinstance(desired, Refused) else _wants(desired.value, row.parts, now)


def _existing(
    source: ModelSync | None, found: Loaded, place: Place, handler: DocumentHandler
) -> tuple[RemotePart, ...]:
    """Return copies that existed before syncqueue, if the source has not been asked for them yet.

    They are stored as parts of the record whatever the plan is. So they stay known even if this attempt fails and the
    object is deleted.
    """
    record = found.record
    if source is None or found.obj is None or record.parts or record.adoption_asked:
        return ()
    asked = existing_parts(source, found.obj, record.destination, handler.default_kind, place.address)
    return _value(may_be_left(record.destination, asked) if isinstance(asked, Refused) else asked)


def _others(record: SyncRecord, existing: Sequence[RemotePart]) -> list[SyncRecord]:
    """Return the object's other records, which may already have these copies."""
    return [row for row in rows_of_object(record) if row.pk != record.pk] if existing else []


def _lost_part(handler: DocumentHandler, place: Place, record: SyncRecord) -> RemotePart | None:
    return _value(handler_gate.lost_part(handler, place, record.source, record.object_pk))


def _stopped(ready: Ready, destination: Destination) -> NotReady | None:
    """Return the record as STOPPED if something is to be sent but its destination is broken or switched off."""
    if not (ready.sends and destination.is_stopped):
        return None
    reason = destination.broken_reason or f"{destination.name} is switched off."
    return NotReady(
        verdict=Verdict.STOPPED,
        record_id=ready.record_id,
        record=ready.record,
        endpoint=ready.endpoint,
        stop_hold=stopped(destination.pk).name,
        result=SyncResult.retry(reason),
    )

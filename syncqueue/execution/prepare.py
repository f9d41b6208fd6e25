"""The first half of an attempt at a record: read what there is, plan what to do. Runs in a database thread.

The record is read first, then its destination and object, so that a save that comes between is seen or leaves a newer
generation behind.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias, TypeVar

from django.db import Error as DatabaseError

from syncqueue.conf import ServiceSettings, get_settings
from syncqueue.core.answer import Answer, Refused, words
from syncqueue.core.errors import ConfigurationError, SecretError
from syncqueue.core.hold import holds_of_destination, stopped
from syncqueue.core.result import Outcome, SyncResult, format_traceback
from syncqueue.handlers import gate as handler_gate
from syncqueue.handlers.base import Document, DocumentHandler, Place, RemotePart
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord
from syncqueue.sources import gate
from syncqueue.sources.keys import UnreadableKey
from syncqueue.sources.loading import Loaded, load
from syncqueue.sources.planner import DesiredState, Plan, Step, plan
from syncqueue.sources.records import read_parts
from syncqueue.sources.registry import ModelSync, source_by_label

T = TypeVar("T")
logger = logging.getLogger("syncqueue.execution")


class Verdict(StrEnum):
    """Why a record is not ready."""

    ABSENT = "absent"  # the record does not exist any more
    SETTLED = "settled"  # the record does not wait: nothing is to be done
    SENDING = "sending"  # another attempt may be sending right now
    STOPPED = "stopped"  # its destination is broken or switched off
    FAILED = "failed"  # it could not be prepared
    UNCERTAIN = "uncertain"  # an earlier attempt was never heard of again, and the policy holds such records
    ELSEWHERE = "elsewhere"  # another process's settings declare its destination: this process cannot post there


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A record with everything that its delivery needs."""

    record: SyncRecord
    plan: Plan
    place: Place
    document: Document | None  # None: the object is gone or not live
    fingerprint: str
    endpoint: str
    credential: str
    orphans: tuple[RemotePart, ...]
    uncertain: bool  # an earlier attempt may have created something that the record does not know

    @property
    def record_id(self) -> int:
        """The record's key."""
        return self.record.pk

    @property
    def destination_id(self) -> int:
        """The destination's key."""
        return self.place.id

    @property
    def sends(self) -> bool:
        """Whether anything is to be sent."""
        return self.plan.step is not Step.NOTHING or bool(self.orphans)

    @property
    def holds(self) -> tuple[str, ...]:
        """The holds that apply to it."""
        return holds_of_destination(self.place.id, self.endpoint, self.credential)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """A record that nothing is sent for now."""

    verdict: Verdict
    record_id: int
    record: SyncRecord | None = None  # None: ABSENT
    endpoint: str = ""
    stop_hold: str = ""  # STOPPED: the hold to park it behind
    result: SyncResult = field(default_factory=SyncResult.success)  # FAILED and STOPPED: why

    @property
    def destination_id(self) -> int | None:
        """The destination's key; None where the record does not exist any more."""
        return self.record.destination_id if self.record else None


Prepared: TypeAlias = Ready | NotReady


def prepare(record_ids: Sequence[int], handler: DocumentHandler, service: ServiceSettings) -> dict[int, Prepared]:
    """Read and plan. Returns an entry for each id."""
    loaded = load(record_ids)
    targets: dict[int, _Target] = {}
    return {
        record_id: _prepare(loaded[record_id], targets, handler, service)
        if record_id in loaded
        else NotReady(verdict=Verdict.ABSENT, record_id=record_id)
        for record_id in record_ids
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """What is the same for all records of a destination; opening its secret takes a while."""

    place: Place
    endpoint: str
    credential: str


def _prepare(
    found: Loaded, targets: dict[int, _Target], handler: DocumentHandler, service: ServiceSettings
) -> Prepared:
    record = found.record
    if record.state != RecordState.WAITING:
        return NotReady(verdict=Verdict.SETTLED, record_id=record.pk, record=record)
    if found.mark_is_live:
        return NotReady(verdict=Verdict.SENDING, record_id=record.pk, record=record)
    if not record.destination.is_declared_here:
        return NotReady(verdict=Verdict.ELSEWHERE, record_id=record.pk, record=record)
    try:
        return _plan(found, targets, handler, service)
    except SecretError as error:
        result = SyncResult(outcome=Outcome.BROKEN, error=str(error))
        return NotReady(verdict=Verdict.FAILED, record_id=record.pk, record=record, result=result)
    except _Refusal as error:
        return _failed(record, error.refused.reason, error.refused.error)
    except DatabaseError:  # the database is away: it says nothing of this record
        raise
    except Exception as error:  # ours, or a registration that is gone: this record alone ends with it
        logger.exception("%s:%s could not be prepared for %s", record.source, record.object_pk, service.name)
        text = f"{record.source}:{record.object_pk} could not be prepared: {words(error)}"
        return _failed(record, text, error)


class _Refusal(Exception):
    """Code of the site's own has raised; `refused` says what of it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.reason)
        self.refused = refused


def _value(answer: Answer[T]) -> T:
    if isinstance(answer, Refused):
        raise _Refusal(answer)
    return answer.value


def _failed(record: SyncRecord, reason: str, error: Exception) -> NotReady:
    # A key that cannot be read will never be readable by itself.
    outcome = Outcome.FAILURE if isinstance(error, UnreadableKey) else Outcome.RETRY
    result = SyncResult(outcome=outcome, error=reason[:1000], traceback=format_traceback(error))
    return NotReady(verdict=Verdict.FAILED, record_id=record.pk, record=record, result=result)


def place_of(destination: Destination) -> Place:
    """A destination as its handler sees it. Raises `SecretError`.

    Of a declared destination the settings say all of it: a row that has not caught up with them must not lead a new
    secret to an old address.
    """
    entry = get_settings().destinations.get(destination.declared, {}) if destination.declared else {}
    return Place(
        id=destination.pk,
        name=destination.name,
        address=entry.get("ADDRESS", "") if entry else destination.address,
        options=dict(entry.get("OPTIONS", {})) if entry else destination.options,
        secret=destination.secret,
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


def _plan(found: Loaded, targets: dict[int, _Target], handler: DocumentHandler, service: ServiceSettings) -> Prepared:
    record, destination = found.record, found.record.destination
    if not found.registered:
        raise ConfigurationError(f"{record.source} is not registered with syncqueue (any more).")
    if found.refused is not None:
        raise _Refusal(found.refused)
    target = _target(destination, targets, handler)
    place = target.place
    source = source_by_label(record.source)
    document = _document(source, found)
    desired = DesiredState(
        exists=found.obj is not None,
        live=document is not None,
        document=document,
        fingerprint=_value(handler_gate.fingerprint(handler, document, place)) if document else "",
        created_at=_value(gate.created_at(source, found.obj)) if source and found.obj else None,
        rule=destination.rule,
        rule_value=destination.rule_value,
        start_at=destination.start_at,
        retiring=destination.state == DestinationState.RETIRING,
    )
    parts = read_parts(record)
    cut_off = found.mark_expired and record.sending_action in (Step.CREATE, Step.UPDATE)
    planned = plan(
        desired,
        parts=parts,
        address=place.address,
        content_hash=record.content_hash,
        existing=_existing(source, found, destination, handler) if not parts else None,
        lost=_lost_part(handler, place, record) if record.uncertain or cut_off else None,
    )
    lost = cut_off and planned.step is Step.CREATE
    # Not wanted any more: who takes it away may be cut off too, and what nobody can take away is said.
    suspected = cut_off and not parts and planned.step in (Step.DELETE, Step.NOTHING)
    ready = Ready(
        record=record,
        plan=planned,
        place=place,
        document=document,
        fingerprint=desired.fingerprint,
        endpoint=target.endpoint,
        credential=target.credential,
        orphans=found.orphans,
        uncertain=record.uncertain or lost or suspected,
    )
    if refused := _stopped(ready, destination):
        return refused
    if lost and service.hold_unknown:
        return NotReady(verdict=Verdict.UNCERTAIN, record_id=record.pk, record=record, endpoint=target.endpoint)
    return ready


def _document(source: ModelSync | None, found: Loaded) -> Document | None:
    if source is None or found.obj is None:
        return None
    return _value(gate.content(source, found.obj))


def _existing(
    source: ModelSync | None, found: Loaded, destination: Destination, handler: DocumentHandler
) -> RemotePart | None:
    if source is None or found.obj is None:
        return None
    remote_id = _value(gate.existing_remote(source, found.obj, destination))
    if remote_id is None:
        return None
    return RemotePart(kind=handler.default_kind, id=remote_id, address=destination.address)


def _lost_part(handler: DocumentHandler, place: Place, record: SyncRecord) -> RemotePart | None:
    return _value(handler_gate.lost_part(handler, place, record.source, record.object_pk))


def _stopped(ready: Ready, destination: Destination) -> NotReady | None:
    """The same record as stopped, where something is to be sent and its destination cannot take it."""
    if not ready.sends:
        return None
    if destination.broken_reason:
        reason = destination.broken_reason
    elif not destination.enabled and destination.state == DestinationState.ACTIVE:
        reason = f"{destination.name} is switched off."
    else:
        return None
    return NotReady(
        verdict=Verdict.STOPPED,
        record_id=ready.record_id,
        record=ready.record,
        endpoint=ready.endpoint,
        stop_hold=stopped(destination.pk).name,
        result=SyncResult.retry(reason),
    )

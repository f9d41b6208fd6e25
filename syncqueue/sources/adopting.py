"""Copies that existed before syncqueue, as the site's `existing_remote` returns them: they become parts of records.

Attempts ask for one object at a time (`existing_parts`). The walk of `syncqueue adopt`, and the walk before a
destination is removed with its copies, ask for all objects (`adopt_chunk`). Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from syncqueue.conf import get_settings
from syncqueue.core.answer import REASON_CHARACTERS, Answer, Asked, Refused
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import DocumentHandler, RemotePart
from syncqueue.handlers.registry import shared_handler
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord, new_generation
from syncqueue.site import record_db
from syncqueue.sources import gate
from syncqueue.sources.desired import desired_state
from syncqueue.sources.destinations import owned_by
from syncqueue.sources.gate import Reading
from syncqueue.sources.intents import Left, PendingRecord, pending_record
from syncqueue.sources.keys import key_text
from syncqueue.sources.planner import next_change, refusal
from syncqueue.sources.records import failed, records, write_parts
from syncqueue.sources.registry import ModelSync
from syncqueue.sources.same_place import are_one, is_held, unclear_twins


def existing_parts(
    source: ModelSync, obj: Any, destination: Destination, default_kind: str, address: str
) -> Answer[tuple[RemotePart, ...]]:
    """Return the existing copies of an object, each with its kind and address."""
    found = gate.existing_remote(source, obj, destination)
    if isinstance(found, Refused):
        return found
    return Asked(
        tuple(replace(part, kind=part.kind or default_kind, address=part.address or address) for part in found.value)
    )


def may_be_left(destination: Destination, refused: Refused) -> Refused:
    """Return the refusal with the place at which a copy may exist that the site's code would have returned."""
    text = f"A copy from before may be left at {destination.name} ({destination.address}): {refused.reason}"
    return Refused(text[:REASON_CHARACTERS], refused.error)


def default_kind(service: str) -> str:
    """Return the default kind of a copy. Raises `ConfigurationError`."""
    return _handler(service).default_kind


def _handler(service: str) -> DocumentHandler:
    handler = shared_handler(service)
    if not isinstance(handler, DocumentHandler):
        raise ConfigurationError(f"{service} takes no copies of objects: {type(handler).__name__} does other tasks.")
    return handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether an adopted copy is wanted, and until when."""

    is_wanted: bool  # False: it must be removed
    is_private: bool = False  # True: it must be updated, because its visibility is unknown
    next_at: datetime | None = None  # when this changes without a change of the object


def standing(source: ModelSync, obj: Any, destination: Destination) -> Answer[Standing]:
    """Return whether the copy of an object is wanted at a destination now."""
    desired = desired_state(source, obj, destination)
    if isinstance(desired, Refused):
        return desired
    now = SYSTEM_CLOCK.now()
    is_wanted = refusal(desired.value, now) is None
    document = desired.value.document
    is_private = document is not None and document.is_private
    return Asked(Standing(is_wanted=is_wanted, is_private=is_private, next_at=next_change(desired.value, now)))


def columns(found: Standing, parts: Sequence[RemotePart]) -> dict[str, Any]:
    """Return the columns of a record with an adopted copy. It waits if the copy is unwanted or the object private.

    The content of an adopted copy counts as unknown, so the next save updates it.
    """
    now, generation = SYSTEM_CLOCK.now(), new_generation()
    settled = found.is_wanted and not found.is_private
    return {
        "state": RecordState.SYNCED if settled and found.next_at is None else RecordState.WAITING,
        "generation": generation,
        "synced_generation": generation if settled else "",
        "changed_at": now,
        "synced_at": now if settled else None,
        "due_at": found.next_at if settled else None,
        "parts": write_parts(parts),
        "content_hash": "",
        "adoption_asked": True,
        "error": "",
    }


@dataclass(slots=True, kw_only=True)
class Adopted:
    """The result of adopting the copies of some objects."""

    wanted: int = 0  # objects whose copies were adopted and stay until the object changes
    unwanted: int = 0  # objects whose copies were adopted and will be removed by a worker
    known: int = 0  # objects that were asked for before, or whose copy another record of the place has
    without: int = 0  # objects without an existing copy
    refused: dict[str, Refused] = field(default_factory=dict)  # objects for which the site's code raises, by key
    pending_records: list[PendingRecord] = field(default_factory=list)  # the records that wait now

    @property
    def count(self) -> int:
        """The number of all objects."""
        return self.wanted + self.unwanted + self.known + self.without + len(self.refused)


def adopt_chunk(source: ModelSync, reading: Reading, destination: Destination, *, write: bool) -> Adopted:
    """Adopt the copies of a chunk of objects at a destination. `write`: False only counts.

    This includes objects of other owners, because the copy of an object that was handed over must be found and removed.
    But an unwanted copy is left alone if another destination of the object's owner is at the same place.
    """
    found = Adopted(refused={key_text(source.model, key): refused for key, refused in reading.refused.items()})
    objects = {key_text(source.model, obj.pk): obj for obj in reading.objects}
    known, others = _known(source, objects, destination)
    handler = _handler(destination.service)
    taken: list[SyncRecord] = []
    places: dict[Any, list[Destination]] = {}  # by owners
    for pk, obj in objects.items():
        if pk in known and (known[pk].parts or known[pk].adoption_asked):
            found.known += 1
            continue
        asked = existing_parts(source, obj, destination, handler.default_kind, destination.address)
        how = standing(source, obj, destination) if isinstance(asked, Asked) and asked.value else None
        if isinstance(asked, Refused) or isinstance(how, Refused):
            found.refused[pk] = asked if isinstance(asked, Refused) else how  # type: ignore[assignment]
        elif how is None:
            found.without += 1
        elif not how.value.is_wanted and _is_left_to_another(source, obj, destination, places):
            found.known += 1
        elif unclear_twins(asked.value, destination, others.get(pk, ()), handler):
            found.known += 1  # possibly: its attempt asks the service
            taken.append(_row(source, obj, pk, destination, {"state": RecordState.WAITING}))
        elif parts := [part for part in asked.value if not is_held(part, destination, others.get(pk, ()))]:
            found.wanted += how.value.is_wanted
            found.unwanted += not how.value.is_wanted
            taken.append(_row(source, obj, pk, destination, columns(how.value, parts)))
        else:
            found.known += 1
    if write and taken:
        found.pending_records = _write(taken, known)
    return found


def _is_left_to_another(
    source: ModelSync, obj: Any, destination: Destination, places: dict[Any, list[Destination]]
) -> bool:
    owners = gate.owner_keys(source, obj)
    if isinstance(owners, Refused):
        return True
    if owners.value not in places:
        places[owners.value] = places_of(owners.value)
    others = (one for one in places[owners.value] if one.pk != destination.pk and not one.is_retiring)
    return any(are_one(one, destination) for one in others)


def _known(
    source: ModelSync, keys: Collection[str], destination: Destination
) -> tuple[dict[str, SyncRecord], dict[str, list[SyncRecord]]]:
    """Return the records of these objects at the destination, and those at other destinations of the service."""
    own: dict[str, SyncRecord] = {}
    others: dict[str, list[SyncRecord]] = {}
    rows = records().filter(source=source.label, object_pk__in=keys, service=destination.service)
    for row in rows.prefetch_related("destination"):
        if row.destination_id == destination.pk:
            own[row.object_pk] = row
        else:
            others.setdefault(row.object_pk, []).append(row)
    return own, others


def _row(source: ModelSync, obj: Any, pk: str, destination: Destination, values: Mapping[str, Any]) -> SyncRecord:
    changed_at = gate.changed_at(source, obj) if obj is not None else Asked(None)
    return SyncRecord(
        source=source.label,
        object_pk=pk,
        destination=destination,
        service=destination.service,
        object_changed_at=changed_at.value if isinstance(changed_at, Asked) else None,
        **values,
    )


def _write(taken: Sequence[SyncRecord], known: Mapping[str, SyncRecord]) -> list[PendingRecord]:
    """Write the records in one transaction; returns those that wait now.

    A record that a save has created or changed meanwhile is left alone: its own attempt asks for the copies.
    """
    new = [row for row in taken if row.object_pk not in known]
    with transaction.atomic(using=record_db()):
        records().bulk_create(new, ignore_conflicts=True)
        for row in taken:
            if row.object_pk in known:
                _update(known[row.object_pk], row)
    first = taken[0]
    rows = records().filter(
        source=first.source, object_pk__in=[row.object_pk for row in taken], destination=first.destination_id,
        state=RecordState.WAITING, due_at=None,
    )  # fmt: skip
    if not first.destination.enabled and not first.destination.is_retiring:
        return []
    return [pending_record(row, first.destination) for row in rows]


def _update(before: SyncRecord, row: SyncRecord) -> None:
    """Give an existing record its parts. A waiting record stays waiting, because it has a change to send."""
    names = ["parts", "content_hash", "adoption_asked"]
    if before.state != RecordState.WAITING:
        names += ["state", "generation", "synced_generation", "changed_at", "synced_at", "due_at", "error"]
    free = Q(sending_token="") | Q(sending_until__lte=Now())
    as_read = records().filter(free, pk=before.pk, generation=before.generation, state=before.state)
    as_read.filter(parts=[], adoption_asked=False).update(**{name: getattr(row, name) for name in names})


def fail_refused(source: ModelSync, reading: Reading, refused: Mapping[str, Refused], destination: Destination) -> None:
    """Create a failed record, which says that a copy may be left, for objects for which the site's code raises.

    This is for a destination that is removed with its copies. Objects that have a record there keep it.
    """
    objects = {key_text(source.model, obj.pk): obj for obj in reading.objects}
    rows = []
    for pk, one in refused.items():
        values = failed(may_be_left(destination, one).reason, SYSTEM_CLOCK.now())
        rows.append(_row(source, objects.get(pk), pk, destination, values))
    records().bulk_create(rows, ignore_conflicts=True)


def places_of(owners: Collection[Any]) -> list[Destination]:
    """Return the destinations of these owners, including those that are switched off or are being removed.

    None among the owners stands for the site-wide destinations.
    """
    rows = Destination.objects.using(record_db()).filter(owned_by(owners), service__in=list(get_settings().services))
    return list(rows.filter(Q(state=DestinationState.ACTIVE) | Q(remove_remote=True)).order_by("pk"))


def copies_of_deleted(source: ModelSync, obj: Any, destinations: Sequence[Destination]) -> Left:
    """Return the existing copies of an object that is about to be deleted, by destination; None: unknown.

    Call it before related objects are deleted.
    """
    found = {}
    for destination in destinations:
        try:
            kind = default_kind(destination.service)
        except ConfigurationError:  # its attempt reports the problem
            kind = ""
        asked = existing_parts(source, obj, destination, kind, destination.address)
        if isinstance(asked, Refused) or asked.value:
            found[destination.pk] = asked.value if isinstance(asked, Asked) else None
    return found

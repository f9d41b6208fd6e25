"""Decides which parts are at a destination's place, and which destinations share one: a place gets an object once.

An address may be spelled in several ways. So the place's identity counts, the service's permanent id of it
(`DocumentHandler.identify`), if it is known; otherwise the address itself.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import Q

from syncqueue.conf import get_settings
from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import DocumentHandler, RemotePart
from syncqueue.handlers.registry import handler_class
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord
from syncqueue.site import record_db

KEEP_SECONDS = 5.0  # a changed destination is noticed within this time, as a changed policy is
UNKNOWN = "?"  # the identity of an address that the service does not know any more: equal to no other


def identity_of(destination: Destination, address: str) -> str:
    """Return the identity of an address that the destination has or had; "" if it was not looked up yet."""
    return str(destination.identities.get(address, ""))


def are_one(one: Destination, other: Destination) -> bool:
    """Return whether two destinations are at one place, as far as known."""
    ours, theirs = identity_of(one, one.address), identity_of(other, other.address)
    if one.service != other.service:
        return False
    if ours and theirs and UNKNOWN not in (ours, theirs):
        return ours == theirs
    # Two accounts of one instance have the same address: only the service can distinguish them.
    return one.address == other.address and _address_names_place(one.service)


def is_here(part: RemotePart, destination: Destination, address: str) -> bool:
    """Return whether a part is at the destination's present place, which has this address."""
    ours = identity_of(destination, address)
    theirs = part.identity or identity_of(destination, part.address)
    if ours and theirs and UNKNOWN not in (ours, theirs):
        return ours == theirs
    return part.address in (address, "")


def identified(part: RemotePart, destination: Destination) -> RemotePart:
    """Return a part with the identity of its place, as far as its destination knows it: another one may not."""
    known = part.identity or identity_of(destination, part.address)
    return part if known in (part.identity, UNKNOWN) else replace(part, identity=known)


def is_held(part: RemotePart, destination: Destination, rows: Iterable[SyncRecord]) -> bool:
    """Return whether another record of the same object has this part of a destination."""
    return any(
        part.address == theirs.address if UNKNOWN in places or "" in places else places[0] == places[1]
        for theirs, places in _alike(part, destination, rows)
    )


def unclear_twins(
    parts: Iterable[RemotePart], destination: Destination, rows: Iterable[SyncRecord], handler: DocumentHandler
) -> tuple[str, ...]:
    """Return the addresses to look up to find out whether other records of the object have one of the parts."""
    if type(handler).identify is DocumentHandler.identify:
        return ()
    found = [
        address
        for part in parts
        for theirs, places in _alike(part, destination, rows)
        if theirs.address != part.address
        for address, place in zip((part.address, theirs.address), places, strict=True)
        if not place
    ]
    return tuple(dict.fromkeys(found))


def _alike(
    part: RemotePart, destination: Destination, rows: Iterable[SyncRecord]
) -> Iterator[tuple[RemotePart, tuple[str, str]]]:
    """Yield the parts with the same id, with the identities of both places: an id is valid at one place only."""
    ours = part.identity or identity_of(destination, part.address)
    for row in rows:
        for theirs in (RemotePart(**one) for one in row.parts if one["id"] == part.id):
            known = identity_of(row.destination, theirs.address) or identity_of(destination, theirs.address)
            yield theirs, (ours, theirs.identity or known)


def unidentified(
    parts: Iterable[RemotePart], destination: Destination, address: str, handler: DocumentHandler
) -> tuple[str, ...]:
    """Return the addresses to look up to find out which parts are here."""
    if type(handler).identify is DocumentHandler.identify:
        return ()
    away = [part for part in parts if part.address not in (address, "")]
    if not away:
        return ()
    wanted = [address, *(part.address for part in away if not part.identity)]
    return tuple(one for one in dict.fromkeys(wanted) if not identity_of(destination, one))


def remember_identities(destination_id: int, found: Mapping[str, str]) -> None:
    """Store identities that were looked up, in addition to the known ones."""
    rows = Destination.objects.using(record_db()).filter(pk=destination_id)
    known = rows.values_list("identities", flat=True).first()
    if known is not None and not found.items() <= known.items():
        rows.update(identities={**known, **found})
    forget()  # another process may have stored them; other processes see changes within five seconds


@dataclass(frozen=True, slots=True)
class _Groups:
    """The destinations of a service that share a place, as read at a time."""

    read_at: float  # monotonic seconds
    rows: Mapping[int, Destination]
    by_owner: Mapping[object, Sequence[Destination]]  # without the broken ones, which cannot be looked up
    others: Mapping[int, tuple[Destination, ...]]
    names_place: bool  # one address is one place


_groups: dict[str, _Groups] = {}


def sharing(destination: Destination) -> tuple[Destination, ...]:
    """Return the other destinations at the same place, of any owner, oldest first; nearly always none."""
    return _groups_of(destination).others.get(destination.pk, ())


def counted_together(
    destination: Destination, others: Iterable[Destination], owners: Collection[object]
) -> list[Destination]:
    """Return those of `others`, at the same place, that show an object in place of each other.

    They belong to the owner of the destination, or to another owner of the object.
    """
    own = destination.owner_id
    together = owners if own in owners else ()
    return [one for one in others if one.owner_id == own or one.owner_id in together]


def is_alone(destination: Destination) -> bool:
    """Return whether the service has no other destination, of any owner."""
    return _groups_of(destination).rows.keys() <= {destination.pk}


def unclear(destination: Destination, owners: Collection[object]) -> list[Destination]:
    """Return the destinations to look up to find out which share the place of this one, which may be among them.

    Only those that `counted_together` returns for an object of these owners: on a site whose users all have accounts
    at one instance, destinations of other users are not looked up.
    """
    known = _groups_of(destination)
    near = [one for owner in {destination.owner_id, *owners} for one in known.by_owner.get(owner, ())]
    others = [
        one for one in counted_together(destination, near, owners)
        if one.pk != destination.pk and _may_be_one(one, destination, names_place=known.names_place)
    ]  # fmt: skip
    rows = [destination, *sorted(others, key=lambda one: one.pk)] if others else []
    return [one for one in rows if not identity_of(one, one.current_address) and one.is_declared_here]


def _may_be_one(one: Destination, other: Destination, *, names_place: bool) -> bool:
    """Return whether two addresses may be one place, which is unknown until they are looked up."""
    if names_place:  # equal addresses are one place; a name and a number may be
        return one.address != other.address
    return _host_part(one.address) == _host_part(other.address)


def _host_part(address: str) -> str:
    return address.rstrip("/").casefold()


def _groups_of(destination: Destination) -> _Groups:
    service = destination.service
    known = _groups.get(service)
    if (
        known is None
        or time.monotonic() - known.read_at > KEEP_SECONDS
        or _differs(known.rows.get(destination.pk), destination)
    ):
        known = _groups[service] = _read_groups(service)
    return known


def _differs(known: Destination | None, destination: Destination) -> bool:
    """Return whether a destination is new or was changed since the others were read."""
    if known is None:
        return destination.state == DestinationState.ACTIVE
    return any(getattr(known, name) != getattr(destination, name) for name in ("owner_id", "address", "is_stopped"))


def forget() -> None:
    """Forget which destinations share a place."""
    _groups.clear()


def _read_groups(service: str) -> _Groups:
    read_at = time.monotonic()
    names_place = _address_names_place(service)
    # A destination that is removed with its copies wants nothing any more, and leaves its parts to the others.
    # One that is stopped wants nothing either: its copies are not posted again, but taken over.
    here = Q(state=DestinationState.ACTIVE) | Q(state=DestinationState.RETIRING, remove_remote=True)
    found = Destination.objects.using(record_db()).filter(here, service=service)
    rows = list(found.order_by("pk"))
    places = {row.pk: identity_of(row, row.address).replace(UNKNOWN, "") for row in rows}
    # An identity that one destination has looked up is valid for others with that address.
    learned = {row.address: places[row.pk] for row in rows if places[row.pk]} if names_place else {}
    by_place: dict[tuple[str, str], list[Destination]] = {}
    by_owner: dict[object, list[Destination]] = {}
    for row in rows:
        if not row.broken_reason:
            by_owner.setdefault(row.owner_id, []).append(row)
        place = places[row.pk] or learned.get(row.address, "")
        if place or names_place:
            by_place.setdefault((place, "" if place else row.address), []).append(row)
    groups = [group for group in by_place.values() if len(group) > 1]
    others = {row.pk: tuple(other for other in group if other.pk != row.pk) for group in groups for row in group}
    return _Groups(read_at, {row.pk: row for row in rows}, by_owner, others, names_place)


def _address_names_place(service: str) -> bool:
    try:
        found = handler_class(get_settings().service(service))
    except ConfigurationError:  # each attempt reports it
        return True
    return not issubclass(found, DocumentHandler) or found.address_names_place


def destinations_at(destination: Destination) -> list[int]:
    """Return the keys of all destinations, of any owner, that are or were at a destination's place, with its own."""
    ours = identity_of(destination, destination.address)
    rows = Destination.objects.using(record_db()).filter(service=destination.service)
    return [
        row.pk
        for row in rows.only("address", "identities")
        if destination.address in (row.address, *row.identities)
        or (ours not in ("", UNKNOWN) and ours in row.identities.values())
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """Another record of the same object, at a destination that shares the place."""

    record: SyncRecord
    destination: Destination
    wants: bool  # its destination accepts the object, and is not stopped
    parts: Sequence[RemotePart]


def siblings_of(record: SyncRecord, others: Sequence[Destination]) -> list[SyncRecord]:
    """Return the records of the same object at these destinations, oldest first."""
    rows = SyncRecord._base_manager.using(record_db()).filter(
        source=record.source, object_pk=record.object_pk, destination__in=others
    )
    return list(rows.select_related("destination").order_by("pk"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """The effect of a record's siblings on it."""

    shown_by: Destination | None = None  # shows the object instead
    take_from: SyncRecord | None = None  # has parts that this record takes over
    leave_to: SyncRecord | None = None  # shows the object after its next attempt, which takes over this record's parts
    siblings: Sequence[Sibling] = ()  # all of them, of any owner


def share(record: SyncRecord, wants: bool, parts: Sequence[RemotePart], siblings: Sequence[Sibling]) -> Sharing:
    """Decide which record acts: the oldest of those that want the object. Pure."""
    wanting = [one for one in siblings if one.wants]
    acting = min([one.record.pk for one in wanting] + ([record.pk] if wants else []), default=None)
    if acting == record.pk:
        giving = next((one for one in siblings if one.parts), None) if not parts else None
        return Sharing(take_from=giving.record if giving else None)
    first = next((one for one in wanting if one.record.pk == acting), None)
    if first is None:
        return Sharing()
    # One that has sent nothing was refused by a rule that has changed since.
    was_refused = first.record.state == RecordState.SYNCED and not first.record.content_hash
    if not first.parts and (parts or was_refused):
        return Sharing(shown_by=first.destination, leave_to=first.record)
    return Sharing(shown_by=first.destination)

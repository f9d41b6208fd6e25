"""Declared, broken and retiring destinations."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Exists, OuterRef, ProtectedError, Q, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from syncqueue.conf import get_settings
from syncqueue.core.chunks import chunks
from syncqueue.core.errors import ConfigurationError, SecretError
from syncqueue.core.hold import STOPPED, Hold
from syncqueue.handlers.registry import posts
from syncqueue.models import (
    Destination,
    DestinationState,
    RecordState,
    SyncRecord,
    Walk,
    WalkKind,
    new_generation,
)
from syncqueue.secrets import rotate
from syncqueue.site import record_db
from syncqueue.sources import gate
from syncqueue.sources.registry import all_sources, home_db
from syncqueue.sources.same_place import are_one, forget
from syncqueue.sources.walk import CHUNK, gone

logger = logging.getLogger("syncqueue.sources")

# The row of a declared destination may be created during the first save that concerns it, after the creation time of
# that object was taken. The object must not count as older than the destination.
_FIRST_SAVE = timedelta(minutes=1)

_declared_by: Mapping[str, Mapping[str, Any]] | None = None


def ensure_declared() -> None:
    """Create or update the rows of the setting DESTINATIONS, once per process and value of the setting.

    Rows that the settings of this process do not declare are left alone: those of another process may declare them.
    """
    wanted = get_settings().destinations
    if _declared_by is wanted:
        return
    for name, entry in wanted.items():
        try:
            _ensure(name, entry)
        except ConfigurationError as error:  # its service has no handler; the others may have one
            logger.error("The destination %r of DESTINATIONS is left out: %s", name, error)
    # After the commit, because a rollback would remove the rows.
    transaction.on_commit(lambda: _remember(wanted), using=record_db(), robust=True)


def _remember(wanted: Mapping[str, Mapping[str, Any]]) -> None:
    global _declared_by
    _declared_by = wanted


def forget_declared() -> None:
    """Check the rows of the declared destinations again when they are next needed."""
    global _declared_by
    _declared_by = None


def _ensure(name: str, entry: Mapping[str, Any]) -> None:
    values = {
        "name": name,
        "service": entry["SERVICE"],
        "address": entry.get("ADDRESS", ""),
        "options": dict(entry.get("OPTIONS", {})),
        "rule": entry.get("RULE", "all"),
        "rule_value": entry.get("RULE_VALUE", ""),
        "enabled": True,
    }
    rows = Destination.objects.using(record_db())
    begins_at = timezone.now() - _FIRST_SAVE
    first = {"created_at": begins_at, "start_at": begins_at if posts(entry["SERVICE"]) else None}
    row, created = rows.get_or_create(declared=name, defaults=values | first)
    if row.broken_reason and row.broken_fingerprint != declared_fingerprint(name):
        # The service refused other settings, possibly those of another process, so these are tried.
        values |= {"broken_reason": "", "broken_at": None, "broken_fingerprint": ""}
    if not created and any(getattr(row, field) != value for field, value in values.items()):
        for field, value in values.items():
            setattr(row, field, value)
        row.save(using=record_db(), update_fields=list(values))


def declared_fingerprint(name: str) -> str:
    """Return a hash of place and credential of a declared destination in the settings of this process.

    It is keyed with SECRET_KEY, so that a weak credential cannot be guessed from it. "": the settings do not declare
    it.
    """
    entry = get_settings().destinations.get(name)
    if entry is None:
        return ""
    text = json.dumps(
        [entry.get(key) for key in ("SERVICE", "ADDRESS", "SECRET", "OPTIONS")], sort_keys=True, default=str
    )
    return salted_hmac("syncqueue.declared", text, algorithm="sha256").hexdigest()


def declared_here(prefix: str = "") -> Q:
    """Return the condition for destinations that this process may post to: see `Destination.is_declared_here`.

    `prefix`: the lookup path of the destination, such as "destination__".
    """
    names = list(get_settings().destinations)
    return Q(**{f"{prefix}declared": ""}) | Q(**{f"{prefix}declared__in": names})


def active(services: Collection[str]) -> list[Destination]:
    """Return the destinations of these services that are not being removed, including those that are switched off."""
    rows = Destination.objects.using(record_db()).filter(declared_here(), service__in=services)
    return list(rows.filter(state=DestinationState.ACTIVE).order_by("pk"))


def mark_broken(destination_id: int, reason: str, now: datetime) -> list[SyncRecord] | None:
    """Mark a destination as broken; returns the records that `wake_resting` returns. None if it was broken before."""
    rows = Destination.objects.using(record_db()).filter(pk=destination_id, broken_reason="")
    found = rows.first()
    if found is None:
        return None
    fingerprint = declared_fingerprint(found.declared)
    with transaction.atomic(using=record_db()):
        if not rows.update(broken_reason=reason, broken_at=now, broken_fingerprint=fingerprint):
            return None
        return wake_resting(found)


def note_emptied(destination_id: int, now: datetime) -> None:
    """Note that a destination's place was missing and has been created again, without the former copies."""
    Destination.objects.using(record_db()).filter(pk=destination_id).update(emptied_at=now)


def forget_emptied(destination_id: int) -> None:
    """Clear that note, because the copies are about to be written again."""
    Destination.objects.using(record_db()).filter(pk=destination_id).update(emptied_at=None)


def follow_move(destination_id: int, *, old: str, new: str) -> bool:
    """Store the new address of a place that has moved; returns whether the destination has it now.

    False if only a person can change it: the settings declare the destination, or there is no other address.
    """
    rows = Destination.objects.using(record_db()).filter(pk=destination_id, declared="")
    if new:
        rows.filter(address=old).update(address=new)
    return rows.exclude(address=old).exists()


def owned_by(owners: Collection[Any]) -> Q:
    """Return the condition for the destinations of these owners' keys; None stands for site-wide destinations."""
    people = [key for key in owners if key is not None]
    return Q(owner_id__in=people) | Q(owner=None) if None in owners else Q(owner_id__in=people)


def has_rivals(destination: Destination) -> bool:
    """Return whether another party has a destination of the same service: another owner, or another site-wide one."""
    rows = Destination.objects.using(record_db()).filter(service=destination.service)
    is_party = {"pk": destination.pk} if destination.owner_id is None else {"owner_id": destination.owner_id}
    return rows.exclude(**is_party).exists()


def mended(hold_names: Sequence[str]) -> list[str]:
    """Return the holds of stopped destinations that the database does not confirm, and those of earlier releases."""
    holds = [Hold.parse(name) for name in hold_names]
    stopped = {hold.name: hold.destination_id for hold in holds if hold.kind == STOPPED}
    rows = Destination.objects.using(record_db()).in_bulk([key for key in stopped.values() if key is not None])
    over = [name for name, key in stopped.items() if key is not None and not (key in rows and rows[key].is_stopped)]
    return over + [hold.name for hold in holds if hold.is_former and hold.destination_id is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The result of encrypting all stored secrets again."""

    rewritten_count: int
    unreadable: tuple[Destination, ...]  # no configured key can decrypt these; they are unchanged


def rotate_secrets(*, dry_run: bool = False) -> Rotation:
    """Encrypt every stored secret with the current key, so that older keys can be removed."""
    rows = Destination.objects.using(record_db()).exclude(secret_text="")
    rewritten, unreadable = 0, []
    for destination in rows.iterator():
        before = destination.secret_text
        try:
            after = rotate(before, destination.bound)
        except SecretError:
            unreadable.append(destination)
            continue
        if dry_run:
            rewritten += 1
            continue
        # Only if it has not changed since it was read: a person may be entering a new one now.
        rewritten += rows.filter(pk=destination.pk, secret_text=before).update(secret_text=after)
    return Rotation(rewritten_count=rewritten, unreadable=tuple(unreadable))


def ownerless(after: int, limit: int = 500) -> tuple[int, list[Any]]:
    """Find deleted owners of destinations, among the destinations after a primary key.

    Returns the primary key to pass as `after` next (0: start again) and the keys of the owners.
    """
    rows = Destination.objects.using(record_db()).filter(pk__gt=after, owner__isnull=False)
    piece = list(rows.order_by("pk").values_list("pk", "owner_id")[:limit])
    people = get_user_model()
    owners = {owner for _, owner in piece}
    there = people._base_manager.using(home_db(people)).filter(pk__in=owners).values_list("pk", flat=True)
    gone = owners - set(there) if owners else set()
    return (piece[-1][0] if len(piece) == limit else 0), sorted(gone, key=str)


def begin_retirement(destination: Destination, *, remove_remote: bool) -> list[SyncRecord]:
    """Begin to delete a destination; returns the records to attempt.

    Those whose copies must be removed first, and those of other destinations at the place that show objects instead.

    `remove_remote`: True: all copies are removed; otherwise only those of deleted objects.

    If no copies must be removed, the row and its secret are deleted immediately.
    """
    db = record_db()
    with transaction.atomic(using=db):
        rows = SyncRecord.objects.using(db).filter(destination=destination)
        # A copy that is left stays as it is, and an object without one is shown by another destination.
        sleeping = _sleeping(destination, rows if remove_remote else rows.filter(parts=[]))
        # Records without parts that may have a copy: a send is running, its response was lost, or there is an orphan.
        nothing_there = Q(parts=[], sending_token="", uncertain=False, twin_possible=False, orphans=None)
        adopting = [source.label for source in all_sources() if gate.adopts(source)] if remove_remote else []
        if adopting:  # an existing copy that only the site knows
            nothing_there &= ~Q(source__in=adopting, adoption_asked=False)
            walks = (Walk(source=label, kind=WalkKind.ADOPTION, destination=destination) for label in adopting)
            Walk.objects.using(db).bulk_create(walks)
        rows.filter(pk__in=list(rows.filter(nothing_there).values_list("pk", flat=True))).delete()
        if not remove_remote:
            # Copies of existing objects stay; those of deleted objects (the owner's notes) are removed.
            withdrawn = [row.pk for _, piece in gone(rows) for row in piece]
            rows.exclude(pk__in=withdrawn).delete()
        _let_wait(rows)
        _let_each_wait(sleeping)
        Destination.objects.using(db).filter(pk=destination.pk).update(
            state=DestinationState.RETIRING, remove_remote=remove_remote, enabled=False, broken_reason=""
        )
    left = list(SyncRecord.objects.using(db).filter(destination=destination))
    if not left:
        finish_retirements()
    return [*left, *sleeping]


def wake_resting(destination: Destination) -> list[SyncRecord]:
    """Let other destinations at its place show what a stopped destination has not sent; returns the records to attempt.

    Not what it may have sent already: its own next attempt finds that out.
    """
    unsent = SyncRecord.objects.using(record_db()).filter(destination=destination, uncertain=False)
    sleeping = _sleeping(destination, unsent.exclude(state=RecordState.SYNCED))
    _let_each_wait(sleeping)
    return sleeping


def _let_each_wait(rows: Sequence[SyncRecord]) -> None:
    for piece in chunks(rows, CHUNK):
        _let_wait(SyncRecord.objects.using(record_db()).filter(pk__in=[row.pk for row in piece]))


def _let_wait(rows: QuerySet[SyncRecord]) -> None:
    rows.update(
        state=RecordState.WAITING, generation=new_generation(), changed_at=timezone.now(), due_at=None,
    )  # fmt: skip


def _sleeping(destination: Destination, rows: QuerySet[SyncRecord]) -> list[SyncRecord]:
    """Return the records of other destinations at the same place that may show the objects of `rows` instead.

    Those of a destination that is switched off, too: they wait until it is switched on.
    """
    forget()
    rest = Destination.objects.using(record_db()).exclude(pk=destination.pk).only("service", "address", "identities")
    active = rest.filter(service=destination.service, state=DestinationState.ACTIVE)
    others = [one.pk for one in active if are_one(one, destination)]
    if not others:
        return []
    shown = rows.filter(source=OuterRef("source"), object_pk=OuterRef("object_pk"))
    resting = SyncRecord.objects.using(record_db()).filter(
        Exists(shown), destination__in=others, state=RecordState.SYNCED, parts=[]
    )
    return list(resting.select_related("destination"))


def finish_retirements() -> int:
    """Delete retiring destinations that have no copies left; returns how many."""
    walks = Walk.objects.filter(destination=OuterRef("pk"), kind=WalkKind.ADOPTION)
    retiring = Destination.objects.using(record_db()).filter(state=DestinationState.RETIRING, records=None)
    try:
        return retiring.exclude(Exists(walks)).delete()[0]
    except ProtectedError:  # a save has just recorded an object there; a later call finishes it
        return 0

"""Refused objects: objects for which the site's code raises before there is a record that could store the reason.

They are kept in a small table, shown on the dashboard, and tried again by the workers with growing delays. The table is
bounded: beyond LIMIT objects of one source, a walk over the source is requested instead, which begins when there is
room again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import connections

from syncqueue.core.answer import Refused
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.models import RefusedObject, Walk, WalkKind
from syncqueue.site import record_db
from syncqueue.sources.keys import MAX_CHARACTERS
from syncqueue.sources.registry import ModelSync

LIMIT = 1000
_FIRST_DELAY = timedelta(seconds=30)
_LONGEST_DELAY = timedelta(minutes=30)


def note(source: ModelSync, refused: Mapping[str, Refused]) -> None:
    """Remember objects by their keys, with the reasons; the delay before the next try grows each time."""
    if not refused:
        return
    rows = RefusedObject.objects.using(record_db())
    known = {row.object_pk: row for row in rows.filter(source=source.label, object_pk__in=list(refused))}
    room = LIMIT - rows.filter(source=source.label).count()
    new = [pk for pk in refused if pk not in known]
    if len(new) > room:
        new = new[: max(room, 0)]
        _request_walk(source)
    now = SYSTEM_CLOCK.now()
    made = [
        RefusedObject(source=source.label, object_pk=pk[:MAX_CHARACTERS], reason=refused[pk].reason, due_at=now)
        for pk in new
    ]
    for pk, row in known.items():
        row.tries += 1
        row.reason, row.due_at = refused[pk].reason, now + _delay(row.tries)
    with_target = connections[record_db()].features.supports_update_conflicts_with_target
    rows.bulk_create(
        [*made, *_copies(known.values())],
        update_conflicts=True,
        unique_fields=["source", "object_pk"] if with_target else None,
        update_fields=["reason", "tries", "due_at"],
    )


def _copies(rows: Collection[RefusedObject]) -> list[RefusedObject]:
    return [
        RefusedObject(
            source=row.source,
            object_pk=row.object_pk,
            reason=row.reason,
            since=row.since,
            tries=row.tries,
            due_at=row.due_at,
        )
        for row in rows
    ]


def _delay(tries: int) -> timedelta:
    return min(_FIRST_DELAY * 2.0 ** min(tries - 2, 10), _LONGEST_DELAY)


def _request_walk(source: ModelSync) -> None:
    walks = Walk.objects.using(record_db())
    found = walks.filter(source=source.label, kind=WalkKind.MISSED)
    # From the beginning: the object without room may be before the position of a running walk.
    if not found.update(position=""):
        walks.create(source=source.label, kind=WalkKind.MISSED)


def has_room(source: ModelSync) -> bool:
    """Return whether more objects of a source can be remembered."""
    return RefusedObject.objects.using(record_db()).filter(source=source.label).count() < LIMIT


def not_due(source: ModelSync, keys: Collection[str], now: datetime) -> set[str]:
    """Return those of the objects that were refused and are not due yet."""
    rows = RefusedObject.objects.using(record_db()).filter(source=source.label, object_pk__in=keys, due_at__gt=now)
    return set(rows.values_list("object_pk", flat=True))


def due(source: ModelSync, now: datetime, limit: int) -> list[str]:
    """Return the keys of objects to try again, those that have waited longest first."""
    rows = RefusedObject.objects.using(record_db()).filter(source=source.label, due_at__lte=now)
    return list(rows.order_by("due_at", "pk").values_list("object_pk", flat=True)[:limit])


def make_due(source: ModelSync, keys: Collection[str]) -> None:
    """Let the next round try objects again, those of them that were refused."""
    rows = RefusedObject.objects.using(record_db()).filter(source=source.label, object_pk__in=keys)
    rows.update(due_at=SYSTEM_CLOCK.now())


def tries(source: ModelSync, keys: Collection[str]) -> dict[str, int]:
    """Return how often each of the objects was refused; without those that were not."""
    rows = RefusedObject.objects.using(record_db()).filter(source=source.label, object_pk__in=keys)
    return dict(rows.values_list("object_pk", "tries"))


def forget_succeeded(source: ModelSync, before: Mapping[str, int]) -> int:
    """Forget objects that were not refused again since `before` (from `tries`), or are gone; returns how many."""
    now = tries(source, list(before))
    keys = [pk for pk, count in before.items() if now.get(pk) == count]
    RefusedObject.objects.using(record_db()).filter(source=source.label, object_pk__in=keys).delete()
    return len(keys)

"""Objects whose records are missing, or have not seen the last change of the object."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Model

from syncqueue.models import SyncRecord
from syncqueue.site import record_db
from syncqueue.sources.intents import Change, PendingRecord, record_changes
from syncqueue.sources.registry import ModelSync


def record_missed(
    source: ModelSync, objects: Sequence[Model], only: Collection[int] | None = None
) -> list[PendingRecord]:
    """Upsert records for those of the objects whose records have not seen their last change.

    `only`: the keys of the destinations that are meant; all of them when it is None.
    """
    if not objects:
        return []
    changes = [Change(obj=obj, pk=str(obj.pk)) for obj in objects]
    return record_changes(source, changes, seen=_seen(source, objects), only=only)


def _seen(source: ModelSync, objects: Sequence[Model]) -> dict[str, dict[int, datetime | None]]:
    rows = SyncRecord.objects.using(record_db()).filter(
        source=source.label, object_pk__in=[str(obj.pk) for obj in objects]
    )
    seen: dict[str, dict[int, datetime | None]] = {}
    for pk, destination, changed_at in rows.values_list("object_pk", "destination_id", "object_changed_at"):
        seen.setdefault(pk, {})[destination] = changed_at
    return seen

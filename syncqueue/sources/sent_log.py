"""The log of sent messages, in the database: written in bulk, and trimmed by age and by number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from syncqueue.models import SentEntry
from syncqueue.site import record_db

_PIECE = 5000  # rows deleted in one statement, so that no lock is held for long


def entries() -> QuerySet[SentEntry]:
    """Return all entries, from the database to which they are written."""
    return SentEntry._base_manager.using(record_db())


def write(found: Sequence[SentEntry]) -> None:
    """Add entries: all of them, or none if this raises before the commit."""
    SentEntry._base_manager.using(record_db()).bulk_create(found, batch_size=500)


def trim(before: datetime, most: int) -> int:
    """Remove the entries older than `before`, and all but the newest `most`; returns how many were removed."""
    newest = entries().order_by("-pk").values_list("pk", flat=True).first() or 0
    total = 0
    for rows in (entries().filter(at__lt=before), entries().filter(pk__lte=newest - most)):
        while keys := list(rows.order_by().values_list("pk", flat=True)[:_PIECE]):
            total += entries().filter(pk__in=keys).delete()[0]
    return total

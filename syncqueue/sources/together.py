"""Rows of several attempts in one statement.

One statement for all must not wait for one of them: a transaction of the site may hold a record for long, and it may
want another one that this statement holds. So rows that another transaction has locked are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from django.db import connections, transaction
from django.db.models import QuerySet

from syncqueue.models import SyncRecord
from syncqueue.site import record_db
from syncqueue.sources.built import Given, primary_keys
from syncqueue.sources.records import records

T = TypeVar("T")


def write_together(rows: Mapping[int, T], write: Callable[[Sequence[T]], Collection[int]]) -> dict[int, bool]:
    """Write rows by the primary keys of their records; returns whether `write` has accepted each.

    Rows that are locked have no entry: nothing was tried. `write` returns the keys that it has accepted.
    """
    db = record_db()
    features = connections[db].features
    if not features.has_select_for_update:  # SQLite: statements wait for each other, never for a row
        accepted = write(list(rows.values()))
        return {key: key in accepted for key in rows}
    if not features.has_select_for_update_skip_locked:
        return {}
    with transaction.atomic(using=db):
        keys = primary_keys(_unlocked, db, list(rows))
        accepted = write([rows[key] for key in keys]) if keys else ()
        return {key: key in accepted for key in keys}


def _unlocked(given: Given) -> QuerySet[SyncRecord, Any]:
    return records().select_for_update(skip_locked=True).filter(pk__in=given.keys).order_by("pk").values("pk")

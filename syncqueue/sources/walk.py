"""The one walk over a source: in the order of primary keys, a chunk at a time, from any key on.

Backfill, resync, prune and every other walk over whole tables use it. A chunk costs the same at the end of a table as
at its beginning, because it is a range of the primary key's index. No query stays open between two chunks: on SQLite
nothing can be written beside an open query once another process has written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from django.db import router
from django.db.models import Model, QuerySet

from syncqueue.models import SyncRecord
from syncqueue.sources.registry import ModelSync, source_by_label

T = TypeVar("T", bound=Model)

CHUNK = 500


def by_key(rows: QuerySet[T], after: Any = None) -> Iterator[list[T]]:
    """The rows in chunks, in the order of their primary keys; `after` is the last key that is left out."""
    rows = rows.order_by("pk")
    while True:
        piece = list(rows[:CHUNK] if after is None else rows.filter(pk__gt=after)[:CHUNK])
        if piece:
            yield piece
        if len(piece) < CHUNK:
            return
        after = piece[-1].pk


def table(source: ModelSync) -> QuerySet[Any]:
    """All objects of a source, as attempts read them: by the base manager, on the database they are written to."""
    return source.model._base_manager.using(router.db_for_write(source.model))


def objects(source: ModelSync, after: Any = None) -> Iterator[list[Model]]:
    """All objects of a source, in chunks; `after` is a key or its text."""
    return by_key(table(source), after)


def gone(rows: QuerySet[SyncRecord], after: int = 0) -> Iterator[tuple[int, list[SyncRecord]]]:
    """The records of `rows` whose objects are gone, for each chunk of records, with the last key of the chunk.

    Records of models that are not registered any more are left out.
    """
    for piece in by_key(rows.select_related("destination"), after):
        there = present(piece)
        yield (
            piece[-1].pk,
            [row for row in piece if source_by_label(row.source) and (row.source, row.object_pk) not in there],
        )


def present(records: Collection[SyncRecord]) -> set[tuple[str, str]]:
    """Which objects of the records exist: their labels and keys."""
    found: set[tuple[str, str]] = set()
    for label in {record.source for record in records}:
        if source := source_by_label(label):
            keys = [record.object_pk for record in records if record.source == label]
            found |= {(label, str(pk)) for pk in table(source).filter(pk__in=keys).values_list("pk", flat=True)}
    return found

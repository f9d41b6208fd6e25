"""The walk over a source: in the order of primary keys, in chunks, from any key.

Backfill, resync, prune and every other walk over whole tables use it. A chunk costs the same at the end of a table as
at its beginning, because it is a range of the primary key's index. No query stays open between two chunks: on SQLite, a
connection with an open query cannot write once another process has written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db.models import QuerySet

from syncqueue.models import SyncRecord
from syncqueue.sources import gate
from syncqueue.sources.gate import Reading
from syncqueue.sources.keys import key_text, keys_of
from syncqueue.sources.registry import ModelSync, home_db, source_by_label

CHUNK = 500


def table(source: ModelSync) -> QuerySet[Any]:
    """Return all objects of a source as attempts read them: base manager, database to which they are written."""
    return source.model._base_manager.using(home_db(source.model))


def objects(source: ModelSync, after: Any = None) -> Iterator[Reading]:
    """Yield all objects of a source in chunks. `after`: start after this primary key, or its text."""
    rows = table(source).order_by("pk")
    while True:
        piece = gate.read(source, rows[:CHUNK] if after is None else rows.filter(pk__gt=after)[:CHUNK])
        if piece.count:
            yield piece
        if piece.count < CHUNK:
            return
        after = piece.last_key


def gone(rows: QuerySet[SyncRecord], after: int = 0) -> Iterator[tuple[int, list[SyncRecord]]]:
    """Yield for each chunk of `rows` its last primary key and the records whose objects are gone.

    Records of models that are not registered any more are left out, and so are records with an unreadable key.
    """
    rows = rows.select_related("destination").order_by("pk")
    while piece := list(rows.filter(pk__gt=after)[:CHUNK]):
        after = piece[-1].pk
        yield after, gone_among(piece)
        if len(piece) < CHUNK:
            return


def gone_among(records: Collection[SyncRecord]) -> list[SyncRecord]:
    """Return those of the records whose objects are gone."""
    found: list[SyncRecord] = []
    for label in sorted({record.source for record in records}):
        source = source_by_label(label)
        if source is None:
            continue
        keys = keys_of(source.model, [record.object_pk for record in records if record.source == label])
        there = table(source).filter(pk__in=list(keys.values())).values_list("pk", flat=True)
        texts = {key_text(source.model, key) for key in there}
        found += [
            record
            for record in records
            if record.source == label
            and record.object_pk in keys
            and key_text(source.model, keys[record.object_pk]) not in texts
        ]
    return sorted(found, key=lambda record: record.pk)

"""Group commit: attempts that set or clear their marks at the same time share the statement and its commit.

A statement costs about the same for one record as for twenty. Requests that arrive while a statement runs are written
by the next one, so no attempt waits for others to come. The order of each record stays: its mark is committed before it
is sent, and its parts are stored before its task is acked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TypeVar

from syncqueue.core.chunks import chunks
from syncqueue.core.clock import Clock
from syncqueue.execution.batcher import Batcher
from syncqueue.execution.database import DatabaseThreads
from syncqueue.sources import records
from syncqueue.sources.records import Mark, Synced
from syncqueue.sources.together import write_together

T = TypeVar("T")
logger = logging.getLogger("syncqueue.execution")

# Maximum number of records of one statement: each of its columns compares each record with each value.
MOST_RECORDS = 100


class GroupCommit:
    """Marks and results of the attempts of one event loop, of all services."""

    def __init__(self, database: DatabaseThreads, clock: Clock) -> None:
        """The statements run in `database`."""
        self._database = database
        self._clock = clock
        self._marks: Batcher[Mark, bool | None] = Batcher(self._mark_together)
        self._results: Batcher[Synced, bool | None] = Batcher(self._store_together)

    async def mark(self, marks: Sequence[Mark]) -> set[int]:
        """Do the same as `records.mark`."""
        if len(marks) == 1:
            won = await self._marks(marks[0])
            if won is not None:
                return {marks[0].record.pk} if won else set()
        return await self._database.run(records.mark, marks)

    async def store_synced(self, found: Sequence[Synced]) -> set[int]:
        """Do the same as `records.store_synced`."""
        if len(found) == 1:
            kept = await self._results(found[0])
            if kept is not None:
                return {found[0].record.pk} if kept else set()
        return await self._database.run(records.store_synced, found, now=self._clock.now())

    async def _mark_together(self, marks: Sequence[Mark]) -> Sequence[bool | None]:
        by_form: dict[Hashable, list[Mark]] = {}
        for mark in marks:
            by_form.setdefault(mark.form, []).append(mark)
        won: dict[str, bool | None] = {}
        for same in by_form.values():
            answers = await self._together(same, lambda one: one.record.pk, records.mark)
            won.update(zip((mark.token for mark in same), answers, strict=True))
        return [won[mark.token] for mark in marks]

    async def _store_together(self, found: Sequence[Synced]) -> Sequence[bool | None]:
        def write(some: Sequence[Synced]) -> Collection[int]:
            return records.store_synced(some, now=self._clock.now())

        return await self._together(found, lambda one: one.record.pk, write)

    async def _together(
        self, items: Sequence[T], key_of: Callable[[T], int], write: Callable[[Sequence[T]], Collection[int]]
    ) -> list[bool | None]:
        """Return for each item whether it was accepted; None: nothing was tried, and it must be written by itself."""
        answers: list[bool | None] = []
        for piece in chunks(items, MOST_RECORDS):
            # Two attempts at one record have two tokens: the second one must see what the first has written.
            rows: dict[int, T] = {}
            for item in piece:
                rows.setdefault(key_of(item), item)
            try:
                accepted = await self._database.run(write_together, rows, write) if len(rows) > 1 else {}
            except Exception as error:  # one of them may be the cause: each is written by itself, and raises by itself
                logger.warning("%s records could not be written together: %s", len(rows), error)
                accepted = {}
            answers += [accepted.get(key_of(one)) if rows[key_of(one)] is one else None for one in piece]
        return answers

"""Facts about other records, for the job of one record: see `handlers.base.OtherRecords`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from syncqueue.handlers.base import OtherRecords, RemotePart, Unsettled
from syncqueue.models import SyncRecord
from syncqueue.sources import beside


class RecordsBeside(OtherRecords):
    """The other records of one destination, read from the database on request."""

    def __init__(self, record: SyncRecord, run: Callable[..., Awaitable[Any]]) -> None:
        """`run` runs a function in a database thread."""
        self._record = record
        self._run = run

    async def newest_parts(self, since: float | None = None) -> Sequence[RemotePart]:
        """See `OtherRecords`."""
        found: Sequence[RemotePart] = await self._run(beside.newest_parts, self._record, since)
        return found

    async def known_ids(self, ids: Collection[str], identity: str) -> frozenset[str]:
        """See `OtherRecords`."""
        found: frozenset[str] = await self._run(beside.known_ids, self._record, ids, identity)
        return found

    async def unsettled(self, kind: str, identity: str) -> Unsettled:
        """See `OtherRecords`."""
        found: Unsettled = await self._run(beside.unsettled, self._record, kind, identity)
        return found

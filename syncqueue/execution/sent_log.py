"""The log of sent messages: entries of attempts are buffered for a moment, then written in bulk.

No attempt waits for the log or makes a query for it. Entries that a killed process has not written are missing;
every entry in the log was sent and stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from syncqueue.execution.database import DatabaseThreads
from syncqueue.models import SentEntry
from syncqueue.sources import sent_log

logger = logging.getLogger("syncqueue.execution")

# Interval of the bulk writes. Shorter than `WEB_LINGER_SECONDS`, so that a web process needs no extra connection.
EVERY_SECONDS = 0.5


class SentLog:
    """Buffers the log entries of one event loop."""

    def __init__(self, database: DatabaseThreads, *, is_kept: bool) -> None:
        """`is_kept`: False: nothing is written."""
        self._database = database
        self._is_kept = is_kept
        self._waiting: list[SentEntry] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def add(self, entries: Sequence[SentEntry]) -> None:
        """Schedule entries for writing; must be called on the loop."""
        if not self._is_kept or not entries:
            return
        self._waiting += entries
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        found, self._waiting = self._waiting, []
        try:
            await self._database.run(sent_log.write, found)
        except Exception as error:  # a missing log entry must not affect what was sent
            # No retry: the first write may have been committed, and entries would appear twice.
            logger.warning("%s entries are missing from the log of what went out: %s", len(found), error)
        finally:
            self._writing = None
            if self._waiting and self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._begin)

    async def aclose(self) -> None:
        """Write the buffered entries."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            await self._write()

"""The log of what went out, as attempts fill it: kept in memory for a moment, then written in bulk.

No attempt waits for it, and none makes a statement for it. What a process that is killed has not written is missing
from the log; an entry that stands there was sent and stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from syncqueue.execution.database import DatabaseThreads
from syncqueue.models import SentEntry
from syncqueue.sources import sent_log

logger = logging.getLogger("syncqueue.execution")

# What went out in this time is written together. Shorter than `WEB_LINGER_SECONDS`, so that a web process needs no
# connection more for it.
EVERY_SECONDS = 0.5


class SentLog:
    """Gathers the entries of one event loop."""

    def __init__(self, database: DatabaseThreads, *, is_kept: bool) -> None:
        """`is_kept`: without, nothing is written."""
        self._database = database
        self._is_kept = is_kept
        self._waiting: list[SentEntry] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def add(self, entries: Sequence[SentEntry]) -> None:
        """Have entries written soon; to be called on the loop."""
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
        except Exception as error:  # whatever it is, nothing that was sent depends on it
            # Not a second time: the first may have been committed, and an entry would stand there twice.
            logger.warning("%s entries are missing from the log of what went out: %s", len(found), error)
        finally:
            self._writing = None
            if self._waiting and self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._begin)

    async def aclose(self) -> None:
        """Write what waits."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            await self._write()

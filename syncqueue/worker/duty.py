"""A duty of a worker: work that is done at intervals and fails on its own.

The failure of a duty is logged once. The duty is tried again sooner than at its interval, then with growing delays, and
its recovery is logged with the length of the failure. It neither ends the worker nor delays another duty.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from django.db import Error as DatabaseError

from syncqueue.core.answer import words
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.duty import DutyState
from syncqueue.core.errors import QueueUnavailable, SyncQueueError
from syncqueue.secrets import redact

logger = logging.getLogger("syncqueue.worker")

# Maximum delay before a failed duty is tried again, however long its interval is.
LONGEST_DELAY_SECONDS = 60.0
_FIRST_DELAY_SECONDS = 1.0


class Trouble:
    """The failure state of repeated work; logs when the work begins to fail and when it works again."""

    def __init__(self, name: str) -> None:
        """`name`: the work, for people."""
        self.name = name
        self.state: DutyState | None = None  # None: it works
        self._failures = 0
        self._began = 0.0
        self._level = logging.DEBUG

    def begin(self, error: Exception) -> None:
        """Note a failure; only the first one in a row is logged."""
        self._failures += 1
        text = redact(words(error))
        if self.state is None:
            self._began = time.monotonic()
            self._level = _level(error)
            traceback = error if self._level == logging.ERROR else None
            logger.log(self._level, "Failed and will be tried again: %s: %s", self.name, text, exc_info=traceback)
            self.state = DutyState(name=self.name, since=SYSTEM_CLOCK.now(), error=text)
        else:
            self.state = DutyState(name=self.name, since=self.state.since, error=text)

    def end(self) -> None:
        """Note that the work was done."""
        if self.state is not None:
            level = min(self._level, logging.WARNING)
            logger.log(level, "%s works again after %.0f s", self.name, time.monotonic() - self._began)
        self._failures, self.state = 0, None

    def delay_seconds(self, interval: float) -> float:
        """Return the seconds until the next try. `interval`: the delay after success, in seconds."""
        if not self._failures:
            return interval
        backoff = _FIRST_DELAY_SECONDS * 2.0 ** min(self._failures - 1, 10)
        return min(backoff, interval, LONGEST_DELAY_SECONDS)


class Duty:
    """One of a worker's duties."""

    def __init__(
        self, name: str, seconds: float, work: Callable[[], Awaitable[object]], *, at_once: bool = True
    ) -> None:
        """Do `work` every `seconds`. `at_once`: the first time now, otherwise after `seconds`."""
        self.name = name
        self.trouble = Trouble(name)
        self._seconds = seconds
        self._work = work
        self._at_once = at_once

    async def run(self) -> None:
        """Do the work at intervals until cancelled."""
        if not self._at_once:
            await asyncio.sleep(self._seconds)
        while True:
            await self.once()
            await asyncio.sleep(self.delay_seconds())

    async def once(self) -> None:
        """Do the work once; an exception is logged and kept in `state`."""
        try:
            await self._work()
        except Exception as error:  # a duty may not stop the worker
            self.trouble.begin(error)
        else:
            self.trouble.end()

    def delay_seconds(self) -> float:
        """Return the seconds until the work is done again."""
        return self.trouble.delay_seconds(self._seconds)


def _level(error: Exception) -> int:
    """Return the log level for a failure."""
    if isinstance(error, QueueUnavailable):
        return logging.DEBUG  # the consumers log it once for all duties
    # An outage passes by itself; anything else needs a person.
    return logging.WARNING if isinstance(error, SyncQueueError | DatabaseError) else logging.ERROR

"""A duty of a worker: something to do at intervals, which fails for itself alone.

A duty that raises is logged once, tried again sooner than at its interval and then ever later, and logged again when it
works, with the length of the trouble. It never ends the worker, and no other duty waits for it.
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

# However rare a duty is, what has failed is tried again after at most so long.
LONGEST_DELAY_SECONDS = 60.0
_FIRST_DELAY_SECONDS = 1.0


class Trouble:
    """Whether something that is done again and again fails now: logged when it begins, and when it is over."""

    def __init__(self, name: str) -> None:
        """`name`: what fails, for people."""
        self.name = name
        self.state: DutyState | None = None  # None: it works
        self._failures = 0
        self._began = 0.0
        self._level = logging.DEBUG

    def begin(self, error: Exception) -> None:
        """It has failed, perhaps once more."""
        self._failures += 1
        text = redact(words(error))
        if self.state is None:
            self._began = time.monotonic()
            self._level = _level(error)
            traceback = error if self._level == logging.ERROR else None
            logger.log(self._level, "Put off, and tried again: %s: %s", self.name, text, exc_info=traceback)
            self.state = DutyState(name=self.name, since=SYSTEM_CLOCK.now(), error=text)
        else:
            self.state = DutyState(name=self.name, since=self.state.since, error=text)

    def end(self) -> None:
        """It has worked."""
        if self.state is not None:
            level = min(self._level, logging.WARNING)
            logger.log(level, "%s works again after %.0f s", self.name, time.monotonic() - self._began)
        self._failures, self.state = 0, None

    def delay_seconds(self, interval: float) -> float:
        """How long to wait before it is tried again, where `interval` is what it waits when it works."""
        if not self._failures:
            return interval
        backoff = _FIRST_DELAY_SECONDS * 2.0 ** min(self._failures - 1, 10)
        return min(backoff, interval, LONGEST_DELAY_SECONDS)


class Duty:
    """One of a worker's duties."""

    def __init__(
        self, name: str, seconds: float, work: Callable[[], Awaitable[object]], *, at_once: bool = True
    ) -> None:
        """`work` is done every so many seconds, the first time now or, without `at_once`, after that time."""
        self.name = name
        self.trouble = Trouble(name)
        self._seconds = seconds
        self._work = work
        self._at_once = at_once

    async def run(self) -> None:
        """Do it until cancelled."""
        if not self._at_once:
            await asyncio.sleep(self._seconds)
        while True:
            await self.once()
            await asyncio.sleep(self.delay_seconds())

    async def once(self) -> None:
        """Do it once; what it raises is logged and kept as `state`."""
        try:
            await self._work()
        except Exception as error:  # a duty is an island
            self.trouble.begin(error)
        else:
            self.trouble.end()

    def delay_seconds(self) -> float:
        """How long to wait before it is done again."""
        return self.trouble.delay_seconds(self._seconds)


def _level(error: Exception) -> int:
    """How loudly a failure is logged."""
    if isinstance(error, QueueUnavailable):
        return logging.DEBUG  # the consumers say it, once for all
    # What is away is waited out; anything else is somebody's mistake.
    return logging.WARNING if isinstance(error, SyncQueueError | DatabaseError) else logging.ERROR

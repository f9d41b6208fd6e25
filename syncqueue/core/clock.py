"""The clock as an interface, so that a test can set the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Source of the current time."""

    def now_ms(self) -> int | None:
        """Return epoch milliseconds to use instead of Redis TIME, or None to use Redis TIME."""

    def now(self) -> datetime:
        """Return the current time as an aware datetime, for the database and for display."""


class SystemClock:
    """The production clock: leases and due times use Redis TIME, everything else the system clock."""

    def now_ms(self) -> int | None:
        """Return None: Redis TIME is used, so clock differences between machines do not matter."""
        return None

    def now(self) -> datetime:
        """Return the system time in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock for tests: it stands still until `advance` is called."""

    def __init__(self, start: datetime | None = None) -> None:
        """Start at `start`; the default is the current time."""
        self._seconds = start.timestamp() if start is not None else time.time()

    def now_ms(self) -> int | None:
        """Return the set time in epoch milliseconds."""
        return int(self._seconds * 1000)

    def now(self) -> datetime:
        """Return the set time as an aware datetime."""
        return datetime.fromtimestamp(self._seconds, UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds`."""
        self._seconds += seconds


SYSTEM_CLOCK = SystemClock()

"""The time, behind one small interface, so that a test can set it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rest of the house asks for the time."""

    def now_ms(self) -> int | None:
        """Epoch milliseconds to be used instead of Redis's own TIME, or None to use Redis's."""

    def now(self) -> datetime:
        """The aware time for what is written into the database and shown to people."""


class SystemClock:
    """Production's clock: Redis keeps its own time for leases, the machine's is for people."""

    def now_ms(self) -> int | None:
        """Leave the time to Redis, so that the clocks of machines do not matter."""
        return None

    def now(self) -> datetime:
        """The machine's time in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A test's clock: stands still until it is moved."""

    def __init__(self, start: datetime | None = None) -> None:
        """Begin at `start`, by default now."""
        self._seconds = start.timestamp() if start is not None else time.time()

    def now_ms(self) -> int | None:
        """The set time in epoch milliseconds."""
        return int(self._seconds * 1000)

    def now(self) -> datetime:
        """The set time as an aware datetime."""
        return datetime.fromtimestamp(self._seconds, UTC)

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds."""
        self._seconds += seconds


SYSTEM_CLOCK = SystemClock()

"""How long to wait before the next attempt: pure arithmetic, no clock and no state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import random

# A tenth is enough that tasks which failed together do not return in one burst, and small enough that a
# person who reads the policy still recognises the figures.
JITTER_RATIO = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a failed attempt is repeated."""

    max_retries: int = 3  # repetitions after the first attempt: 3 allows 4 attempts
    base_delay_seconds: float = 60.0  # before the first repetition
    backoff_multiplier: float = 2.0  # each further delay is so many times the one before
    max_delay_seconds: float = 3600.0  # no delay of the policy is longer

    def allows_retry_after(self, attempt: int) -> bool:
        """Whether another attempt may follow attempt number `attempt` (from 1)."""
        return attempt <= self.max_retries

    def delay_seconds(self, attempt: int, *, draw: Callable[[], float] = random) -> float:
        """Seconds to wait after attempt number `attempt` (from 1), with jitter, never above the maximum."""
        try:
            delay = self.base_delay_seconds * float(self.backoff_multiplier) ** (max(attempt, 1) - 1)
        except OverflowError:  # a float ends long before an unbounded retry count does
            delay = self.max_delay_seconds
        delay = min(delay, self.max_delay_seconds)
        return min(delay * (1 + JITTER_RATIO * draw()), self.max_delay_seconds)

"""Delay before the next attempt: pure arithmetic, no clock and no state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import random

# 10 % spreads out tasks that failed together, and keeps each delay close to the figure of the policy.
JITTER_RATIO = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a failed attempt is retried."""

    max_retries: int = 3  # retries after the first attempt: 3 allows 4 attempts
    base_delay_seconds: float = 60.0  # before the first retry
    backoff_multiplier: float = 2.0  # factor from one delay to the next
    max_delay_seconds: float = 3600.0  # upper limit of each delay

    def allows_retry_after(self, attempt: int) -> bool:
        """Return whether another attempt may follow attempt number `attempt` (from 1)."""
        return attempt <= self.max_retries

    def delay_seconds(self, attempt: int, *, draw: Callable[[], float] = random) -> float:
        """Return the seconds to wait after attempt number `attempt` (from 1), with jitter, within the maximum."""
        try:
            delay = self.base_delay_seconds * float(self.backoff_multiplier) ** (max(attempt, 1) - 1)
        except OverflowError:  # the retry count is unbounded, a float is not
            delay = self.max_delay_seconds
        delay = min(delay, self.max_delay_seconds)
        return min(delay * (1 + JITTER_RATIO * draw()), self.max_delay_seconds)

"""How long tasks wait and attempts take, counted in buckets beside the other counters: all processes count together."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Upper bounds in ms. Of attempts: a quick answer, a slow one, the default timeout of an attempt (20 s), a long thread.
BOUNDS_MS = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 20_000, 60_000)
# Of the time before the attempt that ends a task: at once, behind others, the delays of retries, an outage.
WAITING_BOUNDS_MS = (
    50, 250, 1000, 5000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 86_400_000,
)  # fmt: skip
_ENDLESS = "inf"
_NAMES = (*map(str, BOUNDS_MS), _ENDLESS)
_TOOK, _WAITED = "took", "waited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """A histogram of one service, since its counters began."""

    buckets: Mapping[float, int]  # upper bound in seconds -> how many took as long or less
    count: int
    sum_seconds: float

    def percentile(self, share: float) -> float | None:
        """Return the upper bound, in seconds, of the bucket that holds a percentile (`share` 0.95: p95).

        Infinity above the largest bound; None where nothing has been counted.
        """
        if not self.count:
            return None
        rank = math.ceil(share * self.count)
        return next((bound for bound, count in self.buckets.items() if count >= rank), math.inf)


def bucket_and_ms(seconds: float | None) -> tuple[str, int]:
    """What the scripts are told of an attempt's length; an empty bucket where it is not known."""
    if seconds is None:
        return "", 0
    ms = max(round(seconds * 1000), 0)
    at = bisect_left(BOUNDS_MS, ms)
    return _NAMES[at], ms


def read_durations(counters: Mapping[str, int]) -> Durations:
    """The histogram of attempts out of a service's counters."""
    return _read(counters, _TOOK, BOUNDS_MS)


def read_waiting(counters: Mapping[str, int]) -> Durations:
    """The histogram of waiting out of a service's counters: of tasks that are done, before their last attempt."""
    return _read(counters, _WAITED, WAITING_BOUNDS_MS)


def _read(counters: Mapping[str, int], name: str, bounds: Sequence[int]) -> Durations:
    buckets: dict[float, int] = {}
    count = 0
    for bound in bounds:
        count += counters.get(f"{name} {bound}", 0)
        buckets[bound / 1000] = count
    count += counters.get(f"{name} {_ENDLESS}", 0)
    return Durations(buckets=buckets, count=count, sum_seconds=counters.get(f"{name}_ms", 0) / 1000)

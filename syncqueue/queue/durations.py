"""Histograms of waiting times and attempt durations, kept with the counters in Redis and shared by all processes."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Upper bounds in ms of attempts: a fast response, a slow one, the default attempt timeout (20 s), a long thread.
BOUNDS_MS = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 20_000, 60_000)
# Upper bounds in ms of the time before the last attempt: immediate, behind other tasks, delays of retries, an outage.
WAITING_BOUNDS_MS = (
    50, 250, 1000, 5000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000, 86_400_000,
)  # fmt: skip
_ENDLESS = "inf"
_TOOK, _WAITED = "took", "waited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """A histogram of one service, since its counters were created."""

    buckets: Mapping[float, int]  # upper bound in seconds -> how many values are at most that
    count: int
    sum_seconds: float

    def percentile(self, share: float) -> float | None:
        """Return the upper bound, in seconds, of the bucket with a percentile (`share` 0.95: p95).

        Infinity above the largest bound; None if nothing has been counted.
        """
        if not self.count:
            return None
        rank = math.ceil(share * self.count)
        return next((bound for bound, count in self.buckets.items() if count >= rank), math.inf)


def bucket_and_ms(seconds: float | None, bounds: Sequence[int] = BOUNDS_MS) -> tuple[int | str, int]:
    """Return bucket and milliseconds of a duration for the scripts; an unknown duration has an empty bucket."""
    if seconds is None:
        return "", 0
    ms = max(round(seconds * 1000), 0)
    at = bisect_left(bounds, ms)
    return bounds[at] if at < len(bounds) else _ENDLESS, ms


def read_durations(counters: Mapping[str, int]) -> Durations:
    """Return the histogram of attempt durations from a service's counters."""
    return _read(counters, _TOOK, BOUNDS_MS)


def read_waiting(counters: Mapping[str, int]) -> Durations:
    """Return the histogram of waiting times from a service's counters: creation to last attempt of finished tasks."""
    return _read(counters, _WAITED, WAITING_BOUNDS_MS)


def _read(counters: Mapping[str, int], name: str, bounds: Sequence[int]) -> Durations:
    buckets: dict[float, int] = {}
    count = 0
    for bound in bounds:
        count += counters.get(f"{name} {bound}", 0)
        buckets[bound / 1000] = count
    count += counters.get(f"{name} {_ENDLESS}", 0)
    return Durations(buckets=buckets, count=count, sum_seconds=counters.get(f"{name}_ms", 0) / 1000)

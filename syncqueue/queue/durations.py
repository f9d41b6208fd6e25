"""How long attempts take, counted in buckets beside the other counters, so that all processes count together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

# Upper bounds in ms: a quick answer, a slow one, the default timeout of an attempt (20 s), a long thread.
BOUNDS_MS = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 20_000, 60_000)
_ENDLESS = "inf"
_NAMES = (*map(str, BOUNDS_MS), _ENDLESS)
_FIELD = "took "


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """The histogram of one service's attempts since its counters began."""

    buckets: Mapping[float, int]  # upper bound in seconds -> attempts that took as long or less
    count: int
    sum_seconds: float


def bucket_and_ms(seconds: float | None) -> tuple[str, int]:
    """What the scripts are told of an attempt's length; an empty bucket where it is not known."""
    if seconds is None:
        return "", 0
    ms = max(round(seconds * 1000), 0)
    at = bisect_left(BOUNDS_MS, ms)
    return _NAMES[at], ms


def read_durations(counters: Mapping[str, int]) -> Durations:
    """The histogram out of a service's counters."""
    buckets: dict[float, int] = {}
    count = 0
    for bound in BOUNDS_MS:
        count += counters.get(f"{_FIELD}{bound}", 0)
        buckets[bound / 1000] = count
    count += counters.get(_FIELD + _ENDLESS, 0)
    return Durations(buckets=buckets, count=count, sum_seconds=counters.get("took_ms", 0) / 1000)

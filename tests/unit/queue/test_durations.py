"""Percentiles of a histogram are the upper bounds of its buckets."""

from __future__ import annotations

import math

import pytest

from syncqueue.presentation.percentiles import percentile_words
from syncqueue.queue.durations import read_durations, read_waiting


@pytest.mark.parametrize(
    ("counters", "median", "most"),
    [
        ({}, None, None),
        ({"took 50": 1}, 0.05, 0.05),
        ({"took 50": 19, "took 1000": 1}, 0.05, 0.05),
        ({"took 50": 18, "took 1000": 2}, 0.05, 1.0),
        ({"took 50": 1, "took 250": 1}, 0.05, 0.25),
        ({"took 50": 1, "took inf": 1}, 0.05, math.inf),
        ({"took inf": 3}, math.inf, math.inf),
    ],
)
def test_a_percentile_is_the_bound_of_the_bucket_that_holds_it(
    counters: dict[str, int], median: float | None, most: float | None
) -> None:
    found = read_durations(counters)
    assert (found.percentile(0.5), found.percentile(0.95)) == (median, most)


def test_percentiles_are_said_in_words() -> None:
    assert percentile_words(read_durations({})) == ""
    assert percentile_words(read_durations({"took 250": 18, "took 5000": 2})) == "p50 ≤ 0.25 s, p95 ≤ 5 s"
    assert percentile_words(read_waiting({"waited 1800000": 1, "waited inf": 1})) == "p50 ≤ 30 min, p95 > 1 d 0 h"

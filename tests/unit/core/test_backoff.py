"""Delays before retries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncqueue.core.backoff import JITTER_RATIO, RetryPolicy

POLICIES = st.builds(
    RetryPolicy,
    max_retries=st.integers(0, 10**6),
    base_delay_seconds=st.floats(0, 1e6),
    backoff_multiplier=st.floats(1, 1e300) | st.integers(1, 10**300),
    max_delay_seconds=st.floats(0, 1e7),
)
DRAWS = st.floats(0, 1, exclude_max=True)


@given(policy=POLICIES, attempt=st.integers(1, 10**9), draw=DRAWS)
def test_a_delay_is_never_negative_and_never_above_the_maximum(policy, attempt, draw):
    assert 0 <= policy.delay_seconds(attempt, draw=lambda: draw) <= policy.max_delay_seconds


@given(policy=POLICIES, attempt=st.integers(1, 2000))
def test_without_jitter_delays_never_shrink(policy, attempt):
    delays = [policy.delay_seconds(n, draw=lambda: 0.0) for n in (attempt, attempt + 1)]
    assert delays == sorted(delays)


@given(policy=POLICIES, attempt=st.integers(1, 50), draw=DRAWS)
def test_jitter_only_lengthens_and_by_a_tenth_at_most(policy, attempt, draw):
    plain = policy.delay_seconds(attempt, draw=lambda: 0.0)
    assert plain <= policy.delay_seconds(attempt, draw=lambda: draw) <= plain * (1 + JITTER_RATIO) * (1 + 1e-9)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 60), (2, 120), (3, 240), (6, 1920), (7, 3600), (99, 3600)])
def test_the_default_delays_double_from_a_minute_to_an_hour(attempt, seconds):
    assert RetryPolicy().delay_seconds(attempt, draw=lambda: 0.0) == seconds


def test_three_retries_allow_four_attempts():
    assert [RetryPolicy(max_retries=3).allows_retry_after(attempt) for attempt in (1, 2, 3, 4)] == [
        True,
        True,
        True,
        False,
    ]


def test_no_retries_allow_one_attempt():
    assert not RetryPolicy(max_retries=0).allows_retry_after(1)

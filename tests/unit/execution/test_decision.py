"""What follows from an attempt's result: every outcome."""

from __future__ import annotations

from typing import Any

import pytest

from syncqueue.conf import BreakerSettings, ServiceSettings
from syncqueue.core.backoff import RetryPolicy
from syncqueue.core.result import ENDPOINT_FAILURES, Outcome, SyncResult
from syncqueue.execution.decision import Decision, Done, Fail, NeedsReview, Park, Retry, decide, error_of
from syncqueue.queue.calls import EndpointFailure

POLICY = RetryPolicy(max_retries=3, base_delay_seconds=60, backoff_multiplier=2, max_delay_seconds=3600)


def decided(
    outcome: Outcome,
    *,
    attempt: int = 1,
    hold_unknown: bool = False,
    failure: EndpointFailure | None = None,
    limited_count: int = 0,
    blamed: bool = False,
    **result: Any,
) -> Decision:
    """The decision for a result with the error "Why"; without jitter."""
    return decide(
        SyncResult(outcome=outcome, error="Why", **result),
        attempt=attempt,
        service=ServiceSettings(name="telegram", retry=POLICY, hold_unknown=hold_unknown),
        breaker=BreakerSettings(failures=5, open_seconds=30),
        rate_hold="rate:destination:1",
        stopped_hold="stopped:destination:1",
        breaker_hold="breaker:host:443",
        failure=failure,
        limited_count=limited_count,
        blamed=blamed,
        draw=lambda: 0.0,
    )


def test_a_success_is_done() -> None:
    assert decided(Outcome.SUCCESS) == Done()


@pytest.mark.parametrize(("before", "seconds"), [(0, 1), (1, 1), (2, 2), (5, 16), (10, 512)])
def test_a_service_that_limits_every_request_is_asked_less_and_less_often(before: int, seconds: float) -> None:
    found = decided(Outcome.RATE_LIMITED, limited_count=before, after_seconds=1.0)
    assert isinstance(found, Park) and found.seconds == seconds


def test_work_of_a_task_that_goes_on_in_the_next_attempt_keeps_its_pace() -> None:
    found = decided(Outcome.RATE_LIMITED, limited_count=10, after_seconds=1.0, scope="task")
    assert isinstance(found, Retry) and found.after_seconds == 1.0 and not found.counts


def test_a_longer_wait_that_a_service_names_stands() -> None:
    found = decided(Outcome.RATE_LIMITED, limited_count=3, after_seconds=3600.0)
    assert isinstance(found, Park) and found.seconds == 3600


def test_a_failure_fails_at_once_with_its_reason() -> None:
    assert decided(Outcome.FAILURE) == Fail(error="Why")


@pytest.mark.parametrize(("attempt", "delay"), [(1, 60), (2, 120), (3, 240)])
def test_an_answer_of_trouble_is_retried_by_the_policy_and_counts(attempt: int, delay: float) -> None:
    expected = Retry(error="Why", after_seconds=delay)
    assert decided(Outcome.RETRY, attempt=attempt) == expected


@pytest.mark.parametrize("outcome", sorted(ENDPOINT_FAILURES))
def test_a_failure_of_the_endpoint_that_others_do_not_meet_counts_as_the_tasks_own(outcome: Outcome) -> None:
    expected = Retry(error="Why", after_seconds=60)
    assert decided(outcome, blamed=True) == expected
    assert isinstance(decided(outcome, blamed=True, attempt=4), Fail)


def test_after_the_last_attempt_it_fails_saying_which_it_was() -> None:
    assert decided(Outcome.RETRY, attempt=4) == Fail(error="Why (gave up after attempt 4)")


@pytest.mark.parametrize("after_seconds", [0.0, 5.0, 9999.0])
def test_the_services_own_wish_wins_over_the_policy(after_seconds: float) -> None:
    assert decided(Outcome.RETRY, after_seconds=after_seconds) == Retry(error="Why", after_seconds=after_seconds)


def test_a_rate_limit_parks_for_its_time_and_counts_nothing() -> None:
    assert decided(Outcome.RATE_LIMITED, attempt=99, after_seconds=7) == Park(
        error="Why", seconds=7, hold="rate:destination:1"
    )


@pytest.mark.parametrize("after_seconds", [None, 0.0])
def test_a_rate_limit_without_a_time_parks_for_a_moment(after_seconds: float | None) -> None:
    expected = Park(error="Why", seconds=1.0, hold="rate:destination:1")
    assert decided(Outcome.RATE_LIMITED, after_seconds=after_seconds) == expected


def test_a_refused_destination_parks_until_it_is_mended_and_counts_nothing() -> None:
    assert decided(Outcome.BROKEN, attempt=99) == Park(error="Why", hold="stopped:destination:1")


@pytest.mark.parametrize("outcome", sorted(ENDPOINT_FAILURES))
def test_a_failure_of_the_endpoint_is_retried_after_the_breakers_time_and_counts_nothing(outcome: Outcome) -> None:
    assert decided(outcome, attempt=99) == Retry(error="Why", after_seconds=30, counts=False)


@pytest.mark.parametrize("outcome", sorted(ENDPOINT_FAILURES))
def test_a_failure_of_an_endpoint_whose_breaker_is_open_parks_behind_it(outcome: Outcome) -> None:
    failure = EndpointFailure(opened=True, answer_count=7)
    expected = Park(error="Why", hold="breaker:host:443", seconds=30, is_set=True, answer_count=7)
    assert decided(outcome, failure=failure) == expected


@pytest.mark.parametrize("attempt", [1, 99])
def test_a_lost_answer_is_held_where_the_policy_says_so(attempt: int) -> None:
    assert decided(Outcome.UNKNOWN, attempt=attempt, hold_unknown=True) == NeedsReview(error="Why")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_move_that_keeps_the_reason(outcome: Outcome) -> None:
    found = decided(outcome)
    assert found == Done() or error_of(found) == "Why"

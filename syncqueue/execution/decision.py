"""The decision about a task after the result of an attempt: pure, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import random
from typing import TypeAlias

from syncqueue.conf import BreakerSettings, ServiceSettings
from syncqueue.core.result import ENDPOINT_FAILURES, Outcome, SyncResult
from syncqueue.queue.calls import EndpointFailure


@dataclass(frozen=True, slots=True)
class Done:
    """The task is acked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The task is delayed."""

    error: str
    after_seconds: float = 0.0
    counts: bool = True  # whether the attempt counts against the policy
    answer_count: int | None = None  # after an endpoint failure: `EndpointFailure.answer_count`


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """The task is parked behind a hold; the attempt does not count."""

    error: str
    hold: str  # its name in the queue
    seconds: float | None = None  # how long the hold is set for; None: until it is lifted
    is_set: bool = False  # the hold is set already, as an open breaker is
    answer_count: int | None = None  # as in `Retry`


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """The task becomes a dead letter."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsReview:
    """The outcome is unknown: the task becomes a dead letter, and a person decides."""

    error: str


LONGEST_PATIENCE_SECONDS = 600.0  # maximum interval between requests to a service that rate-limits every one

Decision: TypeAlias = Done | Retry | Park | Fail | NeedsReview


def decide(
    result: SyncResult,
    *,
    attempt: int,
    service: ServiceSettings,
    breaker: BreakerSettings,
    rate_hold: str,
    stopped_hold: str,
    breaker_hold: str,
    failure: EndpointFailure | None = None,
    limited_count: int = 0,
    blamed: bool = False,
    draw: Callable[[], float] = random,
) -> Decision:
    """Return the decision after attempt number `attempt` (from 1).

    A failure that says nothing about the object uses no attempt: the service was not reached, is out of order, or did
    not respond. `failure`: the count of such failures; while the breaker is open, the task is parked behind it.
    `limited_count`: the number of preceding attempts in a row that were rate-limited. The delay grows with it, for
    services that ask for one second every time. `blamed`: the endpoint has responded to others since it last failed
    this task, so the task itself is the cause.
    """
    answer_count = failure.answer_count if failure is not None else None
    match result.outcome:
        case Outcome.SUCCESS:
            return Done()
        case Outcome.FAILURE:
            return Fail(error=result.error)
        case Outcome.RATE_LIMITED:
            seconds = max(result.after_seconds or 1.0, 0.1)
            if result.scope == "task":  # often the handler's own pacing: the work needs more than one attempt
                return Retry(error=result.error, after_seconds=seconds, counts=False)
            return Park(error=result.error, hold=rate_hold, seconds=max(seconds, _patience(limited_count)))
        case Outcome.BROKEN:
            return Park(error=result.error, hold=stopped_hold)
        case Outcome.UNKNOWN if service.hold_unknown:
            return NeedsReview(error=result.error)
        case outcome if outcome in ENDPOINT_FAILURES and not blamed:
            if failure is not None and failure.opened:
                return Park(
                    error=result.error,
                    hold=breaker_hold,
                    seconds=breaker.open_seconds,
                    is_set=True,
                    answer_count=answer_count,
                )
            return Retry(
                error=result.error, after_seconds=breaker.open_seconds, counts=False, answer_count=answer_count
            )
    if not service.retry.allows_retry_after(attempt):
        return Fail(error=f"{result.error} (gave up after attempt {attempt})")
    delay = service.retry.delay_seconds(attempt, draw=draw)
    # The delay that the service asked for takes precedence over the policy.
    after_seconds = delay if result.after_seconds is None else result.after_seconds
    return Retry(error=result.error, after_seconds=after_seconds, answer_count=answer_count)


def _patience(limited_count: int) -> float:
    return min(2.0 ** (limited_count - 1), LONGEST_PATIENCE_SECONDS) if limited_count else 0.0


def error_of(decision: Decision) -> str:
    """Return the reason why the task is not done; "" if it is."""
    return "" if isinstance(decision, Done) else decision.error

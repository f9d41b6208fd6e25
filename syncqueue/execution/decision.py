"""What follows from an attempt's result: pure, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import random

from syncqueue.conf import BreakerSettings, ServiceSettings
from syncqueue.core.result import ENDPOINT_FAILURES, Outcome, SyncResult


class Move(StrEnum):
    """What becomes of the task."""

    DONE = "done"
    RETRY = "retry"  # at a time
    PARK = "park"  # behind a hold
    FAIL = "fail"
    NEEDS_REVIEW = "needs_review"  # the outcome is unknown, and a person is to decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A move, with when and why."""

    move: Move
    error: str = ""
    delay_seconds: float = 0.0  # RETRY: from now; PARK: how long the hold is set for
    counts: bool = True  # whether the attempt counts against the policy
    hold: str = ""  # PARK: behind which
    hold_ends: bool = True  # PARK: by time; False: only when it is lifted
    answer_count: int | None = None  # after a failure of the endpoint: `EndpointFailure.answer_count`


_DONE = Decision(move=Move.DONE)


def decide(
    result: SyncResult,
    *,
    attempt: int,
    service: ServiceSettings,
    breaker: BreakerSettings,
    rate_hold: str,
    stopped_hold: str,
    blamed: bool = False,
    draw: Callable[[], float] = random,
) -> Decision:
    """The move for a result of attempt number `attempt` (from 1).

    What says nothing about the object uses no attempt: the service was not reached, is out of order, or did not
    answer. The caller parks the task instead of retrying it when the endpoint's breaker is open. `blamed`: the
    endpoint has answered others since it last failed this task, so this failure is the task's own.
    """
    match result.outcome:
        case Outcome.SUCCESS:
            return _DONE
        case Outcome.FAILURE:
            return Decision(move=Move.FAIL, error=result.error)
        case Outcome.RATE_LIMITED:
            seconds = max(result.after_seconds or 1.0, 0.1)
            if result.scope == "task":
                return Decision(move=Move.RETRY, error=result.error, delay_seconds=seconds, counts=False)
            return Decision(move=Move.PARK, error=result.error, delay_seconds=seconds, counts=False, hold=rate_hold)
        case Outcome.BROKEN:
            return Decision(move=Move.PARK, error=result.error, counts=False, hold=stopped_hold, hold_ends=False)
        case Outcome.UNKNOWN if service.hold_unknown:
            return Decision(move=Move.NEEDS_REVIEW, error=result.error)
        case outcome if outcome in ENDPOINT_FAILURES and not blamed:
            return Decision(move=Move.RETRY, error=result.error, delay_seconds=breaker.open_seconds, counts=False)
    if not service.retry.allows_retry_after(attempt):
        return Decision(move=Move.FAIL, error=f"{result.error} (gave up after attempt {attempt})")
    delay = service.retry.delay_seconds(attempt, draw=draw)
    # The delay that the service asked for wins over the policy.
    return Decision(
        move=Move.RETRY,
        error=result.error,
        delay_seconds=delay if result.after_seconds is None else result.after_seconds,
    )

"""What came of one attempt, as a value."""

from __future__ import annotations

import traceback as traceback_module
from dataclasses import dataclass
from enum import StrEnum

from syncqueue.core.errors import (
    AddressMoved,
    DestinationBroken,
    HoldScope,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryLater,
    Unavailable,
    Unreachable,
)

# Enough to see the frames that matter; ten of these are kept with a task in Redis.
TRACEBACK_CHARACTERS = 4000
ERROR_CHARACTERS = 1000


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCESS = "success"
    RETRY = "retry"  # the service was reached and failed: uses an attempt
    FAILURE = "failure"  # never again by itself
    RATE_LIMITED = "rate_limited"  # hold the scope, no attempt used
    UNREACHABLE = "unreachable"  # nothing was sent, no attempt used
    UNAVAILABLE = "unavailable"  # the service is out of order, no attempt used
    BROKEN = "broken"  # hold the destination until a person mends it
    MOVED = "moved"  # the destination has another address now: nothing was done, no attempt used
    UNKNOWN = "unknown"  # sent, but the answer was lost


# What speaks of the endpoint and not of the object: recorded as a failure of the endpoint, and no attempt is used.
OUTAGES = frozenset({Outcome.UNREACHABLE, Outcome.UNAVAILABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """The outcome of an attempt, with what people and the queue need to know of it."""

    outcome: Outcome
    error: str = ""  # one or two sentences for people, without secrets
    after_seconds: float | None = None  # the delay the service asked for
    scope: HoldScope = "destination"  # what a rate limit was said of
    new_address: str = ""  # MOVED: where the place is now
    traceback: str = ""  # cut to TRACEBACK_CHARACTERS, the end kept

    @classmethod
    def success(cls) -> SyncResult:
        """It is done."""
        return _SUCCESS

    @classmethod
    def retry(cls, error: str, after: float | None = None) -> SyncResult:
        """Try again, after so many seconds or by the policy."""
        return cls(outcome=Outcome.RETRY, error=_fitting(error), after_seconds=after)

    @classmethod
    def failure(cls, error: str) -> SyncResult:
        """Fail for good, with the reason."""
        return cls(outcome=Outcome.FAILURE, error=_fitting(error))

    @classmethod
    def from_exception(cls, error: Exception) -> SyncResult:
        """Translate what a handler raised; what it did not expect is a retry with its traceback."""
        text = _fitting(_words(error))
        match error:
            case RetryLater():
                return cls(outcome=Outcome.RETRY, error=text, after_seconds=error.after_seconds)
            case RateLimited():
                return cls(
                    outcome=Outcome.RATE_LIMITED, error=text, after_seconds=error.after_seconds, scope=error.scope
                )
            case Unreachable():
                return cls(outcome=Outcome.UNREACHABLE, error=text)
            case Unavailable():
                return cls(outcome=Outcome.UNAVAILABLE, error=text)
            case PermanentError():
                return cls(outcome=Outcome.FAILURE, error=text)
            case DestinationBroken():
                return cls(outcome=Outcome.BROKEN, error=text)
            case AddressMoved():
                return cls(outcome=Outcome.MOVED, error=text, new_address=error.new_address)
            case OutcomeUnknown():
                return cls(outcome=Outcome.UNKNOWN, error=text)
        return cls(
            outcome=Outcome.RETRY,
            error=f"{type(error).__name__}: {text}"[:ERROR_CHARACTERS],
            traceback=format_traceback(error),
        )


def format_traceback(error: BaseException) -> str:
    """The traceback of `error` as text, cut at the front, because the end names the failing line."""
    return _storable("".join(traceback_module.format_exception(error))[-TRACEBACK_CHARACTERS:])


def _words(error: Exception) -> str:
    """What an exception says, or its name where it says nothing, or fails to."""
    try:
        return str(error) or type(error).__name__
    except Exception:  # a __str__ of the site's own that breaks must not take the worker down
        return type(error).__name__


def _fitting(text: str) -> str:
    return _storable(text[:ERROR_CHARACTERS])


def _storable(text: str) -> str:
    """Without lone surrogates, which neither Redis nor the database takes."""
    return text.encode(errors="replace").decode()


_SUCCESS = SyncResult(outcome=Outcome.SUCCESS)

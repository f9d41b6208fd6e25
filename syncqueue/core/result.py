"""The result of one attempt, as a value."""

from __future__ import annotations

import traceback as traceback_module
from dataclasses import dataclass
from enum import StrEnum

from syncqueue.core.errors import (
    AddressMoved,
    Busy,
    DestinationBroken,
    HoldScope,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryLater,
    Unavailable,
    Unreachable,
)

# Enough to show the frames that matter; Redis keeps up to ten of these with a task.
TRACEBACK_CHARACTERS = 4000
ERROR_CHARACTERS = 1000


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCESS = "success"
    RETRY = "retry"  # the service was reached and failed: uses an attempt
    FAILURE = "failure"  # not retried automatically
    RATE_LIMITED = "rate_limited"  # hold the scope, no attempt used
    UNREACHABLE = "unreachable"  # nothing was sent, no attempt used
    UNAVAILABLE = "unavailable"  # the service is out of order, no attempt used
    BROKEN = "broken"  # hold the destination until a person fixes it
    MOVED = "moved"  # the destination has a new address: nothing was sent, no attempt used
    UNKNOWN = "unknown"  # sent, but the response was lost


PUT_OFF = "put_off"  # in the history of a task, beside the outcomes

# Outcomes that concern the endpoint and not the object: recorded as an endpoint failure, no attempt is used.
OUTAGES = frozenset({Outcome.UNREACHABLE, Outcome.UNAVAILABLE})
# Those, and requests whose response was lost: the breaker counts these failures.
ENDPOINT_FAILURES = OUTAGES | {Outcome.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """The outcome of an attempt, with the details that people and the queue need."""

    outcome: Outcome
    error: str = ""  # one or two sentences for people, without secrets
    after_seconds: float | None = None  # the delay that the service asked for
    scope: HoldScope = "destination"  # RATE_LIMITED: which tasks the limit applies to
    was_asked: bool = True  # RATE_LIMITED: False if no request was sent
    new_address: str = ""  # MOVED: the new address
    traceback: str = ""  # the last TRACEBACK_CHARACTERS characters

    @property
    def noted_outcome(self) -> str:
        """The outcome in the task's history. A limit with the scope "task" is often the handler's own pacing."""
        is_own = self.outcome is Outcome.RATE_LIMITED and self.scope == "task"
        return PUT_OFF if is_own else self.outcome.value

    @classmethod
    def success(cls) -> SyncResult:
        """Return a success."""
        return _SUCCESS

    @classmethod
    def retry(cls, error: str, after: float | None = None) -> SyncResult:
        """Return a retry after `after` seconds; None: by the policy."""
        return cls(outcome=Outcome.RETRY, error=_fitting(error), after_seconds=after)

    @classmethod
    def failure(cls, error: str) -> SyncResult:
        """Return a permanent failure with its reason."""
        return cls(outcome=Outcome.FAILURE, error=_fitting(error))

    @classmethod
    def from_exception(cls, error: Exception) -> SyncResult:
        """Convert an exception of a handler; any other than a `HandlerError` becomes a retry with its traceback."""
        text = _fitting(_words(error))
        match error:
            case RetryLater():
                return cls(outcome=Outcome.RETRY, error=text, after_seconds=error.after_seconds)
            case RateLimited():
                return cls(
                    outcome=Outcome.RATE_LIMITED,
                    error=text,
                    after_seconds=error.after_seconds,
                    scope=error.scope,
                    was_asked=not isinstance(error, Busy),
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
    """Return the traceback of `error` as text; the front is cut off, because the end names the failing line."""
    return _storable("".join(traceback_module.format_exception(error))[-TRACEBACK_CHARACTERS:])


def _words(error: Exception) -> str:
    """Return the message of an exception; its class name if the message is empty or `__str__` raises."""
    try:
        return str(error) or type(error).__name__
    except Exception:  # a broken __str__ of the site's own class must not end the worker
        return type(error).__name__


def _fitting(text: str) -> str:
    return _storable(text[:ERROR_CHARACTERS])


def _storable(text: str) -> str:
    """Replace lone surrogates, which neither Redis nor the database accepts."""
    return text.encode(errors="replace").decode()


_SUCCESS = SyncResult(outcome=Outcome.SUCCESS)

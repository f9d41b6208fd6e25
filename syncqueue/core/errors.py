"""Every error of syncqueue, as one tree.

SyncQueueError
├── ConfigurationError      a setting is wrong
├── SecretError             a stored secret cannot be read
├── InvalidTask             a task or its body is malformed
├── InvalidCursor           a page's cursor is malformed
├── QueueError              the queue refused or could not be asked
│   ├── QueueUnavailable        Redis cannot be reached
│   ├── QueueFull               Redis refuses to grow (maxmemory)
│   ├── ForeignQueue            the queue is stamped by another database
│   ├── UnconfirmedEnvironment  the database was stamped in another environment
│   ├── LeaseLost               the task is not held under this token any more
│   ├── TaskInProcessing        nothing but its holder may touch the task now
│   ├── WrongState              the task's state does not allow what was asked
│   └── UnknownTask             the queue has no such task
└── HandlerError            what a handler says by raising
    ├── RetryLater              try again; uses an attempt
    ├── RateLimited             the service asks to wait; uses no attempt
    ├── Unreachable             the service was not reached, nothing was sent; uses no attempt
    ├── Unavailable             the service, or a proxy in front of it, is out of order; uses no attempt
    ├── PermanentError          never try again by itself
    ├── DestinationBroken       nothing can reach this destination until a person mends it
    ├── AddressMoved            the place has another address now; nothing was done
    └── OutcomeUnknown          it was sent, the answer was lost
"""

from __future__ import annotations

from typing import Literal

HoldScope = Literal["destination", "credential", "task"]


class SyncQueueError(Exception):
    """Base of all errors of syncqueue."""


class ConfigurationError(SyncQueueError):
    """A setting is missing or wrong; the message names the key and what to write instead."""


class SecretError(SyncQueueError):
    """A stored secret cannot be decrypted with any of the configured keys."""


class InvalidTask(SyncQueueError, ValueError):
    """A task is malformed; the message names the field."""


class InvalidCursor(SyncQueueError, ValueError):
    """The place in a list that was named is none that a page has given."""


class QueueError(SyncQueueError):
    """The queue refused an operation or could not be asked."""


class QueueUnavailable(QueueError):
    """Redis cannot be reached, or does not answer in time."""


class QueueFull(QueueError):
    """Redis refuses to store more because `maxmemory` is reached."""


class ForeignQueue(QueueError):
    """The queue belongs to another database, which has stamped it with its own site id."""


class UnconfirmedEnvironment(QueueError):
    """The database was stamped in another environment, and nobody has confirmed the move yet."""


class LeaseLost(QueueError):
    """The task is no longer held under the token given: its lease ran out and it was recovered."""


class TaskInProcessing(QueueError):
    """The task is being worked on; only the holder of its lease may change it."""


class WrongState(QueueError):
    """What was asked makes no sense for a task in this state, such as the retry of one that has not failed."""


class UnknownTask(QueueError):
    """There is no such task: it is done, or was removed."""


class HandlerError(SyncQueueError):
    """Base of what a handler says by raising. The message is shown to people: no secrets in it."""


class RetryLater(HandlerError):
    """The service was reached and failed; the task is tried again by policy and uses an attempt."""

    def __init__(self, message: str, *, after_seconds: float | None = None) -> None:
        """`after_seconds`: the delay the service asked for, which wins over the policy's delay."""
        super().__init__(message)
        self.after_seconds = after_seconds


class RateLimited(HandlerError):
    """The service asks to wait; all tasks of the scope are held that long and no attempt is used.

    The scope "task" is for a limit on one kind of call alone: only the task at hand waits.
    """

    def __init__(self, message: str, *, after_seconds: float, scope: HoldScope = "destination") -> None:
        """`after_seconds`: how long to hold; `scope`: what the limit was said of."""
        super().__init__(message)
        self.after_seconds = after_seconds
        self.scope: HoldScope = scope


class Unreachable(HandlerError):
    """The service was never reached (DNS, refused, connect timeout); nothing was sent, no attempt is used."""


class Unavailable(HandlerError):
    """The service, or a proxy in front of it, is out of order: 500, 502, 503, 504, a page of HTML, a reset.

    Such an answer says nothing about the object, so it uses no attempt. Raise it for a call that is safe to repeat;
    raise `OutcomeUnknown` instead where the call may have created something.
    """


class PermanentError(HandlerError):
    """The service will never accept this content as it is; the task fails at once."""


class DestinationBroken(HandlerError):
    """The credential or the place is refused; all tasks of the destination wait until a person mends it."""


class AddressMoved(HandlerError):
    """The place has moved for good, and the service told where to; nothing was done and no attempt is used."""

    def __init__(self, message: str, *, new_address: str) -> None:
        """`message` is shown where a person has to enter the address; `new_address` as a destination holds it."""
        super().__init__(message)
        self.new_address = new_address


class OutcomeUnknown(HandlerError):
    """The request was sent but its answer was lost: the service may or may not have acted on it."""

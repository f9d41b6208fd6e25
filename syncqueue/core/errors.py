"""All exceptions of syncqueue, as one tree.

SyncQueueError
├── ConfigurationError      a setting is wrong
├── SecretError             a stored secret cannot be read
├── InvalidTask             a task or its body is malformed
├── InvalidCursor           the cursor of a page is malformed
├── InvalidMoment           a text is not a date or time
├── QueueError              the queue refused the operation or could not be reached
│   ├── QueueUnavailable        Redis cannot be reached
│   ├── QueueFull               Redis has reached its memory limit (maxmemory)
│   ├── ForeignQueue            the queue is stamped by another database
│   ├── UnconfirmedEnvironment  the database was stamped in another environment
│   ├── LeaseLost               the lease with this token has ended
│   ├── TaskInProcessing        only the holder of the lease may change the task now
│   ├── WrongState              the operation is not allowed in the task's state
│   ├── UnknownTask             the queue has no such task
│   └── UnknownWorker           no worker with this id is alive
└── HandlerError            raised by a handler to report an outcome
    ├── RetryLater              retry; uses an attempt
    ├── RateLimited             the service asks to wait; uses no attempt
    │   └── Busy                    all connections of this process are in use; nothing was sent
    ├── Unreachable             the service was not reached, nothing was sent; uses no attempt
    ├── Unavailable             the service, or a proxy in front of it, is out of order; uses no attempt
    ├── PermanentError          do not retry automatically
    ├── DestinationBroken       nothing can be sent to this destination until a person fixes it
    ├── AddressMoved            the destination has a new address; nothing was sent
    └── OutcomeUnknown          the request was sent, the response was lost
"""

from __future__ import annotations

from typing import Literal

HoldScope = Literal["destination", "credential", "task"]


class SyncQueueError(Exception):
    """Base class of all exceptions of syncqueue."""


class ConfigurationError(SyncQueueError):
    """A setting is missing or wrong; the message names the key and what to write instead."""


class SecretError(SyncQueueError):
    """A stored secret cannot be decrypted with any of the configured keys."""


class InvalidTask(SyncQueueError, ValueError):
    """A task is malformed; the message names the field."""


class InvalidCursor(SyncQueueError, ValueError):
    """The cursor was not issued by an earlier page of the list."""


class InvalidMoment(SyncQueueError, ValueError):
    """A text cannot be read as a date or time."""


class QueueError(SyncQueueError):
    """The queue refused the operation or could not be reached."""


class QueueUnavailable(QueueError):
    """Redis cannot be reached, or does not respond in time."""


class QueueFull(QueueError):
    """Redis refuses to store more because `maxmemory` is reached."""


class ForeignQueue(QueueError):
    """The queue belongs to another database, which stamped it with its own site id."""


class UnconfirmedEnvironment(QueueError):
    """The database was stamped in another environment, and the move has not been confirmed."""


class LeaseLost(QueueError):
    """The lease with the given token has ended: it expired and the task was recovered."""


class TaskInProcessing(QueueError):
    """The task is in processing; only the holder of its lease may change it."""


class WrongState(QueueError):
    """The operation is not allowed in the task's state, such as a retry of a task that has not failed."""


class UnknownTask(QueueError):
    """The queue has no such task: it is done, or it was removed."""


class UnknownWorker(QueueError):
    """No worker with this id is alive."""


class HandlerError(SyncQueueError):
    """Base class of the exceptions by which a handler reports an outcome.

    The message is shown to people and must not contain secrets.
    """


class RetryLater(HandlerError):
    """The service was reached and failed; the task is retried by the policy and uses an attempt."""

    def __init__(self, message: str, *, after_seconds: float | None = None) -> None:
        """`after_seconds`: the delay that the service asked for; takes precedence over the policy."""
        super().__init__(message)
        self.after_seconds = after_seconds


class RateLimited(HandlerError):
    """The service asks to wait; all tasks of the scope are held for that time and no attempt is used.

    The scope "task" is for a limit on one kind of call: only the current task waits.
    """

    def __init__(self, message: str, *, after_seconds: float, scope: HoldScope = "destination") -> None:
        """`after_seconds`: how long the tasks wait; `scope`: which tasks the limit applies to."""
        super().__init__(message)
        self.after_seconds = after_seconds
        self.scope: HoldScope = scope


class Busy(RateLimited):
    """All connections of this process are in use. Nothing was sent, so this says nothing about the service.

    Only the current task waits.
    """

    def __init__(self, message: str) -> None:
        """`message` is shown to people."""
        super().__init__(message, after_seconds=2.0, scope="task")


class Unreachable(HandlerError):
    """The service was not reached (DNS, refused, connect timeout); nothing was sent, no attempt is used."""


class Unavailable(HandlerError):
    """The service, or a proxy in front of it, is out of order: 500, 502, 503, 504, an HTML page, a reset.

    Such a response says nothing about the object, so it uses no attempt. Raise it for a call that is safe to repeat;
    raise `OutcomeUnknown` instead where the call may have created something.
    """


class PermanentError(HandlerError):
    """The service does not accept this content as it is; the task fails immediately."""


class DestinationBroken(HandlerError):
    """The credential or the address is refused; all tasks of the destination wait until a person fixes it."""


class AddressMoved(HandlerError):
    """The service reports a permanent new address of the destination; nothing was sent, no attempt is used."""

    def __init__(self, message: str, *, new_address: str) -> None:
        """`message` is shown where a person must enter the address; `new_address` has the form of `address`."""
        super().__init__(message)
        self.new_address = new_address


class OutcomeUnknown(HandlerError):
    """The request was sent but its response was lost: the service may or may not have acted on it."""

"""The result of a call into code of the site: its value, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from syncqueue.core.errors import HandlerError, SyncQueueError

T = TypeVar("T")

REASON_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """The site's code returned a value."""

    value: T


@dataclass(frozen=True, slots=True)
class Refused:
    """The site's code raised an exception, or returned a value that cannot be used."""

    reason: str  # names the object or service, the class and the exception, for people
    error: Exception = field(compare=False)

    def as_error(self) -> SyncQueueError:
        """Return an exception for callers that must raise: the site's own if it is a `SyncQueueError`."""
        return self.error if isinstance(self.error, SyncQueueError) else HandlerError(self.reason)


Answer: TypeAlias = Asked[T] | Refused


def words(error: BaseException) -> str:
    """Return the exception as "KeyError: 'name'", even if its own `__str__` raises."""
    try:
        text = str(error)
    except Exception:  # the site's own class
        text = ""
    name = type(error).__name__
    # Lone surrogates can be written neither to the database nor to a log.
    return (f"{name}: {text}" if text else name).encode(errors="replace").decode()

"""What a receiver's answers mean for the queue. Pure; the one place where it is decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, RateLimited, RetryLater
from syncqueue.secrets import redact

# A limit without a time.
UNNAMED_WAIT_SECONDS = 60.0
# After this the receiver is asked again, whatever it said: a wrong clock must not hold a destination for days.
LONGEST_WAIT_SECONDS = 3600.0
QUOTED_CHARACTERS = 300


def judge(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> HandlerError | None:
    """The error to raise for an answer; None when the event is taken. `headers` by lower-case name."""
    if 200 <= status < 300:
        return None
    said = f"The receiver answers {status}{_quoted(body)}"
    wait = wait_seconds(headers.get("retry-after", ""), now)
    if status == 429 or (status == 503 and wait is not None):
        return RateLimited(said, after_seconds=UNNAMED_WAIT_SECONDS if wait is None else wait)
    if status >= 500 or status in (408, 425):  # those two: it gave up waiting for us, or wants it again
        return RetryLater(said, after_seconds=wait)
    return _refused(status, said)


def _refused(status: int, said: str) -> HandlerError:
    if status == 410:
        return DestinationBroken(f"{said} It wants no more events: enter another address, or remove the destination.")
    if status == 401:
        return DestinationBroken(f"{said} Enter the secret that the receiver checks signatures with.")
    if status in (301, 308):
        return DestinationBroken(f"{said} A redirect is never followed: enter its real address.")
    if 300 <= status < 400:
        return RetryLater(f"{said} A redirect is never followed.")
    return PermanentError(said)


def wait_seconds(retry_after: str, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, given in seconds or as a date; None where it says nothing readable."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return _bounded(float(text[:9]))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _bounded((moment - now).total_seconds())


def _bounded(seconds: float) -> float:
    return min(max(seconds, 1.0), LONGEST_WAIT_SECONDS)


def _quoted(body: bytes) -> str:
    """What it says, if that is short and readable: an error page of HTML tells nobody anything."""
    text = " ".join(body.decode(errors="replace").split())
    if not text or text.startswith("<"):
        return "."
    return f": {redact(text)[:QUOTED_CHARACTERS]}"

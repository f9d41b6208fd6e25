"""Decides what a receiver's responses mean for the queue. Pure; the only place where this is decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, RateLimited, Unavailable
from syncqueue.outbound.retry_after import LONGEST_SECONDS as LONGEST_WAIT_SECONDS
from syncqueue.outbound.retry_after import wait_seconds
from syncqueue.secrets import redact

__all__ = ["LONGEST_WAIT_SECONDS", "UNNAMED_WAIT_SECONDS", "judge", "wait_seconds"]

# A limit without a time.
UNNAMED_WAIT_SECONDS = 60.0
QUOTED_CHARACTERS = 300
# These two say nothing about the event: the receiver timed out, or asks for it again.
_TIMED_OUT = (408, 425)
# These concern the event even if the response is HTML: it is too large, or its content is refused.
_NAMES_EVENT = (413, 422)


def judge(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> HandlerError | None:
    """Return the exception for a response; None if the event was accepted. `headers`: by lower-case name.

    A repeated event has the same id and body. So a response that says nothing about the event is an outage.
    """
    if 200 <= status < 300:
        return None
    quoted = _quoted(body)
    said = f"The receiver answers {status}: {quoted}" if quoted else f"The receiver answers {status}."
    wait = wait_seconds(headers.get("retry-after", ""), now)
    if status == 429 or (status == 503 and wait is not None):
        return RateLimited(said, after_seconds=UNNAMED_WAIT_SECONDS if wait is None else wait)
    if status >= 500 or status in _TIMED_OUT:
        return Unavailable(said)
    return _refused(status, said, is_page=_is_page(body))


def _refused(status: int, said: str, *, is_page: bool) -> HandlerError:
    if status == 410:
        return DestinationBroken(f"{said} It wants no more events: enter another address, or remove the destination.")
    if status == 401:
        return DestinationBroken(f"{said} Enter the secret that the receiver checks signatures with.")
    if status in (301, 308):
        return DestinationBroken(f"{said} A redirect is never followed: enter its real address.")
    if status < 400:
        return Unavailable(f"{said} A redirect is never followed.")
    if is_page and status not in _NAMES_EVENT:
        # A proxy's maintenance or error page; it is not from the receiver.
        return Unavailable(f"{said} It is a page of HTML: is the address right, and the receiver running?")
    return PermanentError(said)


def _is_page(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"


def _quoted(body: bytes) -> str:
    """Return the text of the response if it is readable; HTML is not shown."""
    text = " ".join(body.decode(errors="replace").split())
    if not text or text.startswith("<"):
        return ""
    return redact(text)[:QUOTED_CHARACTERS]

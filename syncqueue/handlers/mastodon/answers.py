"""Decides what an instance's responses, and lost ones, mean for the queue. Pure; the only place where this is decided.

https://docs.joinmastodon.org/methods/statuses/. Other servers with this API (Pleroma, GoToSocial, Takahe) return other
statuses and texts in the same situation, so the class of a status decides, and never a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from syncqueue.core.errors import (
    DestinationBroken,
    HandlerError,
    HoldScope,
    PermanentError,
    RateLimited,
    Unavailable,
)
from syncqueue.outbound.json_answer import JsonAnswer
from syncqueue.secrets import redact

# For a limit without a time: Mastodon counts over five minutes.
UNNAMED_WAIT_SECONDS = 300.0
# Mastodon's longest limit is half an hour; a wrong clock must not hold an account for days.
LONGEST_WAIT_SECONDS = 3600.0
QUOTED_CHARACTERS = 300
READ_CHARACTERS = 10_000  # maximum length that is read of an error text, which may be megabytes


class Gone(PermanentError):
    """The status does not exist (any more)."""


class FailedInside(Unavailable):
    """The instance or its proxy returned 500: the request itself may be the cause."""


class Doubtful(PermanentError):
    """A refusal that may not come from the instance, or may not concern the content.

    Some servers refuse a bad token with 400, and some write refusals as plain text or HTML, as a proxy does.
    `refusal` is the exception to raise if the instance itself refused the content.
    """

    def __init__(self, refusal: HandlerError, *, is_page: bool) -> None:
        """`is_page`: the response was not JSON."""
        super().__init__(str(refusal))
        self.refusal = refusal
        self.is_page = is_page


class Answer(JsonAnswer):
    """A response, before the client library has interpreted it."""

    @property
    def reason(self) -> str:
        """Return the server's text of a refusal."""
        said = self.content if isinstance(self.content, str) else self.text_of("error_description", "error")
        return " ".join(redact(said[:READ_CHARACTERS]).split())[:QUOTED_CHARACTERS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The subject of a request, as far as the meaning of its response depends on it."""

    # The scope of a rate limit. Deletes and uploads have separate, lower limits than the account, so only
    # the current task waits for those and everything else continues.
    limited: HoldScope = "credential"


def judge(answer: Answer, asked: Asked, now: datetime) -> HandlerError | None:
    """Return the exception for a response; None if it is a success."""
    said = f"The instance answers {answer.status}: {answer.reason}" if answer.reason else _silent(answer.status)
    if answer.status == 429:
        return RateLimited(said, after_seconds=wait_seconds(answer.headers, now), scope=asked.limited)
    if answer.status >= 500:
        return FailedInside(said) if answer.status == 500 else Unavailable(said)
    if 300 <= answer.status < 400:
        return _redirected(answer)
    if answer.content is None:
        said = f"Something that is no Mastodon API answers {answer.status} (a proxy's page?)."
        # A request with a known response shows whose refusal it is; a success in another form does not count.
        if answer.status < 300:
            return Unavailable(said)
        return Doubtful(_refused_by_page(answer.status, said), is_page=True)
    return None if answer.status < 300 else _said_in_json(answer.status, said)


def _silent(status: int) -> str:
    return f"The instance answers {status}."


def wait_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """Return how long a 429 asks to wait, from its headers; by the server's clock, if the response has it."""
    moment = _moment(headers.get("X-RateLimit-Reset", "")) or _moment(headers.get("Retry-After", ""), now)
    if moment is None:
        return UNNAMED_WAIT_SECONDS
    seconds = (moment - (server_time(headers) or now)).total_seconds()
    return min(max(seconds, 1.0), LONGEST_WAIT_SECONDS)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """Return the server's time of the response, in whole seconds; None if the response does not have it."""
    return _http_date(headers.get("Date", ""))


def _redirected(answer: Answer) -> HandlerError:
    said = f"The instance answers with a redirect ({answer.status}), which is never followed: enter its real address."
    return DestinationBroken(said) if answer.status in (301, 308) else Unavailable(said)


def _said_in_json(status: int, said: str) -> HandlerError:
    refusal = _refused(status, said)
    return Doubtful(refusal, is_page=False) if status == 400 else refusal


def _refused_by_page(status: int, said: str) -> HandlerError:
    # The token works if it was checked before: then the refusal concerns this request, as from a firewall.
    return PermanentError(said) if status in (401, 403) else _refused(status, said)


def _refused(status: int, said: str) -> HandlerError:
    match status:
        case 401:
            return DestinationBroken(bad_token(said))
        case 403:
            return DestinationBroken(
                f"{said.rstrip('.')}. The access token needs the scopes read:accounts, read:statuses, write:statuses "
                "and write:media, and its account must not be suspended."
            )
        case 404 | 410:
            return Gone(said)
        case 408 | 425:
            return Unavailable(said)
    return PermanentError(said)


def bad_token(said: str) -> str:
    """Return the text for a refused token."""
    return f"{said.rstrip('.')}. Enter a valid access token of the account."


def _moment(text: str, now: datetime | None = None) -> datetime | None:
    """Parse a point in time: ISO 8601 (Mastodon), seconds since 1970 (GoToSocial), or from `now` (Retry-After)."""
    try:
        if text.strip().isdecimal():
            seconds = float(text)
            return datetime.fromtimestamp(seconds + (now.timestamp() if now else 0), UTC)
        found = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError, OSError):
        return _http_date(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

"""What an instance's responses, and the lack of one, mean for the queue. Pure; the one place where it is decided.

https://docs.joinmastodon.org/methods/statuses/. Servers that speak the API (Pleroma, GoToSocial, Takahe) give other
statuses and texts for the same thing, so the class of a status decides, and never a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from syncqueue.core.errors import (
    DestinationBroken,
    HandlerError,
    HoldScope,
    PermanentError,
    RateLimited,
    Unavailable,
)
from syncqueue.secrets import redact

# A limit without a time: Mastodon's own counts over five minutes.
UNNAMED_WAIT_SECONDS = 300.0
# No limit of Mastodon's is longer than half an hour; a clock that is wrong must not hold an account for days.
LONGEST_WAIT_SECONDS = 3600.0
QUOTED_CHARACTERS = 300
READ_CHARACTERS = 10_000  # of a server's words, which may be megabytes


class Gone(PermanentError):
    """The status does not exist any more, or never did."""


class FailedInside(Unavailable):
    """The instance, or its proxy, answered 500: it may have failed over what it was sent."""


class Doubtful(PermanentError):
    """A refusal that may not be the instance's, or not be about the content.

    Some servers refuse a bad token with 400, and some write their refusals as plain text or HTML, as a proxy does.
    `refusal` is what it means if the instance itself refused the content.
    """

    def __init__(self, refusal: HandlerError, *, is_page: bool) -> None:
        """`is_page`: it was no JSON."""
        super().__init__(str(refusal))
        self.refusal = refusal
        self.is_page = is_page


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response, before the client library made something of it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def content(self) -> Any:
        """The JSON of the body; None when it is something else, such as a proxy's page."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def reason(self) -> str:
        """The server's own words for a refusal."""
        content = self.content
        said = content.get("error_description") or content.get("error") if isinstance(content, Mapping) else content
        return " ".join(redact(said[:READ_CHARACTERS]).split())[:QUOTED_CHARACTERS] if isinstance(said, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request was about, as far as its response means something else because of it."""

    # What a rate limit is said of. Deletes and uploads have limits of their own, tighter than the account's, so only
    # the task at hand waits for those and everything else goes on.
    limited: HoldScope = "credential"


def judge(answer: Answer, asked: Asked, now: datetime) -> HandlerError | None:
    """The error to raise for a response; None when it is what was hoped for."""
    said = f"The instance answers {answer.status}: {answer.reason}" if answer.reason else _silent(answer.status)
    if answer.status == 429:
        return RateLimited(said, after_seconds=wait_seconds(answer.headers, now), scope=asked.limited)
    if answer.status >= 500:
        return FailedInside(said) if answer.status == 500 else Unavailable(said)
    if 300 <= answer.status < 400:
        return _redirected(answer)
    if answer.content is None:
        said = f"Something that is no Mastodon API answers {answer.status} (a proxy's page?)."
        # Whose refusal it is can be told by a question whose answer is known; a "yes" in another form is no yes.
        if answer.status < 300:
            return Unavailable(said)
        return Doubtful(_refused_by_page(answer.status, said), is_page=True)
    return None if answer.status < 300 else _said_in_json(answer.status, said)


def _silent(status: int) -> str:
    return f"The instance answers {status}."


def wait_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """How long a 429 asks to wait, from its headers; by the server's own clock where it tells it."""
    moment = _moment(headers.get("X-RateLimit-Reset", "")) or _moment(headers.get("Retry-After", ""), now)
    if moment is None:
        return UNNAMED_WAIT_SECONDS
    seconds = (moment - (server_time(headers) or now)).total_seconds()
    return min(max(seconds, 1.0), LONGEST_WAIT_SECONDS)


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The time of the server's clock when it answered, in whole seconds; None where it does not say."""
    return _http_date(headers.get("Date", ""))


def _redirected(answer: Answer) -> HandlerError:
    said = f"The instance answers with a redirect ({answer.status}), which is never followed: enter its real address."
    return DestinationBroken(said) if answer.status in (301, 308) else Unavailable(said)


def _said_in_json(status: int, said: str) -> HandlerError:
    refusal = _refused(status, said)
    return Doubtful(refusal, is_page=False) if status == 400 else refusal


def _refused_by_page(status: int, said: str) -> HandlerError:
    # The token is good, if this is asked for at all: then it is about this request, such as a firewall's "no".
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
    """What to tell of a token that is refused."""
    return f"{said.rstrip('.')}. Enter a valid access token of the account."


def _moment(text: str, now: datetime | None = None) -> datetime | None:
    """A point in time: ISO 8601 (Mastodon), seconds since 1970 (GoToSocial), or from `now` on (Retry-After)."""
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

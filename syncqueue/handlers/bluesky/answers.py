"""Decides what a server's responses mean for the queue. Pure; the only place where this is decided.

https://atproto.com/specs/xrpc: a refusal is JSON with the name of an error and a message. The name decides if there
is one, otherwise the status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from syncqueue import DestinationBroken, PermanentError, RateLimited, Unavailable
from syncqueue.handlers.public import HandlerError, JsonAnswer, redact, wait_seconds

# For a limit without a time: most limits of the server count over five minutes.
UNNAMED_WAIT_SECONDS = 300.0
# Logins are also limited per day; until then, the server is tried again at this interval.
LONGEST_WAIT_SECONDS = 3600.0
QUOTED_CHARACTERS = 300
_READ_CHARACTERS = 10_000  # maximum length that is read of a message
_TOKEN = re.compile(r"eyJ[\w-]{5,}(\.[\w-]*)*")
# These say nothing about the content: the server timed out, or asks for it again.
_TIMED_OUT = (408, 425)

_OVER = frozenset({"ExpiredToken", "InvalidToken"})
_REFUSES_ACCOUNT = frozenset(
    {"AuthenticationRequired", "AuthMissing", "AuthFactorTokenRequired", "AccountTakedown", "AccountDeactivated",
     "AccountSuspended", "RepoDeactivated", "RepoSuspended", "RepoTakendown"}
)  # fmt: skip
_IS_GONE = frozenset({"RecordNotFound", "RepoNotFound"})


class SessionOver(Unavailable):
    """The token is not accepted (any more): a new one is needed."""


class Gone(PermanentError):
    """The record does not exist (any more)."""


class Taken(PermanentError):
    """Another record has this key."""


class BlobGone(PermanentError):
    """The server does not have a file that the record refers to."""


class TooLong(PermanentError):
    """The server counts more graphemes or bytes than it accepts."""


class Lost(Unavailable):
    """The response was lost."""


class Answer(JsonAnswer):
    """A response; its headers by lower-case name."""

    @property
    def error(self) -> str:
        """The name of the error; "" if there is none."""
        return self.text_of("error")

    @property
    def message(self) -> str:
        """The server's message, without tokens."""
        said = _TOKEN.sub("[secret]", redact(self.text_of("message")[:_READ_CHARACTERS]))
        return " ".join(said.split())[:QUOTED_CHARACTERS]


def judge(answer: Answer, now: datetime) -> HandlerError | None:
    """Return the exception for a response; None if it is a success: JSON with status 200."""
    if answer.status == 429:
        return RateLimited(_said(answer), after_seconds=_wait_seconds(answer.headers, now), scope="credential")
    if answer.status >= 500 or answer.status in _TIMED_OUT:
        return Unavailable(_said(answer))
    if 200 <= answer.status < 300:
        is_answer = isinstance(answer.content, dict)
        return None if is_answer else Unavailable("The server answers with something that is no AT Protocol.")
    if answer.status < 400:
        return _redirected(answer)
    if not answer.error:
        return Unavailable(f"Something that is no AT Protocol answers {answer.status} (a proxy's page?).")
    return _refused(answer)


def _refused(answer: Answer) -> HandlerError:
    said = _said(answer)
    if answer.error in _OVER:
        return SessionOver(said)
    if answer.error in _REFUSES_ACCOUNT or answer.status == 401:
        return DestinationBroken(f"{said} Look at the account, and enter an app password of it.")
    if answer.error == "InvalidSwap":
        return Taken(said)
    if answer.error in _IS_GONE or "Could not locate record" in answer.message:
        return Gone(said)
    if answer.error == "BlobNotFound":
        return BlobGone(said)
    if "grapheme too big" in answer.message or "string too big" in answer.message:
        return TooLong(said)
    return PermanentError(said)


def _said(answer: Answer) -> str:
    reason = ": ".join(filter(None, (answer.error[:100], answer.message)))
    return f"The server answers {answer.status}: {reason}." if reason else f"The server answers {answer.status}."


def _redirected(answer: Answer) -> HandlerError:
    if answer.status in (301, 308):
        return DestinationBroken("The server answers with a redirect, which is never followed: enter its real address.")
    return Unavailable(f"The server answers {answer.status}.")


def _wait_seconds(headers: Mapping[str, str], now: datetime) -> float:
    for name in ("retry-after", "ratelimit-reset"):
        found = wait_seconds(headers.get(name, ""), now, longest=LONGEST_WAIT_SECONDS)
        if found is not None:
            return found
    return UNNAMED_WAIT_SECONDS

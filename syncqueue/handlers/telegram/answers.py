"""Decides what Telegram's responses, and lost ones, mean for the queue. Pure; the only place where this is decided.

https://core.telegram.org/bots/api#making-requests. `refusals` interprets the texts of refusals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from telegram.error import NetworkError, TelegramError

from syncqueue.core.errors import (
    AddressMoved,
    Busy,
    DestinationBroken,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryLater,
    Unavailable,
    Unreachable,
)
from syncqueue.handlers.telegram.refusals import Refusal, may_be_out, read_refusal
from syncqueue.secrets import redact

# For a limit without a time: groups and channels accept 20 messages a minute, so half a minute frees half of them.
UNNAMED_WAIT_SECONDS = 30.0
QUOTED_CHARACTERS = 300  # maximum quoted length of a text; a proxy's error page is longer

# httpx raises these before the first byte of the request is written.
NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
NEVER_SENT = (*NOT_CONNECTED, httpx.ProxyError, httpx.UnsupportedProtocol)


class Refused(PermanentError):
    """Telegram refuses this request permanently; `why` lets the caller try another way."""

    def __init__(self, message: str, why: Refusal) -> None:
        """`message` is for people, if there is no other way."""
        super().__init__(message)
        self.why = why


class PlaceRefused(DestinationBroken):
    """Telegram refuses all requests of the bot in this chat; the bot and its token work."""


class InUse(RetryLater):
    """Another program uses the bot: it polls, or has set a webhook."""


class ErrorAnswer(NetworkError):
    """An unchanged response that is not a success: the client library changes or drops some texts.

    `is_bot_api` is False for responses that are not from a Bot API server, such as a proxy's page.
    """

    def __init__(
        self, status: int, description: str = "", parameters: Mapping[str, Any] | None = None, *, is_bot_api: bool
    ) -> None:
        """`description` and `parameters` come from the Bot API; both are empty in other responses."""
        super().__init__(description or "no Bot API answer")
        self.status = status
        self.description = description
        self.parameters = parameters or {}
        self.is_bot_api = is_bot_api

    @property
    def wait_seconds(self) -> float | None:
        """The wait that a rate limit asks for, if any, in seconds."""
        seconds = self.parameters.get("retry_after")
        return float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None

    @property
    def new_chat(self) -> str:
        """The id of the supergroup that a group has become, or ""."""
        number = self.parameters.get("migrate_to_chat_id")
        return str(number) if isinstance(number, int) and not isinstance(number, bool) else ""


def translate(error: TelegramError, *, creates: bool) -> HandlerError:
    """Convert an exception of the client library.

    `creates`: the request creates something, so it matters whether it was carried out. All others
    (edit, delete, look up) have the same effect when they are repeated.
    """
    if isinstance(error, ErrorAnswer):
        return _answered(error, creates=creates)
    return _no_answer(error, creates=creates)


def _answered(answer: ErrorAnswer, *, creates: bool) -> HandlerError:
    said = f"Telegram answers {answer.status}: {_quoted(answer)}"
    if answer.wait_seconds is not None or answer.status == 429:
        # A wait of zero is not reliable either. A limited request was not carried out.
        return RateLimited(said, after_seconds=answer.wait_seconds or UNNAMED_WAIT_SECONDS)
    if answer.status == 413:
        return PermanentError(f"The file is too large. {said}")
    if answer.status == 421:
        return DestinationBroken(f"The Bot API server is set up for other bots (API_BASE_URL). {said}")
    if not answer.is_bot_api:
        return _page(answer, said, creates=creates)
    match answer.status:
        case 400 if answer.new_chat:
            return AddressMoved(
                f"The group has become a supergroup; its address is {answer.new_chat} now.",
                new_address=answer.new_chat,
            )
        case 400:
            return _refused(answer, creates=creates)
        case 401 | 404:
            return _bad_token(answer)
        case 403:
            return PlaceRefused(f"Telegram does not let the bot into the chat: {_quoted(answer)}")
        case 409:
            return InUse(f"Telegram answers that the bot is in use elsewhere: {_quoted(answer)}")
    if not creates or (answer.status == 500 and not may_be_out(answer.description)):
        return Unavailable(said)
    return OutcomeUnknown(f"{said} The message may be there or not.")


def _page(answer: ErrorAnswer, said: str, *, creates: bool) -> HandlerError:
    """Convert a response that is not from the Bot API, such as a proxy's page."""
    if creates and not 300 <= answer.status < 500:
        # 2xx and 5xx: the server may have received the message. 3xx and 4xx: it was rejected.
        return OutcomeUnknown(f"{said} The message may be there or not.")
    return Unavailable(said)


def _bad_token(answer: ErrorAnswer) -> HandlerError:
    words = answer.description.casefold()
    if "api-id" in words or "api_id" in words:
        return DestinationBroken(f"The Bot API server is not set up well: {_quoted(answer)}")
    return DestinationBroken(
        f"Telegram refuses the bot token: enter the one that @BotFather shows. ({_quoted(answer)})"
    )


def _refused(answer: ErrorAnswer, *, creates: bool) -> HandlerError:
    words = answer.description
    if "logged out" in words.casefold():
        return DestinationBroken(
            f"The bot is logged out of this Bot API server: see logOut in its documentation. {_quoted(answer)}"
        )
    why = read_refusal(words, creates=creates)
    if why is Refusal.PLACE:
        return PlaceRefused(f"Telegram refuses to post there: {_quoted(answer)}")
    return Refused(f"Telegram refuses this: {_quoted(answer)}", why)


def _no_answer(error: TelegramError, *, creates: bool) -> HandlerError:
    cause = error.__cause__
    if isinstance(cause, httpx.PoolTimeout):
        return Busy("All connections to Telegram are waiting for answers; nothing was sent.")
    if isinstance(cause, NEVER_SENT):
        return Unreachable(redact(f"Telegram cannot be reached ({type(cause).__name__}: {cause})."))
    name = type(cause or error).__name__
    if creates:
        return OutcomeUnknown(f"Telegram's answer was lost ({name}): the message may be there or not.")
    return Unavailable(f"Telegram's answer was lost ({name}).")


def _quoted(answer: ErrorAnswer) -> str:
    return redact(answer.description or answer.message)[:QUOTED_CHARACTERS]

"""What Telegram's answers, and the lack of one, mean for the queue. Pure; the one place where it is decided.

https://core.telegram.org/bots/api#making-requests. Texts are matched in lower case, because the client
library changes the case of some.
"""

from __future__ import annotations

from enum import StrEnum

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
)

from syncqueue.core.errors import (
    AddressMoved,
    DestinationBroken,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryLater,
    Unreachable,
)
from syncqueue.secrets import redact

# A limit without a time: groups and channels take 20 messages a minute, so half a minute frees half of them.
UNNAMED_WAIT_SECONDS = 30.0
QUOTED_CHARACTERS = 300  # of a text by Telegram; a proxy's error page is longer

# httpx raises these before the first byte of the request is written.
NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
NEVER_SENT = (*NOT_CONNECTED, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


class Refusal(StrEnum):
    """A refused request (400) by what can be done about it."""

    NOT_MODIFIED = "not modified"  # an edit that changes nothing
    GONE = "gone"  # the message does not exist any more
    UNDELETABLE = "undeletable"  # too old, or not the bot's own
    ENTITIES = "entities"  # the formatting is refused, not the text
    OTHER = "other"


class Refused(PermanentError):
    """Telegram refuses this request for good; `why` tells a caller who knows a way round."""

    def __init__(self, message: str, why: Refusal) -> None:
        """`message` is for people, if nobody knows a way round."""
        super().__init__(message)
        self.why = why


class InUse(RetryLater):
    """Another program has the bot: it polls, or has set a webhook."""


class UnusualAnswer(NetworkError):
    """An answer that the client library does not tell apart: no Bot API answer, 413, 429 without a time, 5xx."""

    def __init__(self, status: int, description: str, retry_after: object = None) -> None:
        """`description`: the Bot API's own text, or empty; `retry_after`: what it gave as the seconds to wait."""
        super().__init__(description or "no Bot API answer")
        self.status = status
        self.wait_seconds = float(retry_after) if isinstance(retry_after, int | float) else None


_REFUSALS = (
    ("message is not modified", Refusal.NOT_MODIFIED),
    ("message to delete not found", Refusal.GONE),
    ("message to edit not found", Refusal.GONE),
    ("message_id_invalid", Refusal.GONE),
    ("message can't be deleted", Refusal.UNDELETABLE),
    ("message_delete_forbidden", Refusal.UNDELETABLE),
    ("can't parse entities", Refusal.ENTITIES),
    ("entities_too_long", Refusal.ENTITIES),
    ("entity_", Refusal.ENTITIES),  # ENTITY_BOUNDS_INVALID, ENTITY_TEXTURL_INVALID and so on
)
# Said of one message, but true for every message to that chat until a person changes something.
_BROKEN = (
    "chat not found",
    "chat_id is empty",
    "not enough rights to send",
    "have no rights to send",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_admin_required",
    "message thread not found",
    "topic_closed",
)


def translate(error: TelegramError, *, creates: bool) -> HandlerError:
    """The error to raise for what the client library raised.

    `creates`: the request makes something new, so that it matters whether it was carried out. All others
    (edit, delete, look up) come to the same end when they are repeated.
    """
    match error:
        case InvalidToken():
            return DestinationBroken("Telegram refuses the bot token: enter the one that @BotFather shows.")
        case Forbidden():
            return DestinationBroken(f"Telegram does not let the bot into the chat: {_quoted(error)}")
        case ChatMigrated():
            return AddressMoved(
                f"The group has become a supergroup; its address is {error.new_chat_id} now.",
                new_address=str(error.new_chat_id),
            )
        case Conflict():
            return InUse(f"Telegram answers that the bot is in use elsewhere: {_quoted(error)}")
        case BadRequest():
            return _refused(error)
        case UnusualAnswer():
            return _unusual(error, creates=creates)
    return _no_answer(error, creates=creates)


def _refused(error: BadRequest) -> HandlerError:
    text = error.message.lower()
    if any(sign in text for sign in _BROKEN):
        return DestinationBroken(f"Telegram refuses to post there: {_quoted(error)}")
    why = next((why for sign, why in _REFUSALS if sign in text), Refusal.OTHER)
    return Refused(f"Telegram refuses this: {_quoted(error)}", why)


def _unusual(error: UnusualAnswer, *, creates: bool) -> HandlerError:
    said = f"Telegram answers {error.status}: {_quoted(error)}"
    if error.wait_seconds is not None or error.status == 429:
        # Zero is no wait to rely on either.
        return RateLimited(said, after_seconds=error.wait_seconds or UNNAMED_WAIT_SECONDS)
    match error.status:
        case 413:
            return PermanentError(f"The file is too large. {said}")
        case 504 if creates:
            # A gateway that gave up waiting: the server behind it has the message and may still post it.
            return OutcomeUnknown(said)
        case status if status < 300 and creates:
            return OutcomeUnknown(said)
    # Any other 5xx is the answer of a server that failed: nearly always nothing was stored. To call it unknown
    # would, with ON_UNKNOWN_OUTCOME "hold", leave every note of an outage to a person.
    return RetryLater(said)


def _no_answer(error: TelegramError, *, creates: bool) -> HandlerError:
    cause = error.__cause__
    if isinstance(cause, NEVER_SENT):
        return Unreachable(_unsent(cause))
    name = type(cause or error).__name__
    if creates:
        return OutcomeUnknown(f"Telegram's answer was lost ({name}): the message may be there or not.")
    return RetryLater(f"Telegram's answer was lost ({name}).")


def _unsent(cause: BaseException) -> str:
    if isinstance(cause, httpx.PoolTimeout):
        return "All connections to Telegram are waiting for answers; nothing was sent."
    return redact(f"Telegram cannot be reached ({type(cause).__name__}: {cause}).")


def _quoted(error: TelegramError) -> str:
    return redact(error.message)[:QUOTED_CHARACTERS]

"""The probe: finds out whether a message exists, and whose it is, without changing anything.

A bot cannot read messages. But Telegram checks an edit in a fixed order: whether the message exists, whether the bot
may edit it, whether it is a text, and only then the new text. An edit to a single blank is refused at the last of these
at the latest, so nothing is ever changed, and the text of the refusal says how far it got. (Other calls that look
harmless are not: editMessageReplyMarkup without a markup removes one, stopPoll ends a poll.)
"""

from __future__ import annotations

from enum import StrEnum

from syncqueue.handlers.telegram.answers import Refused
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.refusals import Refusal
from syncqueue.handlers.telegram.rights import standing

BLANK = " "


class Sight(StrEnum):
    """The result of a probe of a message id."""

    GONE = "gone"  # no message: it was deleted, never existed, or does not exist yet
    OURS_TEXT = "ours, a text"
    OURS_FILE = "ours, a file"  # or a picture: a message that can have a caption
    NOT_OURS = "not ours"  # a message of others, or a service message
    UNKNOWN = "unknown"  # another response of Telegram


_SIGHTS = {
    Refusal.GONE: Sight.GONE,
    Refusal.UNEDITABLE: Sight.NOT_OURS,
    Refusal.NO_TEXT: Sight.OURS_FILE,
    Refusal.BLANK: Sight.OURS_TEXT,
}


async def look(client: TelegramClient, token: str, chat: str, number: int) -> Sight:
    """Probe a message id. Raises `HandlerError` if Telegram does not respond or asks to wait.

    "Ours" means that the bot may edit it: see `is_exact`. "Gone" proves that a message whose response was lost never
    arrived only after a later one of the same kind (texts, files) got its response: each kind is sent in order.
    """
    try:
        await client.call(token, lambda bot: bot.edit_message_text(BLANK, chat_id=chat, message_id=number))
    except Refused as refused:
        return _SIGHTS.get(refused.why, Sight.UNKNOWN)
    return Sight.UNKNOWN


async def is_exact(client: TelegramClient, token: str, chat: str) -> bool:
    """Return whether "ours" means that the bot wrote it. Raises `HandlerError`.

    In a channel an administrator may have the right to edit what others post. Without that right, and in every group
    and private chat, a bot can edit only its own messages.
    """
    return not (await standing(client, token, chat)).may_edit_others

"""The chats a bot may post to. Telegram has no list of them: they are found in the bot's pending updates.

https://core.telegram.org/bots/api#getupdates
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _
from telegram import Chat, Update

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Place, PlaceChoice
from syncqueue.handlers.telegram.answers import InUse
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.rights import standing_in

CHAT_COUNT = 20  # each costs a request, and a person is waiting


async def identify(client: TelegramClient, place: Place) -> str:
    """Return the id of a place's chat, which stays when the chat is renamed."""
    if not place.address.startswith("@"):
        return str(int(place.address))
    chat = await client.call(place.secret.get("token", ""), lambda bot: bot.get_chat(place.address))
    return str(chat.id)


async def find_chats(client: TelegramClient, token: str) -> Sequence[PlaceChoice]:
    """Return the chats with updates of the last day that the bot may post to; raises `HandlerError`.

    No update is confirmed, and the subscribed kinds of updates are not changed: a site's own bot is not affected.
    """
    try:
        news = await client.call(token, lambda bot: bot.get_updates())
    except InUse as error:
        text = _("Another program receives this bot's updates, so its chats cannot be listed: enter the address. (%s)")
        raise PermanentError(text % error) from None
    chats = _chats(news)[:CHAT_COUNT]
    standings = await asyncio.gather(*(standing_in(client, token, chat) for chat in chats))
    return [_choice(chat) for chat, found in zip(chats, standings, strict=True) if not found.missing]


def _chats(news: Iterable[Update]) -> list[Chat]:
    """Return each chat once, the most recent first."""
    found = {update.effective_chat.id: update.effective_chat for update in news if update.effective_chat}
    return list(reversed(found.values()))


def _choice(chat: Chat) -> PlaceChoice:
    title = chat.title or chat.full_name or str(chat.id)
    # By its id, which stays when a channel is renamed.
    return PlaceChoice(address=str(chat.id), title=f"{title} (@{chat.username})" if chat.username else title)

"""Messages of one chat: send, edit, delete."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram import Bot, InputMediaDocument, LinkPreviewOptions, Message

from syncqueue.core.errors import AddressMoved, PermanentError
from syncqueue.handlers.base import Place, RemotePart
from syncqueue.handlers.telegram.answers import Refusal, Refused
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.render import Kind, RenderedMessage

logger = logging.getLogger("syncqueue.telegram")

T = TypeVar("T")
_Act = Callable[[Bot, RenderedMessage], Awaitable[T]]


def kind_of(part: RemotePart) -> Kind:
    """The form of a message; one that was adopted without saying so is a text."""
    return "document" if part.kind == "document" else "text"


class Channel:
    """A chat, channel or group as a destination describes it."""

    def __init__(self, client: TelegramClient, place: Place) -> None:
        """Keep what is needed; nothing is called yet."""
        self._client = client
        self._place = place
        self._token = place.secret.get("token", "")

    async def describe(self) -> tuple[str, str]:
        """The bot's user name and the chat's title, from the service."""
        bot = await self._client.call(self._token, lambda bot: bot.get_me())
        chat = await self._client.call(self._token, lambda bot: bot.get_chat(self._place.address))
        return f"@{bot.username}", chat.title or chat.full_name or self._place.address

    async def send(self, message: RenderedMessage) -> RemotePart:
        """Post a message."""
        sent = await self._formatted(message, self._send, creates=True)
        return RemotePart(kind=message.kind, id=str(sent.message_id), url=sent.link or "", address=self._place.address)

    async def edit(self, part: RemotePart, message: RenderedMessage) -> None:
        """Make a message of the same kind show `message`; raises `Refused`."""

        def edit(bot: Bot, form: RenderedMessage) -> Awaitable[Message | bool]:
            return self._edit(bot, part, form)

        try:
            await self._formatted(message, edit)
        except Refused as refused:
            if refused.why is not Refusal.NOT_MODIFIED:
                raise

    async def delete(self, part: RemotePart) -> None:
        """Take a message away, or find it gone; raises `Refused` when Telegram keeps it."""
        number = _message_id(part)
        try:
            await self._client.call(self._token, lambda bot: bot.delete_message(self._chat(part), number))
        except Refused as refused:
            if refused.why is not Refusal.GONE:
                raise
        except AddressMoved as moved:
            if self._chat(part) == self._place.address:
                raise
            # The destination has moved on already. What the old group held is history that no bot can change.
            logger.warning("Message %s stays in the history of %s: %s", part.id, part.address, moved)

    async def _formatted(self, message: RenderedMessage, act: _Act[T], *, creates: bool = False) -> T:
        """`act` with the message's entities, and once more without when Telegram refuses them."""
        try:
            return await self._client.call(self._token, lambda bot: act(bot, message), creates=creates)
        except Refused as refused:
            if refused.why is not Refusal.ENTITIES or not message.entities:
                raise
        form = message.unformatted()
        return await self._client.call(self._token, lambda bot: act(bot, form), creates=creates)

    def _send(self, bot: Bot, message: RenderedMessage) -> Awaitable[Message]:
        options = self._place.options
        silent, thread_id = bool(options.get("silent", False)), options.get("thread_id")
        if message.kind == "document":
            return bot.send_document(
                self._place.address,
                message.file_bytes,
                filename=message.file_name,
                caption=message.text,
                disable_notification=silent,
                message_thread_id=thread_id,
            )
        return bot.send_message(
            self._place.address,
            message.text,
            entities=message.entities or None,
            link_preview_options=self._preview(),
            disable_notification=silent,
            message_thread_id=thread_id,
        )

    def _edit(self, bot: Bot, part: RemotePart, message: RenderedMessage) -> Awaitable[Message | bool]:
        chat, number = self._chat(part), _message_id(part)
        if message.kind == "document":
            media = InputMediaDocument(message.file_bytes, caption=message.text, filename=message.file_name)
            return bot.edit_message_media(media, chat_id=chat, message_id=number)
        return bot.edit_message_text(
            message.text,
            chat_id=chat,
            message_id=number,
            entities=message.entities or None,
            link_preview_options=self._preview(),
        )

    def _preview(self) -> LinkPreviewOptions | None:
        return None if self._place.options.get("link_preview", True) else LinkPreviewOptions(is_disabled=True)

    def _chat(self, part: RemotePart) -> str:
        # A message's number means nothing in another chat than the one it was posted to.
        return part.address or self._place.address


def _message_id(part: RemotePart) -> int:
    try:
        return int(part.id)
    except ValueError:
        raise PermanentError(f"{part.id!r} is not the number of a Telegram message.") from None

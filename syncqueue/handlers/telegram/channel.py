"""Messages of one chat: send, edit, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from telegram import Bot, InputMediaDocument, LinkPreviewOptions, Message

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Place, RemotePart
from syncqueue.handlers.telegram.answers import Refused
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.refusals import Refusal
from syncqueue.handlers.telegram.render import Kind, RenderedMessage

T = TypeVar("T")
_Act = Callable[[Bot, RenderedMessage], Awaitable[T]]

# A text that stands for a file, in a chat that takes none.
EXCERPT = "excerpt"
# Bot API: the topic "General" of a forum has this number, and is what a message without a topic goes to.
_GENERAL_TOPIC = 1


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

    async def send(self, message: RenderedMessage) -> RemotePart:
        """Post a message."""
        sent = await self._formatted(message, self._send, creates=True)
        kind = EXCERPT if message.is_cut else message.kind
        return RemotePart(
            kind=kind,
            id=str(sent.message_id),
            url=sent.link or "",
            address=self._place.address,
            identity=str(sent.chat.id),
        )

    async def edit(self, part: RemotePart, message: RenderedMessage) -> RemotePart:
        """Make a message of the same kind show `message`; returns its part as it is then. Raises `Refused`."""

        def edit(bot: Bot, form: RenderedMessage) -> Awaitable[Message | bool]:
            return self._edit(bot, part, form)

        kind = EXCERPT if message.is_cut else message.kind
        try:
            edited = await self._formatted(message, edit)
        except Refused as refused:
            if refused.why is not Refusal.NOT_MODIFIED:
                raise
            return replace(part, kind=kind)
        identity = str(edited.chat.id) if isinstance(edited, Message) else part.identity
        return replace(part, kind=kind, identity=identity)

    async def delete(self, part: RemotePart) -> None:
        """Take a message away, or find it gone.

        Raises `Refused` when Telegram keeps it, and `AddressMoved` when it is in the history of a group that has
        become a supergroup: nobody can delete there any more, but the bot may still edit what it wrote.
        """
        number = message_id(part)
        try:
            await self._client.call(self._token, lambda bot: bot.delete_message(self.chat_of(part), number))
        except Refused as refused:
            if refused.why is not Refusal.GONE:
                raise

    def chat_of(self, part: RemotePart) -> str:
        """The chat that a message is in: by its number where that is known, since names are given away and taken."""
        return part.identity or part.address or self._place.address

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
        if thread_id == _GENERAL_TOPIC:
            thread_id = None
        if message.kind == "document":
            return bot.send_document(
                self._place.address,
                message.file_bytes,
                filename=message.file_name,
                caption=message.text,
                caption_entities=message.entities or None,
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
        chat, number = self.chat_of(part), message_id(part)
        if message.kind == "document":
            media = InputMediaDocument(
                message.file_bytes,
                caption=message.text,
                caption_entities=message.entities or None,
                filename=message.file_name,
            )
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


def message_id(part: RemotePart) -> int:
    """The number of a message. Raises `PermanentError` for an adopted part that has none."""
    try:
        return int(part.id)
    except ValueError:
        raise PermanentError(f"{part.id!r} is not the number of a Telegram message.") from None

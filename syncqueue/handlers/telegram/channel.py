"""Messages of one chat: texts, files and albums; send, edit, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from telegram import (
    Bot,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Place, RemotePart
from syncqueue.handlers.telegram.answers import Refused
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.medium import Medium, is_medium
from syncqueue.handlers.telegram.refusals import Refusal
from syncqueue.handlers.telegram.render import Kind, RenderedMessage

T = TypeVar("T")
_Act = Callable[[Bot, RenderedMessage], Awaitable[T]]

# A text that replaces a file, in a chat that accepts no files.
EXCERPT = "excerpt"
# Bot API: the topic "General" of a forum has this number, and is what a message without a topic goes to.
_GENERAL_TOPIC = 1


def kind_of(part: RemotePart) -> Kind:
    """Return the form of a message, text or file; an adopted message of unknown kind counts as a text."""
    return "document" if part.kind == "document" or is_medium(part) else "text"


class Channel:
    """A chat, channel or group, as configured by a destination."""

    def __init__(self, client: TelegramClient, place: Place) -> None:
        """Store the configuration; no call is made."""
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
        """Edit a message of the same kind so that it shows `message`; returns its new part. Raises `Refused`."""

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

    async def send_media(
        self, media: Sequence[Medium], caption: RenderedMessage, reply_to: int | None = None
    ) -> list[RemotePart]:
        """Post one medium, or an album in one request; the first has the caption. Returns the parts in order."""

        async def send(bot: Bot, form: RenderedMessage) -> Sequence[Message]:
            return await self._send_media(bot, media, form, reply_to)

        sent = await self._formatted(caption, send, creates=True)
        return [
            RemotePart(
                kind=medium.kind,
                id=str(message.message_id),
                url=message.link or "",
                address=self._place.address,
                identity=str(message.chat.id),
            )
            for medium, message in zip(media, sent, strict=True)
        ]

    async def edit_medium(self, part: RemotePart, medium: Medium, caption: RenderedMessage) -> RemotePart:
        """Edit a message to show another medium and this caption. Raises `Refused`."""

        def edit(bot: Bot, form: RenderedMessage) -> Awaitable[Message | bool]:
            media = _input_media(medium, form)
            return bot.edit_message_media(media, chat_id=self.chat_of(part), message_id=message_id(part))

        await self._edited(caption, edit)
        return replace(part, kind=medium.kind)

    async def edit_caption(self, part: RemotePart, caption: RenderedMessage) -> None:
        """Edit the caption of a message with a medium. Raises `Refused`."""

        def edit(bot: Bot, form: RenderedMessage) -> Awaitable[Message | bool]:
            return bot.edit_message_caption(
                chat_id=self.chat_of(part),
                message_id=message_id(part),
                caption=form.text,
                caption_entities=form.entities or None,
            )

        await self._edited(caption, edit)

    async def _edited(self, message: RenderedMessage, edit: _Act[Message | bool]) -> None:
        try:
            await self._formatted(message, edit)
        except Refused as refused:
            if refused.why is not Refusal.NOT_MODIFIED:
                raise

    async def delete(self, part: RemotePart) -> None:
        """Delete a message, or find that it is gone.

        Raises `Refused` if Telegram refuses, and `AddressMoved` if the message is in the history of a group that has
        become a supergroup: messages there cannot be deleted any more, but the bot may still edit its own.
        """
        number = message_id(part)
        try:
            await self._client.call(self._token, lambda bot: bot.delete_message(self.chat_of(part), number))
        except Refused as refused:
            if refused.why is not Refusal.GONE:
                raise

    def chat_of(self, part: RemotePart) -> str:
        """Return the chat of a message: its id if known, because names can pass to other chats."""
        return part.identity or part.address or self._place.address

    async def _formatted(self, message: RenderedMessage, act: _Act[T], *, creates: bool = False) -> T:
        """Call `act` with the message's entities, and again without them if Telegram refuses the entities."""
        try:
            return await self._client.call(self._token, lambda bot: act(bot, message), creates=creates)
        except Refused as refused:
            if refused.why is not Refusal.ENTITIES or not message.entities:
                raise
        form = message.unformatted()
        return await self._client.call(self._token, lambda bot: act(bot, form), creates=creates)

    def _send(self, bot: Bot, message: RenderedMessage) -> Awaitable[Message]:
        silent, thread_id = self._settings()
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

    async def _send_media(
        self, bot: Bot, media: Sequence[Medium], caption: RenderedMessage, reply_to: int | None
    ) -> Sequence[Message]:
        silent, thread_id = self._settings()
        reply = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to is not None else None
        if len(media) > 1:
            empty = replace(caption, text="", entities=())
            return await bot.send_media_group(
                self._place.address,
                [_input_media(medium, empty if number else caption) for number, medium in enumerate(media)],
                disable_notification=silent,
                message_thread_id=thread_id,
                reply_parameters=reply,
            )
        (medium,) = media
        options: dict[str, Any] = {
            "filename": medium.name,
            "caption": caption.text or None,
            "caption_entities": caption.entities or None,
            "disable_notification": silent,
            "message_thread_id": thread_id,
            "reply_parameters": reply,
        }
        match medium.form:
            case "photo":
                return [await bot.send_photo(self._place.address, medium.content, **options)]
            case "video":
                return [await bot.send_video(self._place.address, medium.content, **options)]
        # Without content detection: a file that Telegram takes for a video or a GIF would be a message of another kind.
        options["disable_content_type_detection"] = True
        return [await bot.send_document(self._place.address, medium.content, **options)]

    def _settings(self) -> tuple[bool, int | None]:
        """Return the options for silent sending and for the topic."""
        thread_id = self._place.options.get("thread_id")
        return bool(self._place.options.get("silent", False)), None if thread_id == _GENERAL_TOPIC else thread_id

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


def _input_media(medium: Medium, caption: RenderedMessage) -> InputMediaPhoto | InputMediaVideo | InputMediaDocument:
    options: dict[str, Any] = {
        "caption": caption.text,
        "caption_entities": caption.entities or None,
        "filename": medium.name,
    }
    match medium.form:
        case "photo":
            return InputMediaPhoto(medium.content, **options)
        case "video":
            return InputMediaVideo(medium.content, **options)
    return InputMediaDocument(medium.content, disable_content_type_detection=True, **options)


def message_id(part: RemotePart) -> int:
    """Return the id of a message. Raises `PermanentError` for an adopted part with a malformed id."""
    try:
        return int(part.id)
    except ValueError:
        raise PermanentError(f"{part.id!r} is not the number of a Telegram message.") from None

"""The methods of the Bot API, each on parameters that were read before. They refuse by raising `BotError`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .access import check_deleting, check_editing, check_membership, check_not_moved, check_posting, check_reading
from .channels import Channel, Channels, Message, StoredFile
from .content import album_params, check_album, media_params, read_caption, read_file, read_options, read_text
from .errors import BotError, bad_request
from .news import member, news, permissions
from .params import Params


@dataclass(frozen=True, slots=True)
class Done:
    """What a method answers, and the message it stored, edited or deleted (None: nothing changed)."""

    result: Any
    message_id: int | None = None


def bot_user(bot_id: int) -> dict[str, Any]:
    """The Bot API's User object of a bot."""
    return {"id": bot_id, "is_bot": True, "first_name": "Sandbox", "username": "sandbox_bot"}


def get_me(channels: Channels, params: Params, bot_id: int) -> Done:
    rights = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
    return Done(bot_user(bot_id) | rights)


def get_chat(channels: Channels, params: Params, bot_id: int) -> Done:
    channel = channels.require(params.text("chat_id"))
    check_reading(channel)
    chat = channel.as_chat()
    if channel.type in ("group", "supergroup"):
        # Of an administrator's rights these say nothing.
        is_admin = channel.status == "administrator"
        chat["permissions"] = dict.fromkeys(permissions(channel), True) if is_admin else permissions(channel)
    kinds = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    gifts = dict.fromkeys(kinds, False)
    return Done(chat | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts})


def get_chat_member(channels: Channels, params: Params, bot_id: int) -> Done:
    channel = channels.require(params.text("chat_id"))
    check_reading(channel)
    if params.integer("user_id") != bot_id:
        raise bad_request("user not found")
    return Done(member(channel, bot_user(bot_id)))


def get_updates(channels: Channels, params: Params, bot_id: int) -> Done:
    """The bot was let into every chat once; nothing is ever confirmed here, so an `offset` is refused."""
    if params.text("offset"):
        raise bad_request("this sandbox keeps all news: ask without offset")
    return Done(news(channels, bot_user(bot_id)))


def send_message(channels: Channels, params: Params, bot_id: int) -> Done:
    given = read_text(params)
    channel, options = _to_post(channels, params, "text")
    text, entities = given.checked()
    return _posted(channels, channel, bot_id, kind="text", text=text, entities=entities, options=options)


def send_document(channels: Channels, params: Params, bot_id: int) -> Done:
    return _send_file(channels, params, bot_id, "document")


def send_photo(channels: Channels, params: Params, bot_id: int) -> Done:
    return _send_file(channels, params, bot_id, "photo")


def send_video(channels: Channels, params: Params, bot_id: int) -> Done:
    return _send_file(channels, params, bot_id, "video")


def send_media_group(channels: Channels, params: Params, bot_id: int) -> Done:
    """All of it or nothing. A single item is no album."""
    items = album_params(params)
    captions = [read_caption(given) for _, _, given in items]
    kinds = [kind for kind, _, _ in items]
    channel, options = _to_post(channels, params, kinds[0])
    for kind in kinds[1:]:
        check_posting(channel, kind, options.get("message_thread_id"))
    contents = []
    for number, ((kind, given, _), caption) in enumerate(zip(items, captions, strict=True), 1):
        text, entities = caption.checked()
        try:
            stored = read_file(params, kind, channels, given)
        except BotError as error:
            raise _of_item(error, number) from error
        contents.append({"kind": kind, "file": stored, "text": text, "entities": entities})
    check_album(kinds)
    album = secrets.token_hex(8) if len(items) > 1 else ""
    sent = [channels.post(channel, author=bot_id, album=album, options=options, **one) for one in contents]
    return Done([as_result(channel, message) for message in sent], sent[0].message_id)


def _of_item(error: BotError, number: int) -> BotError:
    """A file that Telegram's own servers refuse (capitals) is named by its place."""
    words = error.description.removeprefix("Bad Request: ")
    if not words.isupper():
        return error
    return bad_request(f'failed to send message #{number} with the error message "{words}"')


def edit_message_text(channels: Channels, params: Params, bot_id: int) -> Done:
    given = read_text(params)
    channel, message = _to_edit(channels, params, bot_id)
    if message.kind != "text":
        raise bad_request("there is no text in the message to edit")
    text, entities = given.checked()
    return _edited(channel, message, params, text=text, entities=entities)


def edit_message_caption(channels: Channels, params: Params, bot_id: int) -> Done:
    given = read_caption(params)
    channel, message = _to_edit(channels, params, bot_id)
    if message.kind == "text":
        raise bad_request("there is no caption in the message to edit")
    caption, entities = given.checked()
    return _edited(channel, message, params, text=caption, entities=entities)


def edit_message_media(channels: Channels, params: Params, bot_id: int) -> Done:
    kind, given, captions = media_params(params)
    caption_given = read_caption(captions)
    channel, message = _to_edit(channels, params, bot_id)
    if message.kind == "text":
        raise bad_request("there is no media in the message to edit")
    if message.album and kind != message.kind and "document" in (kind, message.kind):
        raise bad_request("can't change media type in the album")
    stored = read_file(params, kind, channels, given)
    caption, entities = caption_given.checked()
    return _edited(channel, message, params, kind=kind, file=stored, text=caption, entities=entities)


def delete_message(channels: Channels, params: Params, bot_id: int) -> Done:
    channel = channels.require(params.text("chat_id"))
    check_not_moved(channel)
    check_membership(channel)
    message = _existing(channel, params, "message to delete not found")
    check_deleting(channel, message, bot_id)
    del channel.messages[message.message_id]
    return Done(True, message.message_id)


Method = Callable[[Channels, Params, int], Done]
METHODS: dict[str, Method] = {
    "getMe": get_me,
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getUpdates": get_updates,
    "sendMessage": send_message,
    "sendDocument": send_document,
    "sendPhoto": send_photo,
    "sendVideo": send_video,
    "sendMediaGroup": send_media_group,
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageMedia": edit_message_media,
    "deleteMessage": delete_message,
}
POSTING = frozenset({"sendMessage", "sendDocument", "sendPhoto", "sendVideo", "sendMediaGroup"})


def as_result(channel: Channel, message: Message) -> dict[str, Any]:
    """The Bot API's Message object."""
    result: dict[str, Any] = {"message_id": message.message_id, "date": message.date}
    result |= {"chat": channel.as_chat(), "sender_chat": channel.as_chat()}
    text_name, entities_name = ("text", "entities") if message.kind == "text" else ("caption", "caption_entities")
    optional: dict[str, Any] = {
        text_name: message.text,
        entities_name: message.entities,
        "edit_date": message.edit_date,
    }
    optional["media_group_id"] = message.album
    optional["message_thread_id"] = message.options.get("message_thread_id")
    optional["link_preview_options"] = message.options.get("link_preview_options")
    if message.file:
        optional |= _file_result(message.kind, message.file)
    replied = channel.replied_to(message)
    if replied:
        optional["reply_to_message"] = as_result(channel, replace(replied, options={}))
    return result | {name: value for name, value in optional.items() if value}


def _file_result(kind: str, stored: StoredFile) -> dict[str, Any]:
    facts = {"file_id": stored.file_id, "file_unique_id": stored.sha256[:16], "file_size": stored.size}
    if kind == "photo":
        return {"photo": [facts | {"width": 320, "height": 320}]}  # the picture is not looked at
    if kind == "video":
        return {"video": facts | {"width": 320, "height": 240, "duration": 1, "mime_type": stored.mime_type}}
    return {"document": facts | {"file_name": stored.file_name, "mime_type": stored.mime_type}}


def _send_file(channels: Channels, params: Params, bot_id: int, kind: str) -> Done:
    given = read_caption(params)
    channel, options = _to_post(channels, params, kind)
    caption, entities = given.checked()
    stored = read_file(params, kind, channels)
    return _posted(channels, channel, bot_id, kind=kind, file=stored, text=caption, entities=entities, options=options)


def _to_post(channels: Channels, params: Params, kind: str) -> tuple[Channel, dict[str, Any]]:
    channel = channels.require(params.text("chat_id"))
    options = _options(channel, params)
    check_posting(channel, kind, options.get("message_thread_id"))
    return channel, options


def _posted(channels: Channels, channel: Channel, bot_id: int, **content: Any) -> Done:
    message = channels.post(channel, author=bot_id, **content)
    return Done(as_result(channel, message), message.message_id)


def _edited(channel: Channel, message: Message, params: Params, **content: Any) -> Done:
    """Put new content in place. An edit without link_preview_options or reply_markup removes the old ones."""
    settings = read_options(params)
    kept = {k: v for k, v in message.options.items() if k not in {"link_preview_options", "reply_markup"}}
    new = replace(message, **content, options={**kept, **settings})
    if message.is_same(new):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same "
            "as a current content and reply markup of the message"
        )
    new.edit_date, new.edit_count = int(time.time()), message.edit_count + 1
    channel.messages[message.message_id] = new
    return Done(as_result(channel, new), new.message_id)


def _to_edit(channels: Channels, params: Params, bot_id: int) -> tuple[Channel, Message]:
    channel = channels.require(params.text("chat_id"))
    message = _existing(channel, params, "message to edit not found")
    check_editing(channel, message, bot_id)
    return channel, message


def _existing(channel: Channel, params: Params, missing: str) -> Message:
    message_id = params.integer("message_id")
    if not message_id:
        raise bad_request("message identifier is not specified")
    if message_id not in channel.messages:
        raise bad_request(missing)
    return channel.messages[message_id]


def _options(channel: Channel, params: Params) -> dict[str, Any]:
    options = read_options(params)
    reply = options.get("reply_parameters")
    if reply and reply.get("message_id") not in channel.messages:
        if not reply.get("allow_sending_without_reply"):
            raise bad_request("message to be replied not found")
        del options["reply_parameters"]  # sent as a message of its own
    return options

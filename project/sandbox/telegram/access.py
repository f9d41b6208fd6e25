"""What the bot may do in a chat, refused with the real server's words and in its order."""

from __future__ import annotations

from .channels import SOMEBODY, Channel, Message
from .errors import BotError, bad_request, forbidden, migrated

_FORMS = {"text": ("can_send_messages", "text messages"), "document": ("can_send_documents", "documents"),
          "photo": ("can_send_photos", "photos"), "video": ("can_send_videos", "videos")}  # fmt: skip


def check_membership(chat: Channel) -> None:
    """The bot is in the chat. Raises `BotError`."""
    if chat.status == "kicked":
        raise forbidden(
            "bot was blocked by the user" if chat.type == "private" else f"bot was kicked from the {chat.kind}"
        )
    if chat.status == "left":
        raise forbidden(f"bot is not a member of the {chat.kind}")


def check_reading(chat: Channel) -> None:
    """The chat may be looked at: a public one by everybody. Raises `BotError`."""
    if not chat.username:
        check_membership(chat)


def check_not_moved(chat: Channel) -> None:
    """Said to posts and deletions alone: what the bot has written there it may go on editing. Raises `BotError`."""
    if chat.moved_to is not None:
        raise migrated(chat.moved_to)


def check_posting(chat: Channel, kind: str, topic: int | None) -> None:
    """The bot may post a message of this kind. Raises `BotError`."""
    check_not_moved(chat)
    check_membership(chat)
    if chat.type == "channel":
        if chat.status != "administrator":
            raise bad_request("need administrator rights in the channel chat")
        if not chat.allows("can_post_messages"):
            raise bad_request("have no write access to the chat")
    right, form = _FORMS[kind]
    if not chat.allows(right):
        raise bad_request(f"not enough rights to send {form} to the chat")
    if topic is not None:
        _check_topic(chat, topic)


def can_post(chat: Channel) -> bool:
    """Whether the bot may post texts."""
    try:
        check_posting(chat, "text", None)
    except BotError:
        return False
    return True


def check_editing(chat: Channel, message: Message, bot_id: int) -> None:
    """The bot may edit a message. Raises `BotError`."""
    check_membership(chat)
    is_editor = chat.type == "channel" and chat.status == "administrator" and chat.allows("can_edit_messages")
    if not is_own(message, bot_id) and not is_editor:
        raise bad_request("message can't be edited")


def check_deleting(chat: Channel, message: Message, bot_id: int) -> None:
    """The bot may delete a message. Raises `BotError`."""
    if message.is_locked:
        raise bad_request("message can't be deleted")
    if not is_own(message, bot_id) and not chat.allows("can_delete_messages"):
        raise bad_request("message can't be deleted for everyone")


def is_own(message: Message, bot_id: int) -> bool:
    """Whether the bot has written it."""
    return message.author in (None, bot_id) and message.author != SOMEBODY


def _check_topic(chat: Channel, topic: int) -> None:
    """The topic "General" has the number 1, which no message may name."""
    state = (chat.topics or {}).get(str(topic)) if topic != 1 else None
    if state == "closed":
        raise bad_request("TOPIC_CLOSED")
    if state == "deleted":
        raise bad_request("TOPIC_DELETED")
    if state is None:
        raise bad_request("message thread not found")

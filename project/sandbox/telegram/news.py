"""What waits for a bot in getUpdates: that it was let into each chat. And what it may do there."""

from __future__ import annotations

from typing import Any

from .channels import Channel, Channels

_RIGHTS = (
    "can_be_edited",
    "is_anonymous",
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
_SENDING = ("can_send_messages", "can_send_documents", "can_send_photos", "can_send_videos")
_RESTRICTED = (
    "can_change_info", "can_invite_users", "can_pin_messages", "can_manage_topics", "can_send_polls",
    "can_send_other_messages", "can_add_web_page_previews", "can_send_audios",
    "can_send_video_notes", "can_send_voice_notes", "can_edit_tag", "can_react_to_messages",
)  # fmt: skip
_SOMEBODY = {"id": 4711, "is_bot": False, "first_name": "Somebody"}


def member(chat: Channel, bot: dict[str, Any]) -> dict[str, Any]:
    """The Bot API's ChatMember of the bot in a chat."""
    status = "left" if chat.moved_to is not None else chat.status
    found: dict[str, Any] = {"status": status, "user": bot}
    if status == "administrator":
        found |= dict.fromkeys(_RIGHTS, False) | {"can_delete_messages": chat.allows("can_delete_messages")}
        if chat.type == "channel":
            found |= {right: chat.allows(right) for right in ("can_post_messages", "can_edit_messages")}
    if status == "restricted":
        found |= dict.fromkeys(_RESTRICTED, False) | {"is_member": True, "until_date": 0}
        found |= {right: chat.allows(right) for right in _SENDING}
    if status == "kicked":
        found["until_date"] = 0
    return found


def permissions(chat: Channel) -> dict[str, bool]:
    """The Bot API's ChatPermissions: what every member of a group may do."""
    return {right: chat.allows(right) for right in _SENDING}


def news(channels: Channels, bot: dict[str, Any]) -> list[dict[str, Any]]:
    """The Bot API's Update objects, the oldest first: those of a day are kept, and @drafts is older."""
    lately = [channel for channel in channels.all if channel.username != "drafts"]
    return [{"update_id": number, "my_chat_member": _let_in(chat, bot)} for number, chat in enumerate(lately, 1)]


def _let_in(channel: Channel, bot: dict[str, Any]) -> dict[str, Any]:
    before = {"status": "left", "user": bot}
    after = {"status": "administrator", "user": bot, **dict.fromkeys(_RIGHTS, False), "can_post_messages": True}
    event = {"chat": channel.as_chat(), "from": _SOMEBODY, "date": 1_700_000_000}
    return event | {"old_chat_member": before, "new_chat_member": after}

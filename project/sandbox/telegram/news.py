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
_SOMEBODY = {"id": 4711, "is_bot": False, "first_name": "Somebody"}


def administrator(bot: dict[str, Any], *, can_post: bool) -> dict[str, Any]:
    """The Bot API's ChatMemberAdministrator."""
    rights = dict.fromkeys(_RIGHTS, False)
    return {"status": "administrator", "user": bot, **rights, "can_post_messages": can_post}


def news(channels: Channels, bot: dict[str, Any]) -> list[dict[str, Any]]:
    """The Bot API's Update objects, the oldest first."""
    return [
        {"update_id": number, "my_chat_member": _let_in(channel, bot)} for number, channel in enumerate(channels.all, 1)
    ]


def _let_in(channel: Channel, bot: dict[str, Any]) -> dict[str, Any]:
    before = {"status": "left", "user": bot}
    after = administrator(bot, can_post=True)
    event = {"chat": channel.as_chat(), "from": _SOMEBODY, "date": 1_700_000_000}
    return event | {"old_chat_member": before, "new_chat_member": after}

"""The rights of the bot in a chat, and a text about missing ones.

getChat proves nothing: it succeeds for any public channel. https://core.telegram.org/bots/api#getchatmember
"""

from __future__ import annotations

from dataclasses import dataclass

from telegram import Chat, ChatFullInfo, ChatMember, ChatMemberAdministrator, ChatMemberRestricted

from syncqueue.core.errors import AddressMoved, DestinationBroken, PermanentError
from syncqueue.handlers.telegram.client import TelegramClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The rights of a bot in a chat."""

    chat: str  # the chat's id
    title: str  # the chat's name, for people
    link: str = ""  # the address of its messages, without the message id at the end; "": they have none
    missing: str = ""  # a sentence about the missing right to post, or ""
    may_send_files: bool = True
    may_edit_others: bool = False  # messages that it did not write


async def standing(client: TelegramClient, token: str, chat: str) -> Standing:
    """Read the rights; raises `HandlerError` if the chat cannot be read."""
    found = await client.call(token, lambda bot: bot.get_chat(chat))
    return await standing_in(client, token, found)


async def standing_in(client: TelegramClient, token: str, chat: Chat | ChatFullInfo) -> Standing:
    """Read the rights in a chat that was read already."""
    title = chat.title or chat.full_name or str(chat.id)
    if chat.type == Chat.PRIVATE:
        return Standing(chat=str(chat.id), title=title)
    bot_id = int(token.partition(":")[0])
    try:
        member = await client.call(token, lambda bot: bot.get_chat_member(chat.id, bot_id))
    except (DestinationBroken, PermanentError, AddressMoved):  # only members can read members
        return Standing(chat=str(chat.id), title=title, missing=_not_there(title))
    return Standing(
        chat=str(chat.id),
        title=title,
        link=_link(chat),
        missing=_missing(chat, member, title),
        may_send_files=_may_send_files(chat, member),
        may_edit_others=isinstance(member, ChatMemberAdministrator) and bool(member.can_edit_messages),
    )


def _missing(chat: Chat | ChatFullInfo, member: ChatMember, title: str) -> str:
    if member.status in (ChatMember.LEFT, ChatMember.BANNED):
        return _not_there(title)
    if chat.type == Chat.CHANNEL:
        if member.status == ChatMember.OWNER or (
            isinstance(member, ChatMemberAdministrator) and member.can_post_messages
        ):
            return ""
        return (
            f"In “{title}” the bot lacks the right to post messages: give it to the bot in the channel's list of "
            "administrators."
        )
    if isinstance(member, ChatMemberRestricted):
        if not member.is_member:
            return _not_there(title)
        if not member.can_send_messages:
            return f"In “{title}” the bot lacks the right to send messages: an administrator has restricted it."
    permissions = chat.permissions if isinstance(chat, ChatFullInfo) else None
    if member.status == ChatMember.MEMBER and permissions and permissions.can_send_messages is False:
        return (
            f"In “{title}” members lack the right to send messages: make the bot an administrator, or allow it to all."
        )
    return ""


def _may_send_files(chat: Chat | ChatFullInfo, member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return bool(member.can_send_documents)
    permissions = chat.permissions if isinstance(chat, ChatFullInfo) else None
    return member.status != ChatMember.MEMBER or permissions is None or permissions.can_send_documents is not False


def _link(chat: Chat | ChatFullInfo) -> str:
    """https://core.telegram.org/api/links#message-links"""
    if chat.username:
        return f"https://t.me/{chat.username}/"
    number = str(chat.id)
    return f"https://t.me/c/{number.removeprefix('-100')}/" if number.startswith("-100") else ""


def _not_there(title: str) -> str:
    return f"The bot is not in “{title}”: add it there, to a channel as an administrator who may post messages."

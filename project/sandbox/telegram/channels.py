"""The channels and what was posted to them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .entities import Entity
from .errors import bad_request

SOMEBODY = 0  # the author of what people post
# What a bot may do unless it is said otherwise: the least that is needed to post.
DEFAULT_RIGHTS: Mapping[str, bool] = {
    "can_post_messages": True,  # in channels
    "can_edit_messages": False,  # in channels: those of others
    "can_delete_messages": False,  # those of others
    "can_send_messages": True,  # in groups
    "can_send_documents": True,
    "can_send_photos": True,
    "can_send_videos": True,
}
STATUSES = ("administrator", "member", "restricted", "left", "kicked")
TOPIC_STATES = ("open", "closed", "deleted")
TYPES = ("channel", "supergroup", "group", "private")
TEXT_SHOWN_CHARS = 100_000  # of a document's text, kept for the page and for judges


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What is kept of an upload: facts, and its text when it is one."""

    file_id: str
    file_name: str
    mime_type: str
    size: int  # bytes
    sha256: str
    text: str | None = None


@dataclass(slots=True, kw_only=True)
class Message:
    """One message of a channel. Text messages have no file; others have `text` as their caption."""

    message_id: int
    kind: str = "text"  # text, document, photo or video
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    file: StoredFile | None = None
    options: dict[str, Any] = field(default_factory=dict)  # as sent: message_thread_id, reply_parameters, ...
    date: int = field(default_factory=lambda: int(time.time()))  # epoch seconds
    edit_date: int | None = None
    edit_count: int = 0
    is_locked: bool = False  # cannot be deleted, as after 48 hours
    album: str = ""  # the messages of an album share it, and stay of one kind
    author: int | None = None  # who posted it: a bot's number, or 0 for somebody else; None: any bot may edit it

    def as_seen(self) -> dict[str, Any]:
        """As a visitor sees it."""
        word = "text" if self.kind == "text" else "caption"
        seen: dict[str, Any] = {"message_id": self.message_id, "kind": self.kind, word: self.text}
        seen |= {"entities": self.entities, "date": self.date, "edit_date": self.edit_date}
        seen |= {"edit_count": self.edit_count, "locked": self.is_locked, **self.options}
        if self.album:
            seen["media_group_id"] = self.album
        if self.author == SOMEBODY:
            seen["author"] = "somebody"
        return seen | ({self.kind: asdict(self.file)} if self.file else {})

    def is_same(self, other: Message) -> bool:
        """An edit to `other` would change nothing."""
        return self._content() == other._content()

    def _content(self) -> tuple[Any, ...]:
        shown = {name: self.options.get(name) for name in ("link_preview_options", "reply_markup")}
        return self.kind, self.text, self.entities, self.file and self.file.sha256, shown


@dataclass(slots=True, kw_only=True)
class Channel:
    """One channel, group or private chat with its messages in order, and what the bot may do there."""

    id: int
    username: str
    title: str
    messages: dict[int, Message] = field(default_factory=dict)
    last_id: int = 0  # ids are never given twice, not even after a reset
    type: str = "channel"  # one of TYPES
    moved_to: int | None = None  # a group that was upgraded: the number of its supergroup
    status: str = "administrator"  # of the bot: one of STATUSES
    rights: dict[str, bool] = field(default_factory=dict)  # where they differ from DEFAULT_RIGHTS
    topics: dict[str, str] | None = None  # of a forum: number -> one of TOPIC_STATES

    @property
    def name(self) -> str:
        """As people call it."""
        return f"@{self.username}" if self.username else self.title

    @property
    def kind(self) -> str:
        """As refusals call it."""
        return f"{self.type} chat"

    def allows(self, right: str) -> bool:
        """Whether the bot has a right."""
        return self.rights.get(right, DEFAULT_RIGHTS[right])

    def replied_to(self, message: Message) -> Message | None:
        """The message that this one answers, if it is still there."""
        return self.messages.get(message.options.get("reply_parameters", {}).get("message_id", 0))

    def as_chat(self) -> dict[str, Any]:
        """The Bot API's Chat object."""
        named = "first_name" if self.type == "private" else "title"
        chat: dict[str, Any] = {"id": self.id, "type": self.type, named: self.title}
        if self.topics is not None:
            chat["is_forum"] = True
        return chat | ({"username": self.username} if self.username else {})


DEFAULT_CHANNELS = (
    (-1001000000001, "news", "News"),
    (-1001000000002, "drafts", "Drafts"),
    (-1001000000003, "tagged", "Tagged"),
)


MADE_FROM = 2000000000  # chats that are made while the sandbox runs have numbers behind this one


class Channels:
    """All chats, found by number or @username."""

    def __init__(self) -> None:
        self.all: list[Channel] = _defaults()
        self.files: dict[str, StoredFile] = {}  # by file_id: what was uploaded once may be sent again
        self.shared_last_id = 0  # private chats and basic groups share one sequence for the whole bot
        self._made_count = 0

    def find(self, given: object) -> Channel | None:
        """By id (also as a string) or @username in any letter case."""
        wanted = str(given).strip().lower()
        return next((c for c in self.all if wanted in _names(c)), None)

    def require(self, given: str) -> Channel:
        """The chat, whether the bot is in it or not. Raises `BotError`."""
        if not given.strip():
            raise bad_request("chat_id is empty")
        channel = self.find(given)
        if channel is None:
            raise bad_request("chat not found")
        return channel

    def post(self, channel: Channel, **content: Any) -> Message:
        """Store a message. Each channel and each supergroup counts for itself."""
        if channel.type in ("private", "group"):
            self.shared_last_id += 1
            channel.last_id = self.shared_last_id
        else:
            channel.last_id += 1
        message = Message(message_id=channel.last_id, **content)
        channel.messages[message.message_id] = message
        return message

    def make(self, type_: str, title: str, username: str = "", topics: dict[str, str] | None = None) -> Channel:
        """A new chat, with the bot in it."""
        self._made_count += 1
        number = MADE_FROM + self._made_count
        signed = {"private": number, "group": -number}.get(type_, -(10**12) - number)
        status = "member" if type_ == "group" else "administrator"
        chat = Channel(id=signed, username=username, title=title, type=type_, topics=topics, status=status)
        self.all.append(chat)
        return chat

    def migrate(self, group: Channel) -> Channel:
        """Upgrade a chat: posts and deletions are told the number of a supergroup, where ids begin anew.

        Its messages stay where they were: people find them above the new chat's, and the bot can still edit its own.
        """
        supergroup = self.make("supergroup", group.title)
        group.moved_to = supergroup.id
        return supergroup

    def reset(self) -> None:
        """The chats as at the start; numbers and ids go on rising."""
        last_ids = {channel.id: channel.last_id for channel in self.all}
        self.all = _defaults()
        for channel in self.all:
            channel.last_id = last_ids.get(channel.id, 0)
        self.files.clear()

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON for `load`."""
        channels = [{**asdict(chat), "messages": list(map(asdict, chat.messages.values()))} for chat in self.all]
        return {"channels": channels, "shared_last_id": self.shared_last_id, "made_count": self._made_count}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` wrote."""
        self.all = [_channel(values) for values in dumped["channels"]]
        self.shared_last_id = dumped.get("shared_last_id", 0)
        self._made_count = dumped.get("made_count", 0)
        files = (message.file for channel in self.all for message in channel.messages.values())
        self.files = {stored.file_id: stored for stored in files if stored}


def _defaults() -> list[Channel]:
    return [Channel(id=number, username=name, title=title) for number, name, title in DEFAULT_CHANNELS]


def _names(channel: Channel) -> set[str]:
    return {str(channel.id)} | ({f"@{channel.username}".lower()} if channel.username else set())


def _channel(values: dict[str, Any]) -> Channel:
    messages = [_message(message) for message in values.pop("messages")]
    return Channel(**values, messages={message.message_id: message for message in messages})


def _message(values: dict[str, Any]) -> Message:
    stored = values.pop("file")
    return Message(**values, file=StoredFile(**stored) if stored else None)

"""The channels and what was posted to them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from .entities import Entity
from .errors import bad_request, migrated

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
    kind: str = "text"  # text, document or photo
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    file: StoredFile | None = None
    options: dict[str, Any] = field(default_factory=dict)  # as sent: message_thread_id, reply_parameters, ...
    date: int = field(default_factory=lambda: int(time.time()))  # epoch seconds
    edit_date: int | None = None
    edit_count: int = 0
    is_locked: bool = False  # cannot be deleted, as after 48 hours

    def as_seen(self) -> dict[str, Any]:
        """As a visitor sees it."""
        word = "text" if self.kind == "text" else "caption"
        seen: dict[str, Any] = {"message_id": self.message_id, "kind": self.kind, word: self.text}
        seen |= {"entities": self.entities, "date": self.date, "edit_date": self.edit_date}
        seen |= {"edit_count": self.edit_count, "locked": self.is_locked, **self.options}
        return seen | ({self.kind: asdict(self.file)} if self.file else {})

    def is_same(self, other: Message) -> bool:
        """An edit to `other` would change nothing."""
        return self._content() == other._content()

    def _content(self) -> tuple[Any, ...]:
        shown = {name: self.options.get(name) for name in ("link_preview_options", "reply_markup")}
        return self.kind, self.text, self.entities, self.file and self.file.sha256, shown


@dataclass(slots=True, kw_only=True)
class Channel:
    """One channel with its messages in order."""

    id: int
    username: str
    title: str
    messages: dict[int, Message] = field(default_factory=dict)
    last_id: int = 0  # ids are never given twice, not even after a reset
    type: str = "channel"  # or group, supergroup
    moved_to: int | None = None  # a group that was upgraded: the number of its supergroup

    @property
    def name(self) -> str:
        """As people call it."""
        return f"@{self.username}" if self.username else self.title

    def post(self, **content: Any) -> Message:
        self.last_id += 1
        message = Message(message_id=self.last_id, **content)
        self.messages[message.message_id] = message
        return message

    def replied_to(self, message: Message) -> Message | None:
        """The message that this one answers, if it is still there."""
        return self.messages.get(message.options.get("reply_parameters", {}).get("message_id", 0))

    def as_chat(self) -> dict[str, Any]:
        """The Bot API's Chat object."""
        chat = {"id": self.id, "type": self.type, "title": self.title}
        return chat | ({"username": self.username} if self.username else {})


DEFAULT_CHANNELS = (
    (-1001000000001, "news", "News"),
    (-1001000000002, "drafts", "Drafts"),
    (-1001000000003, "tagged", "Tagged"),
)


SUPERGROUPS_FROM = -1002000000000  # those that came of a migration have lower numbers


class Channels:
    """All channels, found by number or @username."""

    def __init__(self) -> None:
        self.all: list[Channel] = [Channel(id=i, username=name, title=title) for i, name, title in DEFAULT_CHANNELS]
        self.files: dict[str, StoredFile] = {}  # by file_id: what was uploaded once may be sent again

    def find(self, given: object) -> Channel | None:
        """By id (also as a string) or @username in any letter case."""
        wanted = str(given).strip().lower()
        return next((c for c in self.all if wanted in _names(c)), None)

    def require(self, given: str) -> Channel:
        if not given.strip():
            raise bad_request("chat_id is empty")
        channel = self.find(given)
        if channel is None:
            raise bad_request("chat not found")
        if channel.moved_to is not None:
            raise migrated(channel.moved_to)
        return channel

    def migrate(self, group: Channel) -> Channel:
        """Upgrade a chat: it answers no more but with the number of a supergroup, where ids begin anew.

        Its messages stay where they were: people find them above the new chat's, no bot can reach them.
        """
        number = SUPERGROUPS_FROM - len(self.all)
        supergroup = Channel(id=number, username="", title=group.title, type="supergroup")
        group.moved_to = number
        self.all.append(supergroup)
        return supergroup

    def reset(self) -> None:
        self.all = [channel for channel in self.all if channel.id > SUPERGROUPS_FROM]
        for channel in self.all:
            channel.messages.clear()
            channel.moved_to = None
        self.files.clear()

    def dump(self) -> list[dict[str, Any]]:
        """Everything, as JSON for `load`."""
        return [{**asdict(channel), "messages": list(map(asdict, channel.messages.values()))} for channel in self.all]

    def load(self, dumped: list[dict[str, Any]]) -> None:
        self.all = [_channel(values) for values in dumped]
        files = (message.file for channel in self.all for message in channel.messages.values())
        self.files = {stored.file_id: stored for stored in files if stored}


def _names(channel: Channel) -> set[str]:
    return {str(channel.id)} | ({f"@{channel.username}".lower()} if channel.username else set())


def _channel(values: dict[str, Any]) -> Channel:
    messages = [_message(message) for message in values.pop("messages")]
    return Channel(**values, messages={message.message_id: message for message in messages})


def _message(values: dict[str, Any]) -> Message:
    stored = values.pop("file")
    return Message(**values, file=StoredFile(**stored) if stored else None)

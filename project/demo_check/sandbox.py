"""The sandbox from outside: the data of its services, their modes, its log."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

SERVICES = ("telegram", "mastodon", "manticore", "webhook", "bluesky")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a channel, status of an account, row of a table, object of a receiver."""

    id: int | str
    text: str  # of a document: its caption
    edit_count: int = 0

    @property
    def first_line(self) -> str:
        """The text of the story without the asterisks of Markdown; the tags of the note follow below it."""
        return self.text.split("\n", 1)[0].replace("**", "")


class Sandbox:
    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def turn(self, mode: str, *services: str, **figures: float) -> None:
        """Set the mode of services (default: all): up, slow, limited, error, down, hang, hang-before, ..."""
        for service in services or SERVICES:
            answer = self._client.post(f"/services/{service}/mode", json={"mode": mode, **figures})
            answer.raise_for_status()

    def set_mastodon(self, **options: bool | int | str) -> None:
        """Set the options of the Mastodon server: see `project/sandbox/mastodon/options.py`."""
        self._client.post("/services/mastodon/options", json=options).raise_for_status()

    def set_bluesky(self, **options: bool | int) -> None:
        """Set the options of the Bluesky server: see `project/sandbox/bluesky/options.py`."""
        self._client.post("/services/bluesky/options", json=options).raise_for_status()

    def make_channel(self, username: str) -> None:
        """Make a Telegram channel that the bot may post to."""
        chat = {"type": "channel", "title": username, "username": username}
        self._client.post("/services/telegram/chats", json=chat).raise_for_status()

    def channels(self) -> dict[str, list[Message]]:
        """Return the messages by place: "@news" and the other channels, "mastodon", "bluesky", "manticore", "webhook".

        A place without messages is missing or empty.
        """
        services = self._client.get("/state.json").raise_for_status().json()["services"]
        chats = {"@" + chat["username"]: chat["messages"] for chat in services["telegram"]["chats"] if chat["username"]}
        return {
            **{name: _messages(raw) for name, raw in chats.items()},
            "mastodon": _statuses(services["mastodon"]["accounts"]),
            "bluesky": [
                Message(id=post["rkey"], text=post["text"])
                for account in services["bluesky"]["accounts"]
                for post in account["posts"]
                if not post["deleted"] and not post["parent"]
            ],
            "manticore": [
                Message(id=row["id"], text=row["content"])
                for table in services["manticore"]["tables"]
                for row in table["documents"]
            ],
            "webhook": [
                Message(id=one["id"], text=one["data"]["text"])
                for receiver in services["webhook"]["receivers"]
                for one in receiver["objects"]
            ],
        }

    def log(self) -> list[dict[str, Any]]:
        """Return every request since the start, whether it changed a channel, and whether it was answered."""
        entries: list[dict[str, Any]] = self._client.get("/log.json").raise_for_status().json()
        return entries


def _messages(raw: Sequence[dict[str, Any]]) -> list[Message]:
    return [
        Message(
            id=message["message_id"],
            text=message.get("text") or message.get("caption") or "",
            edit_count=message["edit_count"],
        )
        for message in raw
    ]


def _statuses(accounts: Sequence[dict[str, Any]]) -> list[Message]:
    return [
        Message(id=status["id"], text=status["text"])
        for account in accounts
        for status in account["statuses"]
        if not status["deleted"]
    ]

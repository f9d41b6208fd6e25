"""The sandbox from outside: its channels, its switch for Telegram, its log."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a channel."""

    id: int
    text: str  # of a document: its caption
    edit_count: int

    @property
    def first_line(self) -> str:
        """What the story wrote; the note's tags follow below."""
        return self.text.split("\n", 1)[0]


class Sandbox:
    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def turn(self, mode: str, **figures: float) -> None:
        """Turn Telegram's switch: up, slow, limited, error, down, hang, hang-before, ..."""
        answer = self._client.post("/services/telegram/mode", json={"mode": mode, **figures})
        answer.raise_for_status()

    def channels(self) -> dict[str, list[Message]]:
        """All messages by channel, such as "@news"; a channel nobody wrote to is missing or empty."""
        state = self._client.get("/state.json").raise_for_status().json()
        chats = state["services"]["telegram"]["chats"]
        return {"@" + chat["username"]: _messages(chat["messages"]) for chat in chats if chat.get("username")}

    def log(self) -> list[dict[str, Any]]:
        """Every request since the start: what it was, if it changed a channel, if it was answered."""
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

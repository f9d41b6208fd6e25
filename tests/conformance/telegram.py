"""Telegram for the conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from syncqueue.testing.conformance import Copy, Kind, pictures_by_content
from tests.conformance.sandboxed import SandboxedService

_KINDS: Mapping[str, Kind] = {
    "sendMessage": "create",
    "sendDocument": "create",
    "sendPhoto": "create",
    "sendMediaGroup": "create",
    "editMessageText": "edit",
    "editMessageCaption": "edit",
    "editMessageMedia": "edit",
    "deleteMessage": "delete",
}


class Telegram(SandboxedService):
    """A channel. What is too long is a file."""

    name: ClassVar[str] = "telegram"
    can_be_read: ClassVar[bool] = True
    takes_media: ClassVar[bool] = True
    address: ClassVar[str] = "@news"
    other_address: ClassVar[str] = "@drafts"
    finds_lost: ClassVar[bool] = True
    keeps_a_trace: ClassVar[bool] = True
    takes_lost_away: ClassVar[bool] = True
    proves_absence: ClassVar[bool] = False
    other_spelling: ClassVar[str] = "-1001000000001"

    def settings(self, url: str) -> dict[str, Any]:
        """The Bot API's address."""
        return {"OPTIONS": {"API_BASE_URL": url}}

    @property
    def secret(self) -> Mapping[str, str]:
        """The sandbox's bot."""
        return {"token": self.sandbox.bot_token}

    def copies(self, address: str | None = None) -> Sequence[Copy]:
        """Messages; of a file its content. An album is one copy, and so is a text with the pictures in reply to it."""
        copies: dict[str, Copy] = {}
        for message in self.sandbox.messages(address or self.address):
            number = str(message["message_id"])
            key = str(message.get("reply_parameters", {}).get("message_id") or message.get("media_group_id") or number)
            pictures = pictures_by_content([message[message["kind"]]]) if message["kind"] in ("photo", "video") else ()
            known = copies.get(key)
            copies[key] = Copy(
                id=known.id if known else number,
                text=(known.text if known else "") + _text(message),
                pictures=(*(known.pictures if known else ()), *pictures),
            )
        return list(copies.values())

    def kind_of(self, entry: Mapping[str, Any]) -> Kind | None:
        """By the method."""
        return _KINDS.get(entry["method"])

    def remove_by_hand(self, copy: Copy) -> None:
        """An administrator deletes it."""
        self.sandbox.remove_message(self.address, int(copy.id))


class UnsearchedTelegram(Telegram):
    """The same where lost messages are not to be looked for."""

    finds_lost: ClassVar[bool] = False
    keeps_a_trace: ClassVar[bool] = False
    takes_lost_away: ClassVar[bool] = False

    @property
    def options(self) -> Mapping[str, Any]:
        """Switched off."""
        return {"find_lost": False}


def _text(message: Mapping[str, Any]) -> str:
    if message["kind"] == "document":
        return str(message["document"]["text"])
    return str(message["text"] if message["kind"] == "text" else message["caption"])

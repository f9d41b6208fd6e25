"""A refusal of the Bot API."""

from __future__ import annotations

from typing import Any


class BotError(Exception):
    """An answer with ``ok`` false: HTTP status (also ``error_code``), description, ``parameters``."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def as_json(self) -> dict[str, Any]:
        answer = {"ok": False, "error_code": self.code, "description": self.description}
        return {**answer, "parameters": self.parameters} if self.parameters else answer


def bad_request(text: str) -> BotError:
    """400 with the server's wording."""
    return BotError(400, f"Bad Request: {text}")


def tdlib_refuses(message: str) -> BotError:
    """400 with words of TDLib, whose first letter the server makes small."""
    is_code = len(message) > 1 and (message[1] == "_" or message[1].isupper())
    return bad_request(message if is_code else message[:1].lower() + message[1:])


def forbidden(text: str) -> BotError:
    """403 with the server's wording."""
    return BotError(403, f"Forbidden: {text}")


def migrated(number: int) -> BotError:
    """400 of a group that has become the supergroup with this number."""
    text = "Bad Request: group chat was upgraded to a supergroup chat"
    return BotError(400, text, migrate_to_chat_id=number)

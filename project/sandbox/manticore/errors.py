"""A refusal of Manticore."""

from __future__ import annotations

import json
from typing import Any

QUOTED_CHARS = 300  # of a document that cannot be read


class Refusal(Exception):
    """An answer that refuses: HTTP status and the value of "error"."""

    def __init__(self, status: int, error: Any) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"error": self.error}
        return {**body, "status": self.status} if isinstance(self.error, dict) else body


def write_refused(table: str, text: str, status: int = 409) -> Refusal:
    """A write that does not fit its table."""
    return Refusal(status, {"type": text, "table": table})


def check_encoding(body: Any, text: str) -> None:
    """A half of a surrogate pair, as it stands in cut emojis, makes the whole request unreadable."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        reason = f"unable to parse: invalid unicode near '{text[:QUOTED_CHARS]}'"
        raise Refusal(400, {"type": "parse_exception", "reason": reason}) from error


def query_refused(text: str) -> Refusal:
    """A search or statement that cannot be carried out: 500, although it will never be anything else."""
    return Refusal(500, text)

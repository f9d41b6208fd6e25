"""What Manticore's answers mean for the queue. Pure; the one place where it is decided.

The status alone tells little: a search in a table that does not exist is answered with 500, and so is a whole batch
with one bad document. https://manual.manticoresearch.com/Connecting_to_the_server/HTTP
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, RateLimited, RetryLater
from syncqueue.secrets import redact

QUOTED_CHARACTERS = 300
UNNAMED_WAIT_SECONDS = 5.0  # of a proxy that limits and does not say for how long


class Refusal(StrEnum):
    """A refused request by what can be done about it."""

    NO_TABLE = "no table"  # it can be created
    NO_COLUMN = "no column"  # it can be added
    BATCH = "batch"  # at least one document of a batch is bad, and none was stored
    OTHER = "other"


class Refused(PermanentError):
    """Manticore refuses this request for good; `why` tells a caller who knows a way round."""

    def __init__(self, message: str, why: Refusal = Refusal.OTHER) -> None:
        """`message` is for people, if nobody knows a way round."""
        super().__init__(message)
        self.why = why


_REFUSALS = (
    ("unknown local table", Refusal.NO_TABLE),
    ("no such table", Refusal.NO_TABLE),
    ("unknown table", Refusal.NO_TABLE),
    ("absent", Refusal.NO_TABLE),  # "table 'notes' absent, or does not support INSERT"
    ("unknown column", Refusal.NO_COLUMN),
    ("attribute", Refusal.NO_COLUMN),  # of an update: "attribute 'deletedat' not found"
)
# Texts of 500s that come again however often it is tried.
_PERMANENT = (
    "syntax error", "query error", "parse_exception", "parse error", "bad json", "duplicate id", "already exists",
    "already in schema", "no field", "unknown attribute", "unknown full-text node", "unsupported", "out of bounds",
)  # fmt: skip


def translate(status: int, body: str, retry_after: str | None = None) -> HandlerError:
    """The error to raise for an answer that is none of success."""
    answer = _read(body)
    texts = list(_texts(answer))
    said = f"Manticore answers {status}: {_quoted(texts, answer, body)}"
    if status in (401, 403):
        return DestinationBroken(f"{said} (Is the destination's user name and password right?)")
    if status == 429:
        return RateLimited(said, after_seconds=_seconds(retry_after))
    if isinstance(answer, dict) and isinstance(answer.get("items"), list):
        return Refused(said, _why(texts, Refusal.BATCH))
    if status >= 500 and not _is_permanent(texts):
        return RetryLater(said)
    return Refused(said, _why(texts))


def _why(texts: list[str], other: Refusal = Refusal.OTHER) -> Refusal:
    lowered = " ".join(texts).lower()
    return next((why for sign, why in _REFUSALS if sign in lowered), other)


def _is_permanent(texts: list[str]) -> bool:
    lowered = " ".join(texts).lower()
    return _why(texts) is not Refusal.OTHER or any(sign in lowered for sign in _PERMANENT)


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _texts(answer: Any) -> Iterator[str]:
    """What an answer says of errors, wherever it stands: "error" is a text or an object, also inside "items"."""
    match answer:
        case {"error": str(text)}:
            yield text
        case {"error": {**details}}:
            yield from (str(value) for name, value in details.items() if name in ("type", "reason") and value)
        case {"items": list(items)}:
            for item in items:
                for result in item.values() if isinstance(item, dict) else ():
                    yield from _texts(result)
        case list(results):
            for result in results:
                yield from _texts(result)


def _quoted(texts: list[str], answer: Any, body: str) -> str:
    if answer is None:  # a proxy's page
        return f"no answer of its own ({len(body)} characters)"
    return redact(", ".join(text for text in texts if text) or "no reason given")[:QUOTED_CHARACTERS]


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdecimal() else UNNAMED_WAIT_SECONDS

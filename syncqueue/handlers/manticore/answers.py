"""Decides what Manticore's error responses mean for the queue. Pure; the only place where this is decided.

The status alone says little: 409 is the status of an unknown column and also of a full disk, and a search in a table
that does not exist returns 500. So only a text that names the document (or the query) is permanent; every
other refusal says nothing about the document and is temporary. https://manual.manticoresearch.com/Connecting_to_the_server/HTTP
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, RateLimited, Unavailable
from syncqueue.outbound.retry_after import wait_seconds
from syncqueue.secrets import redact

QUOTED_CHARACTERS = 200
READ_CHARACTERS = 500  # maximum length that is read of a text; an error may quote any part of a document
MAX_DEPTH = 4  # the deepest errors are at {"items": [{"replace": {"error": ...}}]}
MAX_TEXTS = 20  # maximum texts of one response; a batch has one per row
UNNAMED_WAIT_SECONDS = 5.0  # for the rate limit of a proxy that names no time


class Refusal(StrEnum):
    """The kinds of refused requests, by what can be done."""

    NO_TABLE = "no table"  # it can be created
    NO_COLUMN = "no column"  # it can be added
    BATCH = "batch"  # at least one document of a batch is bad, and none was stored
    OTHER = "other"


class Refused(PermanentError):
    """Manticore refuses this document or query permanently; `why` lets the caller try another way."""

    def __init__(self, message: str, why: Refusal = Refusal.OTHER) -> None:
        """`message` is for people, if there is no other way."""
        super().__init__(message)
        self.why = why


class Hindered(Unavailable):
    """Manticore refuses for a reason that names no document: a full disk, a locked table."""


_NAME = r"'\w{1,63}'"
_REFUSALS = (
    (
        re.compile(r"unknown local table|no such table|unknown table|absent, or does not support", re.I),
        Refusal.NO_TABLE,
    ),
    (re.compile(rf"unknown column|attribute {_NAME} not found|already in schema", re.I), Refusal.NO_COLUMN),
)
# Texts that name the document, an id, a vector or the query: a retry has the same result.
_PERMANENT = re.compile(
    r"row \d+, column \d+|parse_exception|parse error|unable to parse|bad json|duplicate id|document ids?\b|invalid id"
    r"|\bknn\b|\bvector|syntax error|query error|no field\b|unknown attribute|unknown full-text node"
    r"|unsupported (?:filter|value|type)|out of bounds|sort-by attribute|already exists|reserved keyword"
    r"|property should be",
    re.I,
)
# The parts of a text that may be shown, because they are not from the document: tables, columns, numbers, fixed words.
_SHOWN = re.compile(
    rf"unknown column: {_NAME}|table {_NAME} absent, or does not support INSERT|duplicate id '\d{{1,20}}'"
    rf"|(?:unknown local table\(s\)|no such table|unknown table) {_NAME}(?: in search request)?"
    rf"|(?:sort-by )?attribute {_NAME} not found|{_NAME} attribute already in schema|no field {_NAME} found in schema"
    rf"|unsupported filter column {_NAME}|(?:attribute name )?{_NAME} is a reserved keyword"
    rf"|table {_NAME} already exists|row \d{{1,9}}, column \d{{1,9}}(?:: (?:non-)?MVA value specified for a)?"
    rf"|table {_NAME} is [a-z ]{{1,40}}|syntax error(?:, unexpected [\w$ ]{{1,40}})?|No space left on device",
    re.I,
)
# The beginning of a text, up to where it may quote the document.
_FIRST_WORDS = re.compile(r"[A-Za-z0-9_ ,.()/-]{1,60}")
_QUOTING = re.compile(r"\bnear\b", re.I)  # "... near 'the rest of the document'"


def translate(status: int, body: str, retry_after: str | None = None) -> HandlerError:
    """Return the exception for a response that is not a success; `body` is the text of the response.

    The message never contains a part of the document, although the response may quote 300 characters of it.
    """
    answer = _read(body)
    texts = [_QUOTING.split(text[:READ_CHARACTERS], maxsplit=1)[0] for text in _texts(answer)]
    said = f"Manticore answers {status}: {_shown(texts, is_own=answer is not None)}"
    if status in (401, 403):
        return DestinationBroken(f"{said}. Are the destination's user name and password right?")
    if status == 429:
        wait = wait_seconds(retry_after, datetime.now(UTC))
        return RateLimited(f"{said}.", after_seconds=UNNAMED_WAIT_SECONDS if wait is None else wait)
    if status == 413:
        return Refused(f"{said}. The document is larger than the server or a proxy in front of it takes.")
    why = _why(texts)
    if why is not Refusal.OTHER or any(_PERMANENT.search(text) for text in texts):
        return Refused(f"{said}.", Refusal.BATCH if why is Refusal.OTHER and _is_batch(answer) else why)
    if 300 <= status < 400:
        return Unavailable(f"{said}. A redirect is not followed: enter the server's own address in OPTIONS['URL'].")
    return Hindered(f"{said}.") if texts else Unavailable(f"{said}.")


def _is_batch(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("items"), list)


def _why(texts: list[str]) -> Refusal:
    return next((why for sign, why in _REFUSALS if any(sign.search(text) for text in texts)), Refusal.OTHER)


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _texts(answer: Any) -> list[str]:
    found: list[str] = []
    for text in _all_texts(answer, MAX_DEPTH):
        if text and text not in found:
            found.append(text)
        if len(found) == MAX_TEXTS:
            break
    return found


def _all_texts(answer: Any, depth: int) -> Iterator[str]:
    """Yield the error texts of a response: "error" is a text or an object, possibly inside "items"."""
    if depth == 0:
        return
    match answer:
        case {"error": str(text)}:
            yield text
        case {"error": {**details}}:
            yield from (
                value for name, value in details.items() if name in ("type", "reason") and isinstance(value, str)
            )
        case {"items": list(items)}:
            for item in items:
                for result in item.values() if isinstance(item, dict) else ():
                    yield from _all_texts(result, depth - 1)
        case list(results):
            for result in results:
                yield from _all_texts(result, depth - 1)


def _shown(texts: list[str], *, is_own: bool) -> str:
    """Return the texts without anything that may be quoted from a document."""
    if not is_own:
        return "it is not Manticore's own answer but a proxy's page, or empty"
    pieces = [piece for text in texts for piece in _pieces(text)]
    return redact(", ".join(dict.fromkeys(pieces))[:QUOTED_CHARACTERS].rstrip(" .,") or "no reason given")


def _pieces(text: str) -> list[str]:
    first = _FIRST_WORDS.match(text)
    known = [found[0] for found in _SHOWN.finditer(text)]
    words = first[0].strip() if first else ""
    return known if any(words in piece for piece in known) else [words, *known] if words else known

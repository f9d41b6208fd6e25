"""The types that a ModelSync may declare for a search index, and the values that each type accepts.

Values are checked before anything is sent. A search service may silently store another value ("abc" becomes 0, a list
in a JSON column becomes null), and the object would never be found.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Columns of every row: they lead from a search result to its object.
OWN_NAMES = ("id", "object_source", "object_pk")
# Words that cannot be the name of a column or table, not even in backticks: "Reserved keywords" in
# https://manual.manticoresearch.com/References. Words that only some versions reserve are left to the server.
RESERVED_NAMES = frozenset(
    re.findall(
        r"\w+",
        """
        and as by columnarscan distinct div docidindex explain facet false force from ignore in indexes inner is
        join knn left limit mod no_columnarscan no_docidindex no_secondaryindex not null offset on or order reload
        secondaryindex select sysfilters true
        """,
    )
)
MAX_TEXT_BYTES = 4 * 1024 * 1024 - 1  # in UTF-8; the server cuts longer texts
MAX_JSON_DEPTH = 50
_UINT32, _INT64 = 2**32 - 1, 2**63 - 1


def searchable_text(value: Any) -> str:
    """Replace NUL characters, at which the server would cut the text, by spaces."""
    return _short_enough(_encodable(_a_text(value)).replace("\0", " "))


def _string(value: Any) -> str:
    text = _encodable(_a_text(value))
    if "\0" in text:
        raise ValueError("a text without NUL characters (the server would cut it there)")
    return _short_enough(text)


def _a_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _encodable(text: str) -> str:
    # A lone surrogate (a cut emoji) cannot be encoded as UTF-8 and would fail the whole request.
    return text.encode("utf-8", "replace").decode()


def _short_enough(text: str) -> str:
    if len(text) > MAX_TEXT_BYTES or len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"at most {MAX_TEXT_BYTES} bytes (the server would cut the rest)")
    return text


def _whole(value: Any, least: int, most: int, words: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(words)
    return value


def _integer(value: Any) -> int:
    return _whole(value, 0, _UINT32, f"a whole number from 0 to {_UINT32} (declare 'bigint' for others)")


def _bigint(value: Any) -> int:
    return _whole(value, -_INT64, _INT64, "a whole number of 64 bits")


def _float(value: Any) -> float:
    """Return a float. The column has 32 bits: it keeps about 7 digits, and larger values would become infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a finite number")
    try:
        struct.pack("<f", value)
        is_finite = math.isfinite(value)
    except (OverflowError, struct.error):
        is_finite = False
    if not is_finite:
        raise ValueError("a finite number of 32 bits (at most 3.4e38, either sign)")
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("True or False")
    return value


def _timestamp(value: Any) -> int | None:
    """Return seconds since 1970; None, so that the field is left out, if the column cannot hold the time."""
    words = "a datetime with a time zone, or seconds since 1970"
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = math.floor(value.timestamp())
    seconds = _whole(value, -_INT64, _INT64, words)
    return seconds if 0 <= seconds <= _UINT32 else None


def _multi(value: Any) -> list[int]:
    if not isinstance(value, list | tuple):
        raise ValueError("a list of whole numbers")
    return [_whole(item, 0, _UINT32, f"a list of whole numbers from 0 to {_UINT32}") for item in value]


def _json(value: Any) -> Any:
    if not isinstance(value, dict | list | tuple):
        raise ValueError("an object or a list (the server would store null for a single value)")
    if isinstance(value, list | tuple) and any(isinstance(item, list | tuple) for item in value):
        raise ValueError("an object, or a list without lists in it (the server refuses those)")
    for item in _json_items(value):
        if isinstance(item, str) and "\0" in item:
            raise ValueError("texts without NUL characters (the server would cut them there)")
        if isinstance(item, int) and not -_INT64 <= item <= _INT64:
            raise ValueError("whole numbers of 64 bits")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError):
        raise ValueError("what JSON can hold") from None
    return json.loads(_short_enough(_encodable(text)))


def _json_items(value: Any) -> Iterator[Any]:
    """Yield every nested value and key; raises `ValueError` if the value is nested too deeply or contains itself."""
    level = [value]
    for _depth in range(MAX_JSON_DEPTH):
        if not level:
            return
        inner: list[Any] = []
        for item in level:
            yield item
            if isinstance(item, dict):
                yield from item
                inner += item.values()
            elif isinstance(item, list | tuple):
                inner += item
        level = inner
    raise ValueError(f"at most {MAX_JSON_DEPTH} levels")


# Each function validates a value and returns it in the form in which it is sent, or None if the field must be left out.
# It raises `ValueError` with what the type accepts.
TYPES: Mapping[str, Callable[[Any], Any]] = {
    "text": searchable_text,  # searched
    "string": _string,  # filtered and sorted by, not searched
    "integer": _integer,
    "bigint": _bigint,
    "float": _float,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "multi": _multi,
    "json": _json,
}


def check_declaration(name: str, kind: str) -> str:
    """Return what is wrong with a declared field, or ""."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return "a name has lower-case letters, digits and _, and begins with a letter"
    if name in OWN_NAMES:
        return "syncqueue keeps this one itself; choose another name"
    if name in RESERVED_NAMES:
        return "this word is reserved in Manticore's SQL; choose another name"
    if kind not in TYPES:
        return f"there is no type {kind!r}; known: {', '.join(TYPES)}"
    return ""

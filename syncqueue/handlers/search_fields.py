"""The types a ModelSync may declare for a search index, and what each takes: checked before anything is sent.

A search service may store a wrong value without a word ("abc" becomes 0), so that it would never be found again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Columns every row has: they lead from a search result back to its object.
OWN_NAMES = ("id", "object_source", "object_pk")
_UINT32, _INT64 = 2**32 - 1, 2**63 - 1


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    # A lone surrogate (a cut emoji) cannot be written as UTF-8, and would fail the whole request.
    return value.encode("utf-8", "replace").decode()


def _whole(value: Any, least: int, most: int, words: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(words)
    return value


def _integer(value: Any) -> int:
    return _whole(value, 0, _UINT32, f"a whole number from 0 to {_UINT32} (declare 'bigint' for others)")


def _bigint(value: Any) -> int:
    return _whole(value, -_INT64, _INT64, "a whole number of 64 bits")


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):
        raise ValueError("a finite number")
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("True or False")
    return value


def _timestamp(value: Any) -> int:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = int(value.timestamp())
    return _whole(value, 0, _UINT32, "a datetime with a time zone, or seconds since 1970")


def _multi(value: Any) -> list[int]:
    if not isinstance(value, list | tuple):
        raise ValueError("a list of whole numbers")
    return [_whole(item, 0, _UINT32, "a list of whole numbers from 0") for item in value]


def _json(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("what JSON can hold") from None
    return value


# Each checks a value and answers it as it is sent; raises `ValueError` with what it takes.
TYPES: Mapping[str, Callable[[Any], Any]] = {
    "text": _text,  # searched
    "string": _text,  # filtered and sorted by, not searched
    "integer": _integer,
    "bigint": _bigint,
    "float": _float,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "multi": _multi,
    "json": _json,
}


def check_declaration(name: str, kind: str) -> str:
    """What is wrong with a declared field, or ""."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return "a name has lower-case letters, digits and _, and begins with a letter"
    if name in OWN_NAMES:
        return "syncqueue keeps this one itself; choose another name"
    if kind not in TYPES:
        return f"there is no type {kind!r}; known: {', '.join(TYPES)}"
    return ""

"""Column types, and what becomes of a value that does not fit: it is stored as something else, without a word."""

from __future__ import annotations

import re
from typing import Any

# As declared -> as DESCRIBE shows it
SHOWN = {
    "text": "text",
    "string": "string",
    "int": "uint",
    "integer": "uint",
    "uint": "uint",
    "bigint": "bigint",
    "float": "float",
    "bool": "bool",
    "boolean": "bool",
    "timestamp": "timestamp",
    "multi": "mva",
    "json": "json",
}
_NUMBER = re.compile(r"\s*[-+]?\d+")


def coerced(kind: str, value: Any) -> Any:
    """The value as the column keeps it: "abc" in a column of numbers is 0."""
    match kind:
        case "text" | "string":
            return value if isinstance(value, str) else "" if value is None else str(value)
        case "uint" | "timestamp":
            return whole(value) % 2**32
        case "bigint":
            return whole(value)
        case "bool":
            return bool(whole(value))
        case "float":
            return float(value) if isinstance(value, int | float) else 0.0
        case "mva":
            return sorted(whole(item) % 2**32 for item in value) if isinstance(value, list) else []
    return value


def default(kind: str) -> Any:
    """What a row has that names no value."""
    return None if kind == "json" else coerced(kind, None)


def whole(value: Any) -> int:
    """A whole number from whatever came, 0 when there is none in it."""
    if isinstance(value, int | float):
        return int(value)
    found = _NUMBER.match(value) if isinstance(value, str) else None
    return int(found[0]) if found else 0

"""Column types, and what becomes of a value that does not fit: it is stored as something else, without a word."""

from __future__ import annotations

import re
import struct
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
MAX_TEXT_BYTES = 4 * 1024 * 1024 - 1  # the rest of a longer text is not stored
_NUMBER = re.compile(r"\s*[-+]?\d+")


def misfit(kind: str, value: Any) -> str:
    """Why a value cannot be stored at all, or ""."""
    if isinstance(value, list) and kind not in ("mva", "json"):
        return "MVA value specified for a non-MVA column"
    if not isinstance(value, list) and kind == "mva":
        return "non-MVA value specified for a MVA column"
    if isinstance(value, list) and any(isinstance(item, list) for item in value):
        return "unsupported value type"
    return ""


def coerced(kind: str, value: Any) -> Any:
    """The value as the column keeps it: "abc" in a column of numbers is 0."""
    match kind:
        case "text" | "string":
            return _text(value if isinstance(value, str) else "" if value is None else str(value))
        case "uint" | "timestamp":
            return whole(value) % 2**32
        case "bigint":
            return whole(value)
        case "bool":
            return bool(whole(value))
        case "float":
            return _of_32_bits(value) if isinstance(value, int | float) else 0.0
        case "mva":
            return sorted({whole(item) % 2**32 for item in value}) if isinstance(value, list) else []
        case "json":
            return value if isinstance(value, dict | list) else None
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


def _text(value: str) -> str:
    """Up to the first NUL character, and not more bytes than there is room for."""
    return value.partition("\0")[0].encode()[:MAX_TEXT_BYTES].decode(errors="ignore")


def _of_32_bits(value: float) -> float:
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", value))
        return float(rounded)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")

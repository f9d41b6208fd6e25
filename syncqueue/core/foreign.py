"""Tolerant reading of values from Redis.

Another version may have written them (after a deployment, before a rollback), or a person by hand. Values that cannot
be read are skipped and counted, so that one malformed value neither hides the others nor stops a process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# The exceptions of parsing a malformed value: a missing field, another type, a number out of range for a date, invalid
# JSON, or JSON that is nested too deeply.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable(Generic[T]):
    """The values that could be read, in their order."""

    values: tuple[T, ...]
    unreadable_count: int  # how many could not be read

    def __iter__(self) -> Iterator[T]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


def read_each(parse: Callable[[R], T], found: Iterable[R]) -> Readable[T]:
    """Parse each value on its own. `parse` raises one of `UNREADABLE` for a value that it cannot read."""
    values: list[T] = []
    unreadable_count = 0
    for raw in found:
        try:
            values.append(parse(raw))
        except UNREADABLE:
            unreadable_count += 1
    return Readable(values=tuple(values), unreadable_count=unreadable_count)


def read_one(parse: Callable[[R], T], raw: R) -> T | None:
    """Parse one value; return None if it cannot be read."""
    return next(iter(read_each(parse, [raw])), None)


def json_object(text: str) -> dict[str, Any]:
    """Decode a JSON object. Raises one of `UNREADABLE`."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"A JSON object was expected, not a {type(found).__name__}.")
    return found

"""The one tolerant reader of what stands in Redis.

Another version writes there after a deployment or before a rollback, and people do by hand. What cannot be read is left
out and counted, so that one value of another form hides nothing else and ends nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# What parsing raises of a value of another form: a missing field, another type, a number beyond all times, a text that
# is no JSON, or one that is nested too deep.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable(Generic[T]):
    """What could be read of a number of values, in their order."""

    values: tuple[T, ...]
    unreadable_count: int  # how many could not

    def __iter__(self) -> Iterator[T]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)


def read_each(parse: Callable[[R], T], found: Iterable[R]) -> Readable[T]:
    """Parse each value by itself. `parse` raises one of `UNREADABLE` for what it cannot read."""
    values: list[T] = []
    unreadable_count = 0
    for raw in found:
        try:
            values.append(parse(raw))
        except UNREADABLE:
            unreadable_count += 1
    return Readable(values=tuple(values), unreadable_count=unreadable_count)


def read_one(parse: Callable[[R], T], raw: R) -> T | None:
    """Parse one value; None where it cannot be read."""
    return next(iter(read_each(parse, [raw])), None)


def json_object(text: str) -> dict[str, Any]:
    """The object that a text holds in JSON. Raises one of `UNREADABLE`."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"A JSON object was expected, not a {type(found).__name__}.")
    return found

"""Cutting long work into pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`, the last one shorter (itertools.batched, which Python 3.11 lacks)."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece

"""Splits long work into chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of `size`; the last list may be shorter (itertools.batched needs Python 3.12)."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece

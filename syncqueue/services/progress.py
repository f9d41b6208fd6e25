"""Telling how far long work is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

# Is told how many tasks of long work are done.
Progress: TypeAlias = Callable[[int], None]


def tell(progress: Progress | None, done: int) -> None:
    """Tell it, where somebody listens."""
    if progress is not None:
        progress(done)

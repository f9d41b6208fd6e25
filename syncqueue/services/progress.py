"""Progress reports of long work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

# Called with the number of tasks that are done.
Progress: TypeAlias = Callable[[int], None]


def tell(progress: Progress | None, done: int) -> None:
    """Call `progress`, if there is one."""
    if progress is not None:
        progress(done)

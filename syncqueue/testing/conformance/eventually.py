"""Waits for effects of other threads and processes: an assertion is repeated until it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_SECONDS = 0.02


def eventually(check: Callable[[], T], seconds: float) -> T:
    """Return the result of `check` once it raises no AssertionError; raises its last one when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)

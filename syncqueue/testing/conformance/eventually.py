"""Waiting for what happens elsewhere: an assertion is tried again until it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE_SECONDS = 0.02


def eventually(check: Callable[[], T], seconds: float) -> T:
    """Return what `check` returns once it raises no AssertionError; raise its own failure when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)

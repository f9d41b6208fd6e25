"""Waiting for what happens elsewhere: an assertion is tried again until it holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# Longer than a lease, a mark and the intervals of the tests' sites together, on a busy machine.
DEADLINE_SECONDS = 60.0
PAUSE_SECONDS = 0.02


def eventually(check: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> T:
    """What `check` answers once it raises no AssertionError; its own failure when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)

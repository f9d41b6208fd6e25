"""Waiting for what happens elsewhere: an assertion is tried again until it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from syncqueue.testing.conformance.eventually import eventually as waited_for

T = TypeVar("T")
# Only a broken product meets it: many times what a lease, a mark and the intervals of the tests' sites take together,
# so that a machine with fifteen busy processes for two cores passes as well.
DEADLINE_SECONDS = 240.0


def eventually(check: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> T:
    """Return what `check` returns once it raises no AssertionError; raise its own failure when time is up."""
    return waited_for(check, seconds)

"""The time by Redis's clock, which all processes of a site share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# A script with the key that the time is for, so that a cluster asks the node that the key is on.
SCRIPT = "return redis.call('TIME')"


def to_ms(answer: Sequence[Any]) -> int:
    """Epoch milliseconds of the answer of `SCRIPT`."""
    seconds, microseconds = answer
    return int(seconds) * 1000 + int(microseconds) // 1000

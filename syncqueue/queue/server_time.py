"""The time of the Redis clock, which all processes of a site share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Called with the key that the time is for, so that a cluster runs it on the node of that key.
SCRIPT = "return redis.call('TIME')"


def to_ms(answer: Sequence[Any]) -> int:
    """Return epoch milliseconds from the reply of `SCRIPT`."""
    seconds, microseconds = answer
    return int(seconds) * 1000 + int(microseconds) // 1000

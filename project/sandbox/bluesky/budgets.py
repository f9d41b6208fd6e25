"""How much an account has written in the last hour."""

from __future__ import annotations

import time
from collections import defaultdict, deque

from .errors import too_many

HOUR_SECONDS = 3600.0


class Budgets:
    """Points by account: https://docs.bsky.app/docs/advanced-guides/rate-limits."""

    def __init__(self) -> None:
        self._spent: dict[str, deque[tuple[float, int]]] = defaultdict(deque)

    def spend(self, did: str, points: int, limit: int) -> None:
        """Raises `XrpcError` 429."""
        now, spent = time.time(), self._spent[did]
        while spent and spent[0][0] < now - HOUR_SECONDS:
            spent.popleft()
        if sum(count for _at, count in spent) + points > limit:
            raise too_many()
        spent.append((now, points))

    def wait_seconds(self) -> int:
        """Until the oldest of what was written counts no more."""
        oldest = min((spent[0][0] for spent in self._spent.values() if spent), default=time.time())
        return max(int(oldest + HOUR_SECONDS - time.time()) + 1, 1)

"""How many requests an account may still make (https://docs.joinmastodon.org/api/rate-limits/).

A window begins with its first request. The real server's begin at full multiples of their length, which would let a
test meet the border between two.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from .options import Options


@dataclass(slots=True)
class _Window:
    ends_at: float  # epoch seconds
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What the X-RateLimit headers say."""

    limit: int
    remaining: int
    resets_at: float  # epoch seconds

    def headers(self, form: str) -> dict[str, str]:
        """In the form "iso" or "epoch"; "none": no server time, `Retry-After` alone."""
        if form == "none":
            return {"Retry-After": str(max(math.ceil(self.resets_at - time.time()), 1))} if not self.remaining else {}
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": reset_text(self.resets_at, form),
        }


def reset_text(at: float, form: str) -> str:
    """ISO 8601 in UTC as Mastodon writes it, or epoch seconds."""
    if form == "epoch":
        return str(math.ceil(at))
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Budgets:
    """Requests of every account, counted for all methods together and for uploads and deletes apart."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._windows: dict[tuple[str, str], _Window] = {}

    def spend(self, who: str, method: str, options: Options) -> bool:
        """Count one request. False: a budget is used up, the request must be refused."""
        windows = [(self._window(who, kind, options), _figures(kind, options)[0]) for kind in _kinds(method)]
        for window, _ in windows:
            window.used += 1
        return all(window.used <= limit for window, limit in windows)

    def tightest(self, who: str, method: str, options: Options) -> Budget:
        """The budget of this method with the least left."""
        return min((self._budget(who, kind, options) for kind in _kinds(method)), key=lambda budget: budget.remaining)

    def used_up(self, limit: int, seconds: float) -> Budget:
        """One with nothing left, for as long."""
        return Budget(limit=limit, remaining=0, resets_at=self._now() + seconds)

    def _budget(self, who: str, kind: str, options: Options) -> Budget:
        limit, _ = _figures(kind, options)
        window = self._window(who, kind, options)
        return Budget(limit=limit, remaining=max(limit - window.used, 0), resets_at=window.ends_at)

    def _window(self, who: str, kind: str, options: Options) -> _Window:
        now = self._now()
        window = self._windows.get((who, kind))
        if window is None or window.ends_at <= now:
            window = self._windows[who, kind] = _Window(now + _figures(kind, options)[1])
        return window


def _kinds(method: str) -> list[str]:
    own = {"POST /media": "media", "DELETE /statuses": "delete"}.get(method)
    return [own, "request"] if own else ["request"]


def _figures(kind: str, options: Options) -> tuple[int, int]:
    """Requests in a window, and its length in seconds."""
    limit: int = getattr(options, f"{kind}_limit")
    seconds: int = getattr(options, f"{kind}_seconds")
    return limit, seconds

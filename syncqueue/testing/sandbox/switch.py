"""The switch of one service: its mode, the modes planned for the next requests, and its rate limits."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable

from syncqueue.testing.sandbox.modes import Mode


class Switch:
    """The mode of the next request. Used only on the event loop of the sandbox."""

    def __init__(self) -> None:
        self.mode = Mode()
        self.plan: deque[Mode] = deque()
        self.turned = asyncio.Event()  # set at the next mode change, to wake hanging requests

    def turn(self, mode: Mode) -> None:
        """Change the mode and wake every request that hangs in the old mode."""
        self.mode = mode
        self.turned.set()
        self.turned = asyncio.Event()

    def plan_answers(self, modes: Iterable[Mode]) -> None:
        """Apply these modes to the next requests, one each; afterwards the mode of the switch applies again."""
        self.plan = deque(modes)

    def next_for(self, method: str, is_chat: Callable[[str], bool]) -> Mode:
        """Return the mode for a request of this method; consumes a planned mode. ``is_chat`` compares a chat."""
        if self.plan and _touches(self.plan[0], method, is_chat):
            return self.plan.popleft()
        return self.mode if _touches(self.mode, method, is_chat) else Mode()


def _touches(mode: Mode, method: str, is_chat: Callable[[str], bool]) -> bool:
    return mode.method in (None, method) and (mode.chat is None or is_chat(mode.chat))


class Pace:
    """Recent messages of each chat, for the optional rate limits (sliding windows)."""

    WINDOWS = (("per_chat_per_minute", 60.0), ("per_chat_per_second", 1.0))  # parameter, length in seconds

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._posted: dict[object, deque[float]] = defaultdict(deque)

    def note(self, chat: object) -> None:
        """Record a message to this chat."""
        self._posted[chat].append(self._now())

    def retry_after(self, chat: object, mode: Mode) -> int:
        """Return the whole seconds until this chat may get another message under the limits of the mode; 0: now."""
        now = self._now()
        posted = self._posted[chat]
        while posted and posted[0] <= now - 60.0:
            posted.popleft()
        waits = [self._wait(posted, now, mode.params.get(name), length) for name, length in self.WINDOWS]
        return math.ceil(max(waits))

    @staticmethod
    def _wait(posted: deque[float], now: float, limit: int | None, length: float) -> float:
        recent = [at for at in posted if at > now - length]
        if limit is None or len(recent) < limit:
            return 0.0
        return recent[-limit] + length - now

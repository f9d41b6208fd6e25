"""A limit on the bytes that all attempts of a process hold in memory at the same time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Reservation:
    """Bytes that are reserved for one piece of work."""

    def __init__(self, budget: ByteBudget, size: int) -> None:
        """`size`: the maximum that the work may need."""
        self._budget = budget
        self.size = size

    def shrink(self, size: int) -> None:
        """Give back what is above `size`: the work turned out to be smaller."""
        surplus = max(self.size - size, 0)
        self.size -= surplus
        self._budget.give_back(surplus)


class ByteBudget:
    """Lets work begin when its maximum size is available, first come, first served. For one event loop."""

    def __init__(self, size: int) -> None:
        """`size`: the total of all reservations, in bytes."""
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def reserve(self, size: int) -> AsyncIterator[Reservation]:
        """Wait until there is room for `size` bytes (or for the whole budget, if that is less), and hold them."""
        reservation = Reservation(self, min(size, self._size))
        await self._take(reservation.size)
        try:
            yield reservation
        finally:
            self.give_back(reservation.size)

    def give_back(self, size: int) -> None:
        """Release `size` bytes."""
        self._free += size
        while self._waiting and self._free >= self._waiting[0][0]:
            wanted, turn = self._waiting.popleft()
            if not turn.done():  # its attempt was cancelled meanwhile
                self._free -= wanted
                turn.set_result(None)

    async def _take(self, size: int) -> None:
        if not self._waiting and self._free >= size:
            self._free -= size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # cancelled at the moment of its turn
                self.give_back(size)
            raise

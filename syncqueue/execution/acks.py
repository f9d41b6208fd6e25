"""Acks in batches: those that arrive while one is under way leave together with the next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

from syncqueue.core.task import ClaimedTask
from syncqueue.queue import AsyncSyncQueue

# A task that is done, how many seconds its attempt took, which endpoint answered, and who waits for the answer.
_Waiting: TypeAlias = tuple[ClaimedTask, float, str, asyncio.Future[bool]]


class AckBuffer:
    """Gathers the acks of one queue."""

    def __init__(self, queue: AsyncSyncQueue) -> None:
        """`queue` is where they go."""
        self._queue = queue
        self._waiting: list[_Waiting] = []
        self._sending = False

    async def ack(self, claimed: ClaimedTask, seconds: float, endpoint: str) -> bool:
        """End a task whose attempt took so long. Returns whether its lease was valid. Raises `QueueUnavailable`."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((claimed, seconds, endpoint, answer))
        if not self._sending:
            await self._send_all()
        return await answer

    async def _send_all(self) -> None:
        self._sending = True
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._send(batch)
        finally:
            self._sending = False

    async def _send(self, batch: list[_Waiting]) -> None:
        try:
            tasks, seconds, endpoints, _ = zip(*batch, strict=True)
            held = await self._queue.ack(*tasks, seconds=seconds, endpoints=endpoints)
        except Exception as error:  # of these alone: those that came meanwhile are sent next
            _end(batch, error)
            return
        except asyncio.CancelledError as error:  # nobody is left to send what came meanwhile
            left, self._waiting = self._waiting, []
            _end([*batch, *left], error)
            raise
        for (_, _, _, answer), was_held in zip(batch, held, strict=True):
            if not answer.done():
                answer.set_result(was_held)


def _end(batch: Sequence[_Waiting], error: BaseException) -> None:
    for _, _, _, answer in batch:
        if not answer.done():
            answer.set_exception(error)
            answer.exception()  # looked at here: who gave up waiting is not to be reminded

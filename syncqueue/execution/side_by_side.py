"""Concurrent attempts at generic tasks with a separate call for each: they share a deadline and their acks.

Attempts that end while an ack is being sent share the next one. So a worker that does thousands of short tasks a second
makes few round trips, and no task waits for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from syncqueue import tracing
from syncqueue.core.errors import OutcomeUnknown
from syncqueue.core.result import SyncResult
from syncqueue.core.task import ClaimedTask
from syncqueue.execution.finisher import Attempt
from syncqueue.execution.sending import uncancelled

Work: TypeAlias = Callable[[ClaimedTask], Awaitable[SyncResult | None]]
Finished: TypeAlias = tuple[Attempt, SyncResult]
End: TypeAlias = Callable[[Sequence[Finished]], Awaitable[None]]


class SideBySide:
    """Attempts that begin together. An instance is used once."""

    def __init__(self, work: Work, timeout_seconds: float | None) -> None:
        """`work` does one task. `timeout_seconds`: None if the work cannot be cancelled, as in a thread."""
        self._work = work
        self._timeout_seconds = timeout_seconds
        self._is_late = False
        self._ended: list[Finished] = []
        self._news = asyncio.Event()

    async def run(self, group: Sequence[Attempt], end: End) -> None:
        """Make the attempts. `end` receives finished ones, one or many at a time, and must not raise."""
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._attempt(one)) for one in group]
        deadline = loop.call_later(self._timeout_seconds, self._cut_off, tasks) if self._timeout_seconds else None
        left = len(tasks)
        try:
            while left:
                await self._news.wait()
                self._news.clear()
                ended, self._ended = self._ended, []
                left -= len(ended)
                await end(ended)
        finally:
            if deadline:
                deadline.cancel()

    def _cut_off(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        self._is_late = True
        for task in tasks:
            task.cancel()

    async def _attempt(self, attempt: Attempt) -> None:
        task = attempt.claimed.task
        with tracing.span("attempt", "consumer", [task], service=task.service, count=1):
            result = await self._result(attempt)
            if tracing.IS_AVAILABLE:
                tracing.note("ended", **attempt.with_outcome(result))
        self._ended.append((attempt, result))
        self._news.set()

    async def _result(self, attempt: Attempt) -> SyncResult:
        try:
            with tracing.span("send", "client", service=attempt.claimed.task.service, count=1):
                return _checked(await uncancelled(self._work(attempt.claimed)))
        except asyncio.CancelledError:
            if not self._is_late:
                raise
            text = f"No answer within {self._timeout_seconds:g} s; it is not known whether it was carried out."
            return SyncResult.from_exception(OutcomeUnknown(text))
        except Exception as error:  # a handler may raise anything
            return SyncResult.from_exception(error)


def _checked(answer: SyncResult | None) -> SyncResult:
    if answer is None:
        return SyncResult.success()
    if not isinstance(answer, SyncResult):
        raise TypeError(f"A handler answers a SyncResult or None, not a {type(answer).__name__}.")
    return answer

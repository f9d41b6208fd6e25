"""Runs blocking calls of a client library outside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Well above any service's CONCURRENCY: an attempt that timed out keeps its thread until the call returns.
THREAD_COUNT = 64


class HandlerThreads:
    """The threads of one handler, started when needed.

    A running call cannot be cancelled: it must end by its own timeouts. A call that still waits for a thread when
    its attempt is cancelled never runs.
    """

    def __init__(self, name: str) -> None:
        """`name`: the service; part of the thread names."""
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread; returns its result and raises its exception."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREAD_COUNT, thread_name_prefix=f"syncqueue-{self._name}")
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *args, **kwargs))

    def close(self) -> None:
        """Accept no more calls; running calls finish. A later `run` starts new threads."""
        pool, self._pool = self._pool, None
        if pool is not None:
            # Without waiting: the caller closes all handlers and has a deadline.
            pool.shutdown(wait=False, cancel_futures=True)

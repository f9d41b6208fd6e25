"""Blocking calls of a handler's client library, away from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Well above any service's CONCURRENCY: an attempt that was cut off leaves its thread behind until the call ends.
THREAD_COUNT = 64


class HandlerThreads:
    """Threads of one handler, started when they are needed.

    A call that has begun cannot be taken back: whatever it does must end by its own timeouts. One that still waits
    for a thread when its attempt is cut off is never made.
    """

    def __init__(self, name: str) -> None:
        """`name`: of the service, for the names of the threads."""
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` answers; what it raises is raised here."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(THREAD_COUNT, thread_name_prefix=f"syncqueue-{self._name}")
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(work, *args, **kwargs))

    def close(self) -> None:
        """Take no more calls; those that have begun come to their own end. A later call starts new threads."""
        pool, self._pool = self._pool, None
        if pool is not None:
            # Not waiting: the loop that closes handlers has other things to end in time.
            pool.shutdown(wait=False, cancel_futures=True)

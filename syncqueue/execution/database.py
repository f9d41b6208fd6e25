"""Database work for an event loop, on a few threads of its own.

Not Django's async ORM: under a request that would wait for the request's own thread, which may be waiting for us.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import inf
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
T = TypeVar("T")

# Looking after a connection costs a little; a thread that works without pause need not do it each time.
_CARE_SECONDS = 5.0


class DatabaseThreads:
    """Runs plain functions that use the ORM, away from the event loop."""

    def __init__(self, thread_count: int = 4) -> None:
        """The threads are started when first used."""
        self._thread_count = thread_count
        self._pool = ThreadPoolExecutor(thread_count, thread_name_prefix="syncqueue-db")
        self._local = threading.local()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` answers; what it raises is raised here."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: self._work(work, *args, **kwargs))

    def _work(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if time.monotonic() - getattr(self._local, "cared_at", -inf) > _CARE_SECONDS:
            close_old_connections()
        # After work that raised, the next one looks first whether its connection is still good.
        self._local.cared_at = -inf
        answer = work(*args, **kwargs)
        self._local.cared_at = time.monotonic()
        return answer

    def close(self) -> None:
        """End the threads and their connections, after the work they have begun."""
        # At the barrier each thread holds one of these, so that every thread closes its own connections.
        everyone = threading.Barrier(self._thread_count)
        for _ in range(self._thread_count):
            self._pool.submit(_leave, everyone)
        self._pool.shutdown(wait=True)


def _leave(everyone: threading.Barrier) -> None:
    connections.close_all()
    with suppress(threading.BrokenBarrierError):
        everyone.wait(timeout=5)

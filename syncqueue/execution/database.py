"""Database work for an event loop, on a few threads of its own.

Not Django's async ORM: under a request that would wait for the request's own thread, which may be waiting for us.

The threads hold connections of their own, beside those of the site. They give them back where others may need them:
into a pool (`"OPTIONS": {"pool": ...}`) after each piece of work, since a pool without connections stops the site; and
where CONN_MAX_AGE is 0, in a web process, once nothing has been done for a moment.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import inf
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
T = TypeVar("T")

# As many pieces of work at once; each piece is a few statements.
THREAD_COUNT = 4
# Looking after a connection costs a little; a thread that works without pause need not do it each time.
_CARE_SECONDS = 5.0
# An attempt has some pieces of work, with a call to a service between them; a connection is not made anew for each.
WEB_LINGER_SECONDS = 1.0
# psycopg_pool's, for a pool whose size is not said.
_POOL_SIZE = 4


class DatabaseThreads:
    """Runs plain functions that use the ORM, away from the event loop."""

    def __init__(self, thread_count: int | None = None, *, linger_seconds: float | None = None) -> None:
        """The threads are started when first used.

        `thread_count`: by default `THREAD_COUNT`, and at most half of a pool of connections. `linger_seconds`: without
        work for this long, connections are closed whose CONN_MAX_AGE is 0; None (a worker) keeps them.
        """
        self._thread_count = thread_count or _thread_count()
        self._linger_seconds = linger_seconds
        self._pool = ThreadPoolExecutor(self._thread_count, thread_name_prefix="syncqueue-db")
        self._local = threading.local()
        self._running = 0  # pieces of work under way; counted on the event loop
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns; what it raises is raised here."""
        loop = asyncio.get_running_loop()
        self._running += 1
        self._cancel_timer()
        try:
            return await loop.run_in_executor(self._pool, lambda: self._work(work, *args, **kwargs))
        finally:
            self._running -= 1
            if not self._running and self._linger_seconds is not None:
                self._timer = loop.call_later(self._linger_seconds, self._give_back)

    def _work(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if time.monotonic() - getattr(self._local, "cared_at", -inf) > _CARE_SECONDS:
            close_old_connections()
        # After work that raised, the next one looks first whether its connection is still good.
        self._local.cared_at = -inf
        try:
            answer = work(*args, **kwargs)
        finally:
            _close(_is_pooled)
        self._local.cared_at = time.monotonic()
        return answer

    def _give_back(self) -> None:
        self._timer = None
        if any(map(_is_short_lived, connections.settings.values())):
            with suppress(RuntimeError):  # closed meanwhile, or Python is ending
                self._in_each_thread(lambda: _close(_is_short_lived))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _in_each_thread(self, work: Callable[[], object]) -> None:
        # At the barrier each thread holds one of these, so that every thread does it once.
        everyone = threading.Barrier(self._thread_count)
        for _ in range(self._thread_count):
            self._pool.submit(_do_and_meet, work, everyone)

    def close(self) -> None:
        """End the threads and their connections, after the work they have begun."""
        self._linger_seconds = None
        self._in_each_thread(connections.close_all)
        self._pool.shutdown(wait=True)


def _do_and_meet(work: Callable[[], object], everyone: threading.Barrier) -> None:
    work()
    with suppress(threading.BrokenBarrierError):
        everyone.wait(timeout=5)


def _close(which: Callable[[Mapping[str, Any]], bool]) -> None:
    """Close this thread's connections to databases of a kind; a pooled one goes back to its pool."""
    for connection in connections.all(initialized_only=True):
        if which(connection.settings_dict) and not connection.in_atomic_block:
            connection.close()


def _is_pooled(database: Mapping[str, Any]) -> bool:
    return pool_size(database) is not None


def _is_short_lived(database: Mapping[str, Any]) -> bool:
    return database.get("CONN_MAX_AGE") == 0


def pool_size(database: Mapping[str, Any]) -> int | None:
    """The most connections that a pool of an entry of DATABASES holds; None without a pool."""
    given = database.get("OPTIONS", {}).get("pool")
    if not given:
        return None
    options = given if isinstance(given, Mapping) else {}
    return int(options.get("max_size") or options.get("min_size", _POOL_SIZE))


def _thread_count() -> int:
    """Half of the smallest pool is left to the requests, which wait for our work while they hold a connection."""
    sizes = [size for database in connections.settings.values() if (size := pool_size(database)) is not None]
    return max(1, min([THREAD_COUNT, *(size // 2 for size in sizes)]))

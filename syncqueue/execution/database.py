"""Database work for an event loop, on a few separate threads.

Django's async ORM is not used: in a request it would run on the thread of that request, which may be waiting for this
work.

The threads have their own connections, in addition to those of the site. They return them when others may need them:
to a pool (`"OPTIONS": {"pool": ...}`) after each piece of work, because an exhausted pool stops the site; and, in a web
process with CONN_MAX_AGE 0, after a short time without work.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import inf
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connections

logger = logging.getLogger("syncqueue.execution")

P = ParamSpec("P")
T = TypeVar("T")

# Maximum concurrent pieces of work; each piece is a few statements.
THREAD_COUNT = 4
# Interval of `close_old_connections`, which has a small cost, on a busy thread.
_CARE_SECONDS = 5.0
# An attempt has several pieces of work with a call to a service between them; they share a connection.
WEB_LINGER_SECONDS = 1.0
# The default size of psycopg_pool.
_POOL_SIZE = 4
# Before each new try of `retried`: a short outage must not lose the id of a message that was just posted.
_DELAYS_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


class DatabaseThreads:
    """Runs synchronous functions that use the ORM, outside the event loop."""

    def __init__(self, thread_count: int | None = None, *, linger_seconds: float | None = None) -> None:
        """The threads start at first use.

        `thread_count`: by default `THREAD_COUNT`, and at most half the size of a connection pool. `linger_seconds`:
        after this time without work, connections with CONN_MAX_AGE 0 are closed; None (a worker) keeps them.
        """
        self._thread_count = thread_count or _thread_count()
        self._linger_seconds = linger_seconds
        self._pool = ThreadPoolExecutor(self._thread_count, thread_name_prefix="syncqueue-db")
        self._local = threading.local()
        self._running = 0  # pieces of work under way; counted on the event loop
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread; returns its result or raises its exception."""
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
        # After an exception, the next piece of work first checks its connection.
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
            with suppress(RuntimeError):  # closed meanwhile, or Python is shutting down
                self._in_each_thread(lambda: _close(_is_short_lived))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _in_each_thread(self, work: Callable[[], object]) -> None:
        # The barrier keeps each thread busy until all of them have one item, so every thread does the work once.
        everyone = threading.Barrier(self._thread_count)
        for _ in range(self._thread_count):
            self._pool.submit(_do_and_meet, work, everyone)

    def close(self) -> None:
        """Finish the running work, then close the connections and end the threads."""
        self._linger_seconds = None
        self._in_each_thread(connections.close_all)
        self._pool.shutdown(wait=True)


async def retried(work: Callable[[], Awaitable[T]]) -> T:
    """Do database work again if it fails: during a short outage, or after a conflict with another transaction."""
    for delay in _DELAYS_SECONDS:
        try:
            return await work()
        except (OperationalError, InterfaceError) as error:
            logger.warning("A database operation failed and is tried again in %s s: %s", delay, error)
            await asyncio.sleep(delay)
    return await work()


def _do_and_meet(work: Callable[[], object], everyone: threading.Barrier) -> None:
    work()
    with suppress(threading.BrokenBarrierError):
        everyone.wait(timeout=5)


def _close(which: Callable[[Mapping[str, Any]], bool]) -> None:
    """Close this thread's connections that match `which`; a pooled connection returns to its pool."""
    for connection in connections.all(initialized_only=True):
        if which(connection.settings_dict) and not connection.in_atomic_block:
            connection.close()


def _is_pooled(database: Mapping[str, Any]) -> bool:
    return pool_size(database) is not None


def _is_short_lived(database: Mapping[str, Any]) -> bool:
    return database.get("CONN_MAX_AGE") == 0


def pool_size(database: Mapping[str, Any]) -> int | None:
    """Return the maximum pool size of an entry of DATABASES; None without a pool."""
    given = database.get("OPTIONS", {}).get("pool")
    if not given:
        return None
    options = given if isinstance(given, Mapping) else {}
    return int(options.get("max_size") or options.get("min_size", _POOL_SIZE))


def _thread_count() -> int:
    """Leave half of the smallest pool to the requests, which hold a connection while they wait for this work."""
    sizes = [size for database in connections.settings.values() if (size := pool_size(database)) is not None]
    return max(1, min([THREAD_COUNT, *(size // 2 for size in sizes)]))

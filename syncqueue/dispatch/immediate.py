"""The event loop of a web process, on which saves are attempted while the request waits.

There is one per process, created at first use and again after a fork. It keeps clients and connections open, runs in an
empty context, and is drained for a few seconds when the process ends.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from contextlib import suppress

from syncqueue.conf import Settings, get_settings
from syncqueue.execution.database import WEB_LINGER_SECONDS, DatabaseThreads
from syncqueue.execution.executor import Executor
from syncqueue.execution.run import Run
from syncqueue.queue import make_async_queue
from syncqueue.queue.connection import WEB_TIMEOUT_SECONDS, async_client
from syncqueue.site import site_id

logger = logging.getLogger("syncqueue.execution")

# Time for running attempts when the process ends; a worker recovers the others when their leases expire.
DRAIN_SECONDS = 5.0
_LET_GO_SECONDS = 1.0
# Maximum number of running attempts, because services may hang. Further saves go to the queue.
MOST_AT_ONCE = 50


class ImmediateLoop:
    """An event loop on a separate thread, with an executor for the current settings."""

    def __init__(self) -> None:
        """Start the thread."""
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._database = DatabaseThreads(linger_seconds=WEB_LINGER_SECONDS)
        self._executor: tuple[Settings, Executor, Callable[[], Awaitable[None]]] | None = None
        self._open: set[Future[None]] = set()
        self._attempts = 0
        run = contextvars.Context().run
        self._thread = threading.Thread(
            target=run, args=(self._loop.run_forever,), name="syncqueue-immediate", daemon=True
        )
        self._thread.start()

    def attempt(self, run: Run) -> Future[None]:
        """Begin the attempts of a run; the future is done when all of them have ended, and its result is None."""
        settings, stamp, count = get_settings(), site_id(), len(run.claimed)
        with _lock:
            self._attempts += count
        future = contextvars.Context().run(
            asyncio.run_coroutine_threadsafe,
            self._attempt(settings, stamp, run),
            self._loop,
        )
        future.add_done_callback(lambda _: self._end(count))
        self._open_until_done(future)
        return future

    def has_room(self, count: int) -> bool:
        """Return whether `count` attempts may begin."""
        return self._attempts + count <= MOST_AT_ONCE

    def _end(self, count: int) -> None:
        with _lock:
            self._attempts -= count

    def later(self, work: Callable[[], None]) -> None:
        """Do work in a database thread; the request does not wait for it."""
        self._open_until_done(
            contextvars.Context().run(asyncio.run_coroutine_threadsafe, self._database.run(work), self._loop)
        )

    def _open_until_done(self, future: Future[None]) -> None:
        self._open.add(future)
        future.add_done_callback(self._finished)

    def _finished(self, future: Future[None]) -> None:
        self._open.discard(future)
        if not future.cancelled() and (error := future.exception()):
            logger.error("An immediate attempt was aborted", exc_info=error)

    async def _attempt(self, settings: Settings, stamp: str, run: Run) -> None:
        executor = await self._executor_for(settings, stamp)
        await executor.run(run)

    async def _executor_for(self, settings: Settings, stamp: str) -> Executor:
        if self._executor is not None and self._executor[0] is settings:
            return self._executor[1]
        before = self._executor
        client = async_client(settings.redis, WEB_TIMEOUT_SECONDS)
        queues = {name: make_async_queue(client, settings, name, stamp) for name in settings.services}
        executor = Executor(settings, queues, self._database)
        self._executor = (settings, executor, client.aclose)
        if before is not None:
            await before[1].aclose()
            await before[2]()
        return executor

    def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Wait for running attempts, at most `seconds`."""
        wait(list(self._open), timeout=seconds)

    def let_go(self, seconds: float = DRAIN_SECONDS) -> None:
        """Close the connections to services and to Redis; raises `TimeoutError`."""
        if self._executor is not None:
            _, executor, close_client = self._executor
            asyncio.run_coroutine_threadsafe(_closed(executor, close_client), self._loop).result(seconds)

    def drain_and_let_go(self) -> None:
        """Drain, then close the connections; attempts that are still running keep theirs."""
        self.drain()
        if not self._open:
            with suppress(TimeoutError):
                self.let_go(_LET_GO_SECONDS)

    def close(self) -> None:
        """Drain, close the connections, and end the thread."""
        self.drain()
        self.let_go()
        self._database.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DRAIN_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()


async def _closed(executor: Executor, close_client: Callable[[], Awaitable[None]]) -> None:
    await executor.aclose()
    await close_client()


_lock = threading.Lock()
_current: ImmediateLoop | None = None


def immediate_loop() -> ImmediateLoop:
    """Return the loop of this process. A forked child creates its own, because threads do not survive a fork."""
    global _current
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = ImmediateLoop()
        return _current


def is_gevent() -> bool:
    """Return whether gevent has patched threads: an event loop on a thread would then block the whole process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def close() -> None:
    """Close the loop of this process, if there is one."""
    global _current
    with _lock:
        current, _current = _current, None
    if current is not None and current.pid == os.getpid():
        current.close()


def _at_exit() -> None:
    if _current is not None and _current.pid == os.getpid():
        _current.drain_and_let_go()


# The drain needs the threads of executors, which Python ends before it calls `atexit` functions. This private hook of
# those executors runs earlier. Where it is missing, the leases expire and a worker continues.
getattr(threading, "_register_atexit", atexit.register)(_at_exit)
# In a forked child the lock may be held by a thread that does not exist there.
os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock(), _current=None))

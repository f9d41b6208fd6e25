"""Runs blocking calls of a client library outside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Well above any service's CONCURRENCY: an attempt that timed out keeps its thread until the call returns.
THREAD_COUNT = 64


class HandlerThreads:
    """The threads of one handler, one for each call.

    A running call cannot be cancelled: it must end by its own timeouts. A call that still waits for a thread when its
    attempt is cancelled never runs. The threads are daemons, so a process that exits does not wait for a hanging
    service; its calls count as interrupted, as after a kill, and a worker continues with them.
    """

    def __init__(self, name: str) -> None:
        """`name`: the service; part of the thread names."""
        self._name = name
        self._free: asyncio.Semaphore | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread; returns its result and raises its exception."""
        free = self._free = self._free or asyncio.Semaphore(THREAD_COUNT)
        await free.acquire()
        if self._free is not free:
            free.release()
            raise RuntimeError(f"The handler of {self._name} was closed while a call waited for a thread.")
        call = _Call(partial(work, *args, **kwargs), free)
        thread = threading.Thread(target=call.run, name=f"syncqueue-{self._name}", daemon=True)
        try:
            thread.start()
        except BaseException:
            free.release()
            raise
        result: T = await call.future
        return result

    def close(self) -> None:
        """Refuse the calls that wait for a thread; running calls finish. Later calls are accepted again.

        It does not wait: the caller closes all handlers and has a deadline.
        """
        self._free = None


class _Call:
    """One call in a thread."""

    def __init__(self, work: Callable[[], Any], free: asyncio.Semaphore) -> None:
        self._work = work
        self._free = free
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def run(self) -> None:
        """Run the call; the target of the thread."""
        result: Any = None
        error: BaseException | None = None
        try:
            result = self._work()
        except StopIteration as stopped:  # a future does not accept it
            error = RuntimeError("a handler's call raised StopIteration")
            error.__cause__ = stopped
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop was closed, so nothing awaits the result
            self._loop.call_soon_threadsafe(self._end, result, error)

    def _end(self, result: Any, error: BaseException | None) -> None:
        self._free.release()
        if self.future.done():
            return  # its attempt was cancelled
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)

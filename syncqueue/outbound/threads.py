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
    """Threads of one handler, one for each call.

    A call that has begun cannot be taken back: whatever it does must end by its own timeouts. One that still waits
    for a thread when its attempt is cut off is never made. The threads are daemons: a process that ends does not wait
    for a service that hangs. What it had begun counts as cut off, as after a kill, and a worker goes on with it.
    """

    def __init__(self, name: str) -> None:
        """`name`: the service; part of the thread names."""
        self._name = name
        self._free: asyncio.Semaphore | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns; what it raises is raised here."""
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
        """Refuse the calls that wait for a thread; those that have begun come to their own end.

        It does not wait: the loop that closes handlers has other things to end in time. A later call is taken again.
        """
        self._free = None


class _Call:
    """One call on its way through a thread."""

    def __init__(self, work: Callable[[], Any], free: asyncio.Semaphore) -> None:
        self._work = work
        self._free = free
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self._loop.create_future()

    def run(self) -> None:
        """The thread's whole life."""
        result: Any = None
        error: BaseException | None = None
        try:
            result = self._work()
        except StopIteration as stopped:  # a future cannot hold it
            error = RuntimeError("a handler's call raised StopIteration")
            error.__cause__ = stopped
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop was closed meanwhile, so nobody waits
            self._loop.call_soon_threadsafe(self._end, result, error)

    def _end(self, result: Any, error: BaseException | None) -> None:
        self._free.release()
        if self.future.done():
            return  # its attempt was cut off
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)

"""Calls of a service from a web request: each has a deadline, and each owner may make one at a time.

A service may send one byte every few seconds, and code of the site may block. So the call runs in a separate thread,
and the request stops waiting for it at the deadline.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from django.utils.translation import gettext as _

from syncqueue.conf import get_settings
from syncqueue.core.errors import HandlerError, Unavailable

T = TypeVar("T")

REQUEST_SECONDS = 8.0  # below the timeouts of proxies and of web servers
# Time for the handler to close its connections after the deadline.
_CLOSE_SECONDS = 1.0

_busy: set[str] = set()  # the owners whose call is still running in this process
_lock = threading.Lock()


def within_deadline(work: Callable[[], Coroutine[Any, Any, T]], *, owner: str) -> T:
    """Return the result of `work`, or raise its exception; raises `Unavailable` at the deadline.

    The deadline is REQUEST_SECONDS, or the attempt timeout if that is shorter. `owner`: the person for whom the service
    is called; "": the site. Raises `HandlerError` while another call for the same owner is running in this process,
    even after its deadline.
    """
    seconds = min(REQUEST_SECONDS, get_settings().processing.attempt_timeout_seconds)
    with _lock:
        if owner in _busy:
            raise HandlerError(_("Another test is still running. Try again in a few seconds."))
        _busy.add(owner)
    call = _Call(work, owner, seconds)
    context = contextvars.copy_context()  # the language of the request
    thread = threading.Thread(target=context.run, args=(call.run,), name="syncqueue-request", daemon=True)
    try:
        thread.start()
    except BaseException:
        _free(owner)
        raise
    thread.join(seconds + _CLOSE_SECONDS)
    return call.result()


def _free(owner: str) -> None:
    with _lock:
        _busy.discard(owner)


class _Call(Generic[T]):
    """One call in its thread."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]], owner: str, seconds: float) -> None:
        self._work = work
        self._owner = owner
        self._seconds = seconds
        self._values: list[T] = []
        self._error: BaseException = Unavailable(_("No answer within %g s.") % seconds)

    def run(self) -> None:
        """Run the work on an event loop; the target of the thread."""
        try:
            self._values.append(asyncio.run(self._limited()))
        except BaseException as error:
            self._error = error
        finally:
            _free(self._owner)

    async def _limited(self) -> T:
        late = self._error
        try:
            async with asyncio.timeout(self._seconds) as limit:
                return await self._work()
        except TimeoutError:
            if not limit.expired():
                raise
            raise late from None

    def result(self) -> T:
        """Return the result or raise the exception, without the thread's traceback, whose frames hold the secret."""
        if self._values:
            return self._values[0]
        raise self._error.with_traceback(None)

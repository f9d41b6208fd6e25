"""The lifecycle of a sandbox's process: open the ports, say where they are, and end on a signal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable
from functools import partial

from syncqueue.testing.sandbox.control import control_app
from syncqueue.testing.sandbox.endpoint import Endpoint
from syncqueue.testing.sandbox.sandbox import Sandbox


async def serve(sandbox: Sandbox, host: str, control_port: int, *, exit_with_parent: bool) -> None:
    """Run until SIGTERM or SIGINT, or with `exit_with_parent` until standard input is closed. Raises `PortTaken`.

    Prints one line of JSON when all ports are open: the URLs of the control port and of each service.
    """
    control = Endpoint(control_app(sandbox, host), host, control_port, option="--control-port")
    stop = _stop_event(exit_with_parent)
    try:
        await sandbox.open()
        await control.open()
        print(json.dumps({"control": control.url, **sandbox.urls()}), flush=True)
        await stop.wait()
    finally:
        await control.close()
        await sandbox.close()


def _stop_event(is_bound_to_parent: bool) -> asyncio.Event:
    """Return an event that SIGTERM, SIGINT and, if requested, the end of the parent process set."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if is_bound_to_parent:
        ended = partial(loop.call_soon_threadsafe, stop.set)
        threading.Thread(target=_watch_stdin, args=(ended,), daemon=True).start()
    return stop


def _watch_stdin(ended: Callable[[], object]) -> None:
    """Wait until standard input is closed: the kernel closes it when the parent ends, in whatever way.

    Reads the file descriptor directly: a thread that waits inside ``sys.stdin`` holds a lock that a normal exit needs.
    """
    while os.read(0, 4096):
        pass
    ended()

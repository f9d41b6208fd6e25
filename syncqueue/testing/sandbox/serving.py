"""The process of a sandbox: its command line and its lifecycle: open the ports, print their URLs, exit on a signal."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from syncqueue.testing.sandbox.control import control_app
from syncqueue.testing.sandbox.endpoint import Endpoint, PortTaken
from syncqueue.testing.sandbox.sandbox import Sandbox
from syncqueue.testing.sandbox.state_file import StateUnreadable


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every sandbox process has."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--control-port", type=int, default=8020, help="page and control API (0: any free port)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append every request to FILE as JSON lines")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the data in FILE across restarts")
    parser.add_argument("--exit-with-parent", action="store_true", help="exit when standard input is closed")


def run_process(options: argparse.Namespace, made: Callable[[], Sandbox]) -> int:
    """Run a sandbox until a signal arrives. Returns the exit code: 2 if a port or a file cannot be used."""
    try:
        asyncio.run(_run(options, made))
    except (PortTaken, StateUnreadable, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    return 0


async def _run(options: argparse.Namespace, made: Callable[[], Sandbox]) -> None:
    await serve(made(), options.host, options.control_port, exit_with_parent=options.exit_with_parent)


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

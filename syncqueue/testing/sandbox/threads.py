"""Runs a sandbox in a thread of this process, for tests of one service."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from syncqueue.testing.sandbox.client import START_SECONDS, RunningSandbox
from syncqueue.testing.sandbox.control import control_app
from syncqueue.testing.sandbox.endpoint import Endpoint
from syncqueue.testing.sandbox.request_log import RequestLog
from syncqueue.testing.sandbox.sandbox import Sandbox
from syncqueue.testing.sandbox.service import Service

HOST = "127.0.0.1"


@contextmanager
def running(*services: Service) -> Iterator[RunningSandbox]:
    """Start these services on free ports of this machine, with a control port and its page; always stop them."""
    opened: Future[tuple[dict[str, str], asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_run(services, opened)), name="sandbox", daemon=True)
    thread.start()
    urls, loop, stop = opened.result(START_SECONDS)
    try:
        yield RunningSandbox(urls)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _run(
    services: tuple[Service, ...], opened: Future[tuple[dict[str, str], asyncio.AbstractEventLoop, asyncio.Event]]
) -> None:
    stop = asyncio.Event()
    sandbox = Sandbox(RequestLog(), None, {})
    try:
        for service in services:
            sandbox.add(service, HOST, 0)
        control = Endpoint(control_app(sandbox, HOST), HOST, 0, option="--control-port")
        await sandbox.open()
        await control.open()
    except BaseException as error:
        await sandbox.close()
        opened.set_exception(error)  # raised in the thread that waits for the start
        return
    opened.set_result(({"control": control.url, **sandbox.urls()}, asyncio.get_running_loop(), stop))
    await stop.wait()
    await control.close()
    control.release()
    await sandbox.close()

"""The real client library against a running sandbox, and waiting for what happens in another process."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram import Bot
from telegram.request import HTTPXRequest

from project.sandbox.testing import RunningSandbox

T = TypeVar("T")
DEADLINE_SECONDS = 15.0


def talk(
    sandbox: RunningSandbox,
    work: Callable[[Bot], Awaitable[T]],
    *,
    read_timeout: float = 10.0,
    token: str | None = None,
) -> T:
    """Run `work` with a bot of its own event loop. No getMe is sent before."""

    async def run() -> T:
        request = HTTPXRequest(read_timeout=read_timeout, httpx_kwargs={"trust_env": False})
        bot = Bot(token or sandbox.bot_token, base_url=f"{sandbox.telegram_url}/bot", request=request)
        try:
            return await work(bot)
        finally:
            await request.shutdown()

    return asyncio.run(run())


def eventually(check: Callable[[], T]) -> T:
    """Try an assertion again and again until it holds; its own failure when time is up."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)

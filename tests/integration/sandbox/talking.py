"""The real client library against a running sandbox."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from telegram import Bot
from telegram.request import HTTPXRequest

from project.sandbox.testing import RunningSandbox

T = TypeVar("T")


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

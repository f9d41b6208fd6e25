"""A bot that posts in chats of the sandbox and looks at their messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from project.sandbox.testing import RunningSandbox
from syncqueue.handlers.base import HandlerConfig, Place
from syncqueue.handlers.telegram.channel import Channel
from syncqueue.handlers.telegram.client import TelegramClient
from syncqueue.handlers.telegram.lost import FoundLost, LostSearch, find_lost
from syncqueue.handlers.telegram.probe import Sight, is_exact, look
from syncqueue.handlers.telegram.render import RenderedMessage


class Watch:
    """Looks at a chat of the sandbox, and posts there."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        """The sandbox's own bot."""
        self.sandbox = sandbox
        self.token = sandbox.bot_token

    def at(self, chat: int | str, number: int) -> Sight:
        """What the probe says of a number."""
        sight: Sight = self._run(lambda client: look(client, self.token, str(chat), number))
        return sight

    def is_exact(self, chat: int | str) -> bool:
        """Whether the probe is exact there."""
        return bool(self._run(lambda client: is_exact(client, self.token, str(chat))))

    def post(self, chat: int | str, kind: Any = "text") -> int:
        """Send a message; returns its number."""
        place = self.place(chat)
        message = RenderedMessage(kind=kind, text="Hello", file_name="a.txt", file_bytes=b"Hello")
        return int(self._run(lambda client: Channel(client, place).send(message)).id)

    def find(self, chat: int | str, *, seconds: float = 60.0, is_sole_poster: bool = True, **search: Any) -> FoundLost:
        """Look for a lost message without pauses."""
        given = LostSearch(**search)

        def act(client: TelegramClient) -> Awaitable[FoundLost]:
            return find_lost(
                client, self.place(chat), given, seconds=seconds, is_sole_poster=is_sole_poster, pace_seconds=0
            )

        found: FoundLost = self._run(act)
        return found

    def place(self, chat: int | str) -> Place:
        """A chat as a destination."""
        return Place(id=1, name="x", address=str(chat), secret={"token": self.token})

    def _run(self, act: Callable[[TelegramClient], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            url = self.sandbox.telegram_url
            client = TelegramClient(HandlerConfig(service="telegram", options={"API_BASE_URL": url}))
            try:
                return await act(client)
            finally:
                await client.aclose()

        return asyncio.run(main())

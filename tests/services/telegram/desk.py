"""A handler of Telegram with what the executor would give it, at a channel of the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from project.sandbox.testing import RunningSandbox
from syncqueue.handlers.base import Document, DocumentJob, HandlerConfig, Place, RemotePart
from syncqueue.handlers.telegram.handler import TelegramHandler


class Desk:
    """Creates, updates and deletes at @news, and remembers the parts as the executor does."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.config = HandlerConfig(service="telegram", options={"API_BASE_URL": sandbox.telegram_url})
        self.place = Place(id=1, name="News", address="@news", secret={"token": sandbox.bot_token})
        self.parts: Sequence[RemotePart] = ()

    def set_options(self, **options: Any) -> None:
        """Options of the destination."""
        self.place = replace(self.place, options={**self.place.options, **options})

    def create(self, document: Document | str) -> None:
        self._act(lambda handler, job: handler.create(job), document)

    def update(self, document: Document | str) -> None:
        self._act(lambda handler, job: handler.update(job), document)

    def delete(self) -> None:
        self._act(lambda handler, job: handler.delete(job), "")
        self.parts = ()

    def check(self) -> str:
        return asyncio.run(self._with_handler(lambda handler: handler.check(self.place)))

    def run(self, act: Callable[[TelegramHandler], Awaitable[Any]]) -> Any:
        """`act` with a new handler, on a loop of its own."""
        return asyncio.run(self._with_handler(act))

    def job(self, given: Document | str) -> DocumentJob:
        """A job about a document; its checkpoints are kept."""

        async def store(parts: Sequence[RemotePart]) -> str:
            self.parts = tuple(parts)
            return "next key"

        return DocumentJob(
            place=self.place,
            document=Document(text=given) if isinstance(given, str) else given,
            parts=self.parts,
            idempotency_key="key",
            uncertain=False,
            store=store,
        )

    def _act(self, act: Callable[[TelegramHandler, DocumentJob], Awaitable[Any]], given: Document | str) -> None:
        job = self.job(given)
        self.parts = self.run(lambda handler: act(handler, job)) or ()

    async def _with_handler(self, act: Callable[[TelegramHandler], Awaitable[Any]]) -> Any:
        handler = TelegramHandler(self.config)
        try:
            return await act(handler)
        finally:
            await handler.aclose()

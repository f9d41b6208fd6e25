"""A handler with what the executor would give it, at an account of the sandbox's server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from project.sandbox.testing import RunningSandbox
from syncqueue import Document, DocumentJob, RemotePart
from syncqueue.handlers.bluesky.handler import BlueskyHandler
from syncqueue.handlers.public import TRACE, HandlerConfig, Place

PUT, DELETE = "com.atproto.repo.putRecord", "com.atproto.repo.deleteRecord"
LOGIN, REFRESH = "com.atproto.server.createSession", "com.atproto.server.refreshSession"


class Crash(Exception):
    """The process dies here."""


class Desk:
    """Creates, updates and deletes, and remembers parts as the executor does."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.config = HandlerConfig(
            service="bluesky", options={"PDS_URL": sandbox.bluesky_url}, allowed_private_hosts=("127.0.0.1",)
        )
        account = sandbox.bluesky_account
        self.place = Place(id=0, name="Notes", address=account.handle, secret={"password": account.password})
        self.parts: Sequence[RemotePart] = ()
        self.stores_left: int | None = None  # checkpoints until the process dies

    def create(self, document: Document | str) -> None:
        """One attempt at something that is not there, with the trace that is stored with its mark."""

        async def act(handler: BlueskyHandler) -> None:
            job = self._job(document)
            self.parts = job.parts = (await handler.trace(job),)
            self.parts = tuple(await handler.create(job))

        self.run(act)

    def update(self, document: Document | str) -> None:
        """One attempt at something that is or may be there."""

        async def act(handler: BlueskyHandler) -> None:
            job = self._job(document)
            job.step = "update"
            self.parts = tuple(await handler.update(job))

        self.run(act)

    def delete(self) -> None:
        """One attempt."""

        async def act(handler: BlueskyHandler) -> None:
            job = self._job("")
            job.step = "delete"
            await handler.delete(job)
            self.parts = ()

        self.run(act)

    def run(self, act: Callable[[BlueskyHandler], Awaitable[Any]]) -> Any:
        """`act` with a new handler, on a loop of its own."""

        async def main() -> Any:
            handler = BlueskyHandler(self.config)
            try:
                return await asyncio.wait_for(act(handler), self.config.attempt_timeout_seconds)
            finally:
                await handler.aclose()

        return asyncio.run(main())

    def set_options(self, **options: Any) -> None:
        """Options of the destination."""
        self.place = replace(self.place, options={**self.place.options, **options})

    # What people see

    def posts(self) -> list[dict[str, Any]]:
        """Of the account, by their keys."""
        return self.sandbox.posts()

    def texts(self) -> list[str]:
        """Of the account's posts."""
        return [str(post["text"]) for post in self.posts()]

    def record(self) -> dict[str, Any]:
        """Of the account's one post."""
        (post,) = self.posts()
        found: dict[str, Any] = post["record"]
        return found

    def requests(self, *methods: str) -> list[Mapping[str, Any]]:
        """What the server was asked, by its own log."""
        log = [entry for entry in self.sandbox.log() if entry["service"] == "bluesky"]
        return [entry for entry in log if not methods or entry["method"] in methods]

    def traces(self) -> list[RemotePart]:
        """Those that are stored."""
        return [part for part in self.parts if part.kind == TRACE]

    def _job(self, given: Document | str) -> DocumentJob:
        return DocumentJob(
            place=self.place,
            document=Document(text=given) if isinstance(given, str) else given,
            parts=self.parts,
            idempotency_key="unused",
            uncertain=False,
            store=self._store,
            source="notes.note",
            object_pk="1",
        )

    async def _store(self, parts: Sequence[RemotePart]) -> str:
        if self.stores_left is not None:
            if self.stores_left == 0:
                self.stores_left = None
                raise Crash
            self.stores_left -= 1
        self.parts = tuple(parts)
        return "unused"

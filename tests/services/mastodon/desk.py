"""A handler with what the executor would give it, at an account of the sandbox's instance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from project.sandbox.testing import RunningSandbox
from syncqueue.handlers.base import CopyState, Document, DocumentJob, HandlerConfig, JobStep, Place, RemotePart
from syncqueue.handlers.mastodon.handler import MastodonHandler

FLAVOURS = ("mastodon", "gotosocial", "takahe", "other")


class Crash(Exception):
    """The process dies here."""


class Desk:
    """Creates, updates and deletes, and remembers parts and idempotency keys as the executor does."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.config = HandlerConfig(service="mastodon", allowed_private_hosts=("127.0.0.1",))
        self.place = Place(
            id=1, name="Notes", address=sandbox.mastodon_url, secret={"access_token": sandbox.mastodon_token}
        )
        self.parts: Sequence[RemotePart] = ()
        self.uncertain = False
        self.stores_left: int | None = None  # checkpoints until the process dies
        self.object_pk = "1"  # the note at hand
        self._key_count = 1

    def create(self, document: Document | str) -> None:
        """One attempt."""
        self._act(lambda handler, job: handler.create(job), document)

    def update(self, document: Document | str) -> None:
        """One attempt."""
        self._act(lambda handler, job: handler.update(job), document)

    def delete(self) -> None:
        """One attempt."""
        self._act(lambda handler, job: handler.delete(job), "")

    def read(self, document: Document | str, step: JobStep = "update") -> CopyState | Exception:
        """What a handler that knows nothing yet sees there."""
        job = self._job(document)
        job.step = step
        (found,) = self.run(lambda handler: handler.read([job]))
        return found  # type: ignore[no-any-return]

    def listed(self) -> list[str] | None:
        """The ids of all pages of the account's list; None where the server does not tell them apart."""
        found: list[str] = []
        after = ""
        while True:
            page = self.run(lambda handler, after=after: handler.read_all(self.place, after))
            if page is None:
                return None
            found += [part.id for part in page.parts]
            if not page.after:
                return found
            after = page.after

    def check(self) -> str:
        """What a person is told when the destination is tried."""
        return str(self.run(lambda handler: handler.check(self.place)))

    def set_options(self, **options: Any) -> None:
        """Options of the destination."""
        self.place = replace(self.place, options={**self.place.options, **options})

    def run(self, act: Callable[[MastodonHandler], Awaitable[Any]], *, seconds: float | None = None) -> Any:
        """`act` with a new handler, on a loop of its own; `seconds`: for several attempts, instead of one's."""

        async def main() -> Any:
            handler = MastodonHandler(self.config)
            try:
                return await asyncio.wait_for(act(handler), seconds or self.config.attempt_timeout_seconds)
            finally:
                await handler.aclose()

        return asyncio.run(main())

    # What people see

    def statuses(self) -> list[dict[str, Any]]:
        """Of the account, oldest first."""
        return self.sandbox.statuses()

    def texts(self) -> list[str]:
        """Of the account's statuses."""
        return [str(status["text"]) for status in self.statuses()]

    def requests(self, method: str = "") -> list[Mapping[str, Any]]:
        """What the instance was asked, by its own log."""
        log = [entry for entry in self.sandbox.log() if entry["service"] == "mastodon"]
        return [entry for entry in log if method in ("", entry["method"])]

    async def keep(self, act: Callable[[DocumentJob], Awaitable[Any]], given: Document | str) -> None:
        """One attempt of a handler that lives on: what it has learned is there for the next."""
        job = self._job(given)
        self.parts = tuple(await act(job) or ())
        self._key_count += 1
        self.uncertain = False

    def _act(self, act: Callable[[MastodonHandler, DocumentJob], Awaitable[Any]], given: Document | str) -> None:
        self.run(lambda handler: self.keep(lambda job: act(handler, job), given))

    def _job(self, given: Document | str) -> DocumentJob:
        return DocumentJob(
            place=self.place,
            document=Document(text=given) if isinstance(given, str) else given,
            parts=self.parts,
            idempotency_key=f"key-{self._key_count}",
            uncertain=self.uncertain,
            store=self._store,
            source="notes.note",
            object_pk=self.object_pk,
        )

    async def _store(self, parts: Sequence[RemotePart]) -> str:
        if self.stores_left is not None:
            if self.stores_left == 0:
                self.stores_left = None
                raise Crash
            self.stores_left -= 1
        self.parts = tuple(parts)
        self._key_count += 1
        return f"key-{self._key_count}"

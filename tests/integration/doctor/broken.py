"""Handlers as sites write them on a bad day."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from syncqueue import DocumentHandler, DocumentJob, RemotePart, SyncHandler
from syncqueue.handlers.base import HandlerConfig, Place


class Whole(DocumentHandler):
    """All methods, and nothing to say against."""

    def endpoint(self, place: Place) -> str:
        return place.address

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        return ()

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        return ()

    async def delete(self, job: DocumentJob) -> None:
        return None

    async def check(self, place: Place) -> str:
        return "All is well there."


class WithoutCheck(DocumentHandler):
    """One method is missing, as no type checker was asked."""

    endpoint, create, update, delete = Whole.endpoint, Whole.create, Whole.update, Whole.delete


class WithoutProcess(SyncHandler):
    """The one method of a handler for generic tasks is missing."""


class Unmakeable(Whole):
    """Asks for an option that nobody has set."""

    def __init__(self, config: HandlerConfig) -> None:
        super().__init__(config)
        self.url = config.options["URL"]


class CheckRaises(Whole):
    """A mistake in `check`, with the credential in the error."""

    async def check(self, place: Place) -> str:
        raise AttributeError(f"'NoneType' has no attribute 'ok' for {place.secret['token']}")


class CheckHangs(Whole):
    """Never answers."""

    async def check(self, place: Place) -> str:
        await asyncio.sleep(3600)
        return ""


class EndpointRaises(Whole):
    """A mistake in `endpoint`."""

    def endpoint(self, place: Place) -> Any:
        return {}[place.address]


class EndpointOfAnotherKind(Whole):
    """No text at all."""

    def endpoint(self, place: Place) -> Any:
        return None

"""Handlers of services that are up to no good, or that quote what they were given."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from syncqueue import DocumentHandler, DocumentJob, PermanentError, RemotePart
from syncqueue.handlers.base import Place, PlaceChoice

# What has arrived at which host: "evil.example:443" -> the tokens.
arrived: dict[str, list[str]] = {}


def arrive(place: Place) -> None:
    """A call of the service, with its credential."""
    arrived.setdefault(place.address, []).append(place.secret["token"])


class Elsewhere(DocumentHandler):
    """A service whose host the destination names: the address is "host:port", with a path where there are several."""

    secret_fields: ClassVar = {"token": "Token"}

    def endpoint(self, place: Place) -> str:
        return place.address.partition("/")[0]

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        arrive(job.place)
        return [RemotePart(kind="text", id="1", address=job.place.address)]

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        arrive(job.place)
        return job.parts

    async def delete(self, job: DocumentJob) -> None:
        arrive(job.place)

    async def check(self, place: Place) -> str:
        arrive(place)
        return "All is well there."

    async def identify(self, place: Place) -> str:
        arrive(place)
        return place.address


def spellings(token: str) -> str:
    """A token as services write it, with text around it."""
    whole = base64.b64encode(f"user:{token}".encode()).decode()
    return f"{token} | {quote(token, safe='')} | {whole} | {token.encode().hex()} | {token[:-3]}"


class Failure(Exception):
    """An error of a library, with the request in it."""


class Echo(Elsewhere):
    """Quotes the credential, in what it raises by contract and in what it does not."""

    def _fail(self, place: Place) -> Exception:
        text = spellings(place.secret["token"])
        return PermanentError(text) if "contract" in place.address else Failure(text)

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        try:
            raise Failure(spellings(job.place.secret["token"]))
        except Failure as error:
            raise self._fail(job.place) from error

    async def check(self, place: Place) -> str:
        raise self._fail(place)

    async def places(self, secret: object) -> Sequence[PlaceChoice]:
        raise Failure(spellings(secret["token"]))  # type: ignore[index]


class Slow(Elsewhere):
    """Answers when the test says so, at hosts that are called slow."""

    begun: ClassVar[list[str]] = []  # names of destinations, in order
    ended: ClassVar[list[str]] = []
    may_end: ClassVar[threading.Event] = threading.Event()

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        self.begun.append(job.place.name)
        if job.place.address.startswith("slow"):
            await asyncio.to_thread(self.may_end.wait)
        await asyncio.sleep(0.05)  # as an answer takes over a network
        self.ended.append(f"{job.place.name}: {job.document.text}")
        return [RemotePart(kind="text", id="1", address=job.place.address)]


def _block() -> None:
    time.sleep(3)


class Hangs(Elsewhere):
    """Never ends: neither the call on the loop, nor the one that blocks it."""

    async def check(self, place: Place) -> str:
        if "blocks" in place.address:
            _block()
        await asyncio.sleep(3600)
        return ""

"""A service that takes everything at once and keeps nothing, and that can be away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from bench.jobs import note
from syncqueue.core.errors import Unreachable
from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart

AWAY = "BENCH_AWAY"  # the variable that names a file: while it is there, the service cannot be reached


def is_away() -> bool:
    """Whether the service is away."""
    return Path(os.environ.get(AWAY, "/nonexistent")).exists()


class Copies(DocumentHandler):
    """Notes each job (bench/jobs.py) and answers."""

    posts = False

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        """One."""
        if is_away():
            raise Unreachable("The service is away.")
        note(int(job.object_pk))
        return [RemotePart(kind="text", id=job.object_pk, address=job.place.address)]

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        """One."""
        return await self.create(job)

    async def delete(self, job: DocumentJob) -> None:
        """One."""
        await self.create(job)

    async def apply_many(self, jobs: Sequence[DocumentJob]) -> Sequence[Sequence[RemotePart] | Exception]:
        """Many."""
        return [await self.create(job) for job in jobs]

    async def check(self, place: Place) -> str:
        """Nothing to try."""
        return "There."

    def endpoint(self, place: Place) -> str:
        """One for all."""
        return "copies.invalid:443"


class Hanging(Copies):
    """The same, but for places named "hang": they never answer."""

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        """One, or no answer."""
        if job.place.address.startswith("hang"):
            await asyncio.Event().wait()
        return await super().create(job)

    def endpoint(self, place: Place) -> str:
        """Each place is a host of its own."""
        return place.address

"""A service for tests of batches: a shelf in memory that notes every call, and can be told to fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from syncqueue.core.result import SyncResult
from syncqueue.core.task import ClaimedTask
from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart, SyncHandler


class Shelf:
    """What is there, the calls made, and what to raise."""

    def __init__(self) -> None:
        self.copies: dict[str, str] = {}  # text by object
        self.calls: list[list[str]] = []  # the steps of each call
        self.refused: Mapping[str, Exception] = {}  # by text: this document alone
        self.error: BaseException | None = None  # the whole call


shelf = Shelf()


class ShelfHandler(DocumentHandler):
    """Puts documents on the shelf, many in one call."""

    posts: ClassVar[bool] = False
    batch_size: ClassVar[int] = 50

    def endpoint(self, place: Place) -> str:
        return "shelf:1"

    async def check(self, place: Place) -> str:
        return "There is a shelf."

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        return self._raised((await self.apply_many([job]))[0])

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        return await self.create(job)

    async def delete(self, job: DocumentJob) -> None:
        await self.create(job)

    async def apply_many(self, jobs: Sequence[DocumentJob]) -> Sequence[Sequence[RemotePart] | Exception]:
        shelf.calls.append([job.step for job in jobs])
        if shelf.error is not None:
            raise shelf.error
        return [self._apply(job) for job in jobs]

    def _apply(self, job: DocumentJob) -> Sequence[RemotePart] | Exception:
        if job.step == "delete":
            shelf.copies.pop(job.key, None)
            return ()
        if job.document.text in shelf.refused:
            return shelf.refused[job.document.text]
        shelf.copies[job.key] = job.document.text
        return [RemotePart(kind="copy", id=job.key, address=job.place.address)]

    def _raised(self, answer: Sequence[RemotePart] | Exception) -> Sequence[RemotePart]:
        if isinstance(answer, Exception):
            raise answer
        return answer


class CountingHandler(SyncHandler):
    """Generic tasks, many in one call."""

    batch_size: ClassVar[int] = 10
    calls: ClassVar[list[list[str]]] = []

    async def process(self, task: ClaimedTask) -> SyncResult | None:
        return (await self.process_many([task]))[0]

    async def process_many(self, tasks: Sequence[ClaimedTask]) -> Sequence[SyncResult | None]:
        self.calls.append([task.task.entity for task in tasks])
        return [SyncResult.failure("Refused.") if "bad" in task.task.entity else None for task in tasks]

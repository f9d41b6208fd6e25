"""A change that needs several requests, of which the first ones were carried out before the service was unreachable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest
from django.contrib.auth.models import User

from project.notes.models import Note
from syncqueue.core.errors import Unreachable
from syncqueue.handlers.base import DocumentHandler, DocumentJob, Place, RemotePart
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.sync.scene import configure, work_until

pytestmark = pytest.mark.django_db(transaction=True)


class TwoPartsHandler(DocumentHandler):
    """Posts each text in two parts, and takes them away with one request each."""

    copies: ClassVar[dict[str, str]] = {}
    requests_left: ClassVar[int] = 1000

    def endpoint(self, place: Place) -> str:
        return "parts:1"

    async def check(self, place: Place) -> str:
        return "It is there."

    def _request(self) -> None:
        if not type(self).requests_left:
            raise Unreachable("No route to host.")
        type(self).requests_left -= 1

    async def create(self, job: DocumentJob) -> Sequence[RemotePart]:
        return await self.update(job)

    async def update(self, job: DocumentJob) -> Sequence[RemotePart]:
        for id_ in ("1", "2"):
            self._request()
            self.copies[id_] = f"{job.document.text} {id_}/2"
        return [RemotePart(kind="text", id=id_, address=job.place.address) for id_ in ("1", "2")]

    async def delete(self, job: DocumentJob) -> None:
        for part in job.parts:
            self._request()
            self.copies.pop(part.id, None)


def is_settled() -> bool:
    """Whether no record waits."""
    return not SyncRecord.objects.filter(state=RecordState.WAITING).exists()


@pytest.mark.parametrize("is_withdrawn", [True, False])
def test_a_change_that_was_carried_out_in_part_and_taken_back_leaves_the_whole_copy(
    own_site: None, writer: User, *, is_withdrawn: bool
) -> None:
    configure(HANDLERS={"parts": {"CLASS": f"{__name__}.TwoPartsHandler"}}, BREAKER={"OPEN_SECONDS": 0.2})
    TwoPartsHandler.copies.clear()
    TwoPartsHandler.requests_left = 1000
    Destination.objects.create(name="mine", service="parts", address="here", rule="public")
    note = Note.objects.create(owner=writer, text="Tea")
    work_until(is_settled)

    TwoPartsHandler.requests_left = 1
    note.is_private, note.text = is_withdrawn, "Coffee"
    note.save()
    work_until(lambda: not TwoPartsHandler.requests_left)
    note.is_private, note.text = False, "Tea"
    note.save()
    TwoPartsHandler.requests_left = 1000
    work_until(is_settled)
    assert TwoPartsHandler.copies == {"1": "Tea 1/2", "2": "Tea 2/2"}

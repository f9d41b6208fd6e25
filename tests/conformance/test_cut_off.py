"""A process that was killed after the service had made a copy and before that could be stored."""

from __future__ import annotations

import pytest
from django.db.models.functions import Now

from syncqueue.models import Destination, RecordState, SyncRecord
from tests.conformance.scene import Site
from tests.conformance.services import services_with

pytestmark = pytest.mark.django_db(transaction=True)


def forget_the_answer(record: SyncRecord) -> None:
    """The record as the kill leaves it: marked, and nothing known of the copy."""
    SyncRecord.objects.filter(pk=record.pk).update(
        state=RecordState.WAITING,
        parts=[],
        content_hash="",
        synced_generation="",
        mark_token="of-the-killed",
        mark_until=Now(),
        mark_action="create",
    )


@pytest.mark.parametrize("end", ["delete", "soft_delete"])
@services_with(names_copies=True)
def test_a_copy_that_nobody_was_told_of_goes_with_its_object(site: Site, destination: Destination, end: str) -> None:
    note = site.write("First")
    site.write("Second")
    forget_the_answer(site.record(note))
    getattr(note, end)()
    site.work_until(site.assert_settled)
    site.assert_shows("Second")


@services_with(names_copies=True)
def test_the_suspicion_outlives_a_service_that_fails(site: Site, destination: Destination) -> None:
    note = site.write("First")
    forget_the_answer(site.record(note))
    site.service.answer_next("error", kind="delete")
    note.delete()
    site.assert_shows("First")
    site.work_until(site.assert_shows)
    site.work_until(_assert_no_record)


def _assert_no_record() -> None:
    assert not SyncRecord.objects.exists()

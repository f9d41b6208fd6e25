"""A copy that was made and that nobody was told of, of an object that is not wanted any more at the next attempt."""

from __future__ import annotations

import pytest

from project.notes.models import Note
from syncqueue.models import Destination, SyncRecord
from tests.conformance.scene import Site
from tests.conformance.services import services_with

pytestmark = pytest.mark.django_db(transaction=True)


def write_and_hear_nothing(site: Site, text: str) -> Note:
    """A note whose copy was made, and whose service has been away since."""
    site.service.answer_next("store-then-reset")
    site.service.set_mode("error")
    note = site.write(text)
    site.service.set_mode("up")
    assert text in site.service.texts()
    return note


@pytest.mark.parametrize("end", ["delete", "soft_delete"])
@services_with(takes_lost_away=True)
def test_a_copy_of_a_killed_process_goes_with_its_object(site: Site, destination: Destination, end: str) -> None:
    site.write("First")
    second = site.write_and_be_killed("Second")
    site.write("Third")
    getattr(second, end)()
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Third")


@pytest.mark.parametrize("end", ["delete", "soft_delete"])
@services_with(takes_lost_away=True)
def test_a_copy_whose_answer_was_lost_goes_with_its_object(site: Site, destination: Destination, end: str) -> None:
    site.write("First")
    second = write_and_hear_nothing(site, "Second")
    getattr(second, end)()
    site.work_until(site.assert_settled)
    site.assert_shows("First")


@services_with(takes_lost_away=True)
def test_no_person_has_to_decide_when_the_answer_to_taking_it_away_is_lost_too(
    site: Site, destination: Destination
) -> None:
    site.configure(ON_UNKNOWN_OUTCOME="hold")
    site.write("First")
    second = write_and_hear_nothing(site, "Second")
    site.service.sandbox.plan_answers(site.service.name, "store-then-reset")
    second.delete()
    site.work_until(site.assert_settled)
    site.assert_shows("First")


@services_with(takes_lost_away=True, proves_absence=True)
def test_where_nothing_had_arrived_nothing_is_left_or_seen(site: Site, destination: Destination) -> None:
    first = site.write("First")
    site.service.answer_next("hang-before")
    with site.short_attempts():
        second = site.write("Second")
    second.delete()
    site.work_until(site.assert_settled)
    site.assert_shows(first.text)
    assert "Second" not in str([request for request in site.service.requests() if request["stored"]])


@services_with(takes_lost_away=True)
def test_the_suspicion_outlives_a_service_that_fails(site: Site, destination: Destination) -> None:
    site.write("First")
    second = site.write_and_be_killed("Second")
    record = site.record(second)
    site.service.set_mode("error")
    second.delete()
    site.work()
    site.assert_shows("First", "Second")
    site.service.set_mode("up")
    site.work_until(lambda: site.assert_shows("First"))
    site.work_until(lambda: _assert_gone(record))


@services_with(takes_lost_away=False, keeps_a_trace=False)
def test_what_cannot_be_found_fails_with_a_sentence_that_says_where_to_look(
    site: Site, destination: Destination
) -> None:
    note = site.write_and_be_killed("First")
    record = site.record(note)
    note.delete()

    def check() -> None:
        record.refresh_from_db()
        assert record.state == "failed"

    site.work_until(check)
    assert f"A copy may be left at {destination.name}" in record.error


def _assert_gone(record: SyncRecord) -> None:
    assert not SyncRecord.objects.filter(pk=record.pk).exists()

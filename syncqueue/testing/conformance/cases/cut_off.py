"""Cases for a copy whose response was lost and whose object is not wanted any more at the next attempt."""

from __future__ import annotations

import pytest

from syncqueue.models import Destination, SyncRecord
from syncqueue.testing.conformance.notes.models import Note
from syncqueue.testing.conformance.promises import LOST_ABSENT, LOST_NAMED, LOST_REMOVED
from syncqueue.testing.conformance.scene import Site


def write_and_hear_nothing(site: Site, text: str, then: str = "error") -> Note:
    """Write a note whose copy is created without a response; then the service fails, or ("down") cannot be reached."""
    if then == "down":
        with site.service_ends():
            note = site.write(text)
    else:
        site.service.answer_next("store-then-reset")
        site.service.set_mode(then)
        note = site.write(text)
    site.service.set_mode("up")
    assert text in site.service.texts()
    return note


def _assert_gone(record: SyncRecord) -> None:
    assert not SyncRecord.objects.filter(pk=record.pk).exists()


@LOST_REMOVED
class CutOffCases:
    """A copy that nobody was told of goes with its object."""

    @pytest.mark.parametrize("end", ["delete", "soft_delete"])
    def test_a_copy_of_a_killed_process_goes_with_its_object(
        self, site: Site, destination: Destination, end: str
    ) -> None:
        site.write("First")
        second = site.write_and_be_killed("Second")
        site.write("Third")
        getattr(second, end)()
        site.work_until(site.assert_settled)
        site.assert_shows("First", "Third")

    @pytest.mark.parametrize("then", ["error", "down"])
    @pytest.mark.parametrize("end", ["delete", "soft_delete"])
    def test_a_copy_whose_answer_was_lost_goes_with_its_object(
        self, site: Site, destination: Destination, end: str, then: str
    ) -> None:
        site.write("First")
        second = write_and_hear_nothing(site, "Second", then)
        getattr(second, end)()
        site.work_until(site.assert_settled)
        site.assert_shows("First")

    def test_no_person_has_to_decide_when_the_answer_to_taking_it_away_is_lost_too(
        self, site: Site, destination: Destination
    ) -> None:
        site.configure(ON_UNKNOWN_OUTCOME="hold")
        site.write("First")
        second = write_and_hear_nothing(site, "Second")
        site.service.sandbox.plan_answers(site.service.name, "store-then-reset")
        second.delete()
        site.work_until(site.assert_settled)
        site.assert_shows("First")

    @LOST_ABSENT
    def test_where_nothing_had_arrived_nothing_is_left_or_seen(self, site: Site, destination: Destination) -> None:
        first = site.write("First")
        site.service.answer_next("hang-before")
        with site.short_attempts():
            second = site.write("Second")
        second.delete()
        site.work_until(site.assert_settled)
        site.assert_shows(first.text)
        assert "Second" not in str([request for request in site.service.requests() if request["stored"]])

    def test_the_suspicion_outlives_a_service_that_fails(self, site: Site, destination: Destination) -> None:
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

    @LOST_NAMED
    def test_what_cannot_be_found_fails_with_a_sentence_that_says_where_to_look(
        self, site: Site, destination: Destination
    ) -> None:
        note = site.write_and_be_killed("First")
        record = site.record(note)
        note.delete()

        def check() -> None:
            record.refresh_from_db()
            assert record.state == "failed"

        site.work_until(check)
        assert f"A copy may be left at {destination.name}" in record.error

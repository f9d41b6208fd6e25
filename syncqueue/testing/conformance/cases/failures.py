"""Cases for error responses: what each costs, and how the note is sent in the end."""

from __future__ import annotations

import pytest

from syncqueue import services
from syncqueue.models import Destination, RecordState
from syncqueue.testing.conformance.promises import (
    CREDENTIAL,
    ERRORS,
    LIMITED,
    LOST_DECIDED,
    LOST_FOUND,
    REFUSED,
    REPEATED,
)
from syncqueue.testing.conformance.scene import Site


def _assert_state(site: Site, note: object, state: RecordState) -> None:
    assert site.record(note).state == state  # type: ignore[arg-type]


@ERRORS
class FailureCases:
    """What each answer costs, and how the object goes out in the end."""

    @REFUSED
    def test_a_permanent_refusal_fails_with_its_reason_and_the_next_save_heals(
        self, site: Site, destination: Destination
    ) -> None:
        site.service.set_mode(site.service.permanent)
        note = site.write("First")
        site.work()
        record = site.record(note)
        assert record.state == RecordState.FAILED, f"The service refused it for good, and the record is {record.state}."
        assert record.error
        site.service.set_mode("up")
        site.change(note, text="Second")
        site.assert_shows("Second")
        site.assert_settled()

    @CREDENTIAL
    def test_a_refused_credential_breaks_the_destination_and_mending_lets_all_go(
        self, site: Site, destination: Destination
    ) -> None:
        site.service.set_mode(site.service.refused_credential)
        site.write("First")
        destination.refresh_from_db()
        assert destination.broken_reason, "The service refused the credential, and the destination goes on."
        asked = len(site.service.requests())
        site.write("Second")
        site.work()
        assert len(site.service.requests()) == asked  # no requests while the credential is known to be refused
        site.service.set_mode("up")
        services.mend(destination, actor="a test")
        site.work_until(site.assert_settled)
        assert sorted(site.service.texts()) == ["First", "Second"]  # both are sent at once, so either may be first

    @LIMITED
    def test_a_429_is_waited_out_and_uses_no_attempt(self, site: Site, destination: Destination) -> None:
        site.configure(MAX_RETRIES=0)
        site.service.set_mode(site.service.limited)
        note = site.write("First")
        state = site.record(note).state
        assert state == RecordState.WAITING, f"The service answered 429, and the handler let the record be {state}."
        site.assert_shows()
        site.service.set_mode("up")
        site.work_until(lambda: site.assert_shows("First"))
        assert site.service.count("create") == 1
        site.assert_settled()

    def test_a_server_error_is_tried_again_and_posted_once(self, site: Site, destination: Destination) -> None:
        site.service.answer_next("error")
        site.write("First")
        site.work_until(lambda: site.assert_shows("First"))
        assert site.service.count("create") == 1
        site.assert_settled()

    def test_a_service_that_is_away_uses_no_attempt(self, site: Site, destination: Destination) -> None:
        site.configure(MAX_RETRIES=0)
        site.service.set_mode("down")
        notes = [site.write(f"Note {n}") for n in range(3)]
        states = {site.record(note).state for note in notes}
        assert states == {"waiting"}, f"No connection could be made, and the records are {sorted(states)}."
        site.service.set_mode("up")
        site.work_until(site.assert_settled)
        assert sorted(site.service.texts()) == ["Note 0", "Note 1", "Note 2"]

    @LOST_FOUND
    @pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
    def test_a_create_whose_answer_was_lost_is_not_doubled(
        self, site: Site, destination: Destination, answer: str
    ) -> None:
        site.write("First")
        site.service.answer_next(answer)
        with site.short_attempts():
            site.write("Second")
        site.work_until(site.assert_settled)
        site.assert_shows("First", "Second")

    @LOST_DECIDED
    @pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
    def test_a_create_whose_answer_was_lost_can_be_held_for_a_person(
        self, site: Site, destination: Destination, answer: str
    ) -> None:
        site.configure(ON_UNKNOWN_OUTCOME="hold")
        site.service.answer_next(answer)
        with site.short_attempts():
            note = site.write("First")
        site.work_until(lambda: _assert_state(site, note, RecordState.UNKNOWN))
        site.work()
        site.assert_shows("First")
        assert site.service.count("create") == 1

    @LOST_DECIDED
    @pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
    def test_a_create_whose_answer_was_lost_is_by_default_made_once_more(
        self, site: Site, destination: Destination, answer: str
    ) -> None:
        site.service.answer_next(answer)
        with site.short_attempts():
            site.write("First")
        site.work_until(site.assert_settled)
        site.assert_shows("First", "First")

    @REPEATED
    @pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
    def test_an_edit_whose_answer_was_lost_is_repeated(self, site: Site, destination: Destination, answer: str) -> None:
        note = site.write("First")
        site.service.answer_next(answer, kind="edit")
        with site.short_attempts():
            site.change(note, text="Second")
        site.work_until(site.assert_settled)
        site.assert_shows("Second")

    @REPEATED
    @pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
    def test_a_deletion_whose_answer_was_lost_is_repeated(
        self, site: Site, destination: Destination, answer: str
    ) -> None:
        note = site.write("First")
        site.service.answer_next(answer, kind="delete")
        with site.short_attempts():
            note.delete()
        site.work_until(site.assert_settled)
        site.assert_shows()

    @REPEATED
    def test_a_text_taken_back_after_the_service_ended_in_an_edit_is_shown(
        self, site: Site, destination: Destination
    ) -> None:
        note = site.write("First")
        with site.service_ends("edit"):
            site.change(note, text="Second")
        site.change(note, text="First")
        site.service.set_mode("up")
        site.work_until(site.assert_settled)
        site.assert_shows("First")

    @REPEATED
    def test_a_deletion_in_which_the_service_ended_is_made(self, site: Site, destination: Destination) -> None:
        note = site.write("First")
        with site.service_ends("delete"):
            note.delete()
        site.service.set_mode("up")
        site.work_until(site.assert_settled)
        site.assert_shows()

    @LOST_FOUND
    def test_a_crash_between_send_and_store_leaves_one_copy(self, site: Site, destination: Destination) -> None:
        site.write("First")
        note = site.write_and_be_killed("Second")
        site.assert_shows("First", "Second")
        services.sync(note)
        site.work_until(site.assert_settled)
        site.assert_shows("First", "Second")

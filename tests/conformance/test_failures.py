"""Answers that are not as wished: what each costs, and how the note goes out in the end."""

from __future__ import annotations

import pytest

import syncqueue
from syncqueue import services
from syncqueue.models import Destination, RecordState
from tests.conformance.scene import Site
from tests.conformance.services import services_with

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_permanent_refusal_fails_with_its_reason_and_the_next_save_heals(
    site: Site, destination: Destination
) -> None:
    site.service.set_mode(site.service.permanent)
    note = site.write("First")
    site.work()
    record = site.record(note)
    assert record.state == RecordState.FAILED
    assert record.error
    site.service.set_mode("up")
    site.change(note, text="Second")
    site.assert_shows("Second")
    site.assert_settled()


def test_a_refused_credential_breaks_the_destination_and_mending_lets_all_go(
    site: Site, destination: Destination
) -> None:
    site.service.set_mode(site.service.refused_credential)
    site.write("First")
    destination.refresh_from_db()
    assert destination.broken_reason
    asked = len(site.service.requests())
    site.write("Second")
    site.work()
    assert len(site.service.requests()) == asked  # nobody knocks at a door that is known to be shut
    site.service.set_mode("up")
    services.mend(destination, actor="a test")
    site.work_until(site.assert_settled)
    assert sorted(site.service.texts()) == ["First", "Second"]  # both leave at once, so either may be first


def test_a_429_is_waited_out_and_uses_no_attempt(site: Site, destination: Destination) -> None:
    site.configure(MAX_RETRIES=0)
    site.service.set_mode(site.service.limited)
    note = site.write("First")
    assert site.record(note).state == RecordState.WAITING
    site.assert_shows()
    site.service.set_mode("up")
    site.work_until(lambda: site.assert_shows("First"))
    assert site.service.count("create") == 1
    site.assert_settled()


def test_a_server_error_is_tried_again_and_posted_once(site: Site, destination: Destination) -> None:
    site.service.answer_next("error")
    site.write("First")
    site.work_until(lambda: site.assert_shows("First"))
    assert site.service.count("create") == 1
    site.assert_settled()


def test_a_service_that_is_away_uses_no_attempt(site: Site, destination: Destination) -> None:
    site.configure(MAX_RETRIES=0)
    site.service.set_mode("down")
    notes = [site.write(f"Note {n}") for n in range(3)]
    assert {site.record(note).state for note in notes} == {"waiting"}
    site.service.set_mode("up")
    site.work_until(site.assert_settled)
    assert sorted(site.service.texts()) == ["Note 0", "Note 1", "Note 2"]


@pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
@services_with(finds_lost=True)
def test_a_create_whose_answer_was_lost_is_not_doubled(site: Site, destination: Destination, answer: str) -> None:
    site.write("First")
    site.service.answer_next(answer)
    with site.short_attempts():
        site.write("Second")
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")


@pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
@services_with(finds_lost=False)
def test_a_create_whose_answer_was_lost_can_be_held_for_a_person(
    site: Site, destination: Destination, answer: str
) -> None:
    site.configure(ON_UNKNOWN_OUTCOME="hold")
    site.service.answer_next(answer)
    with site.short_attempts():
        note = site.write("First")
    site.work_until(lambda: _assert_state(site, note, RecordState.UNKNOWN))
    site.work()
    site.assert_shows("First")
    assert site.service.count("create") == 1


@pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
@services_with(finds_lost=False)
def test_a_create_whose_answer_was_lost_is_by_default_made_once_more(
    site: Site, destination: Destination, answer: str
) -> None:
    site.service.answer_next(answer)
    with site.short_attempts():
        site.write("First")
    site.work_until(site.assert_settled)
    site.assert_shows("First", "First")


@pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
def test_an_edit_whose_answer_was_lost_is_repeated(site: Site, destination: Destination, answer: str) -> None:
    note = site.write("First")
    site.service.answer_next(answer, kind="edit")
    with site.short_attempts():
        site.change(note, text="Second")
    site.work_until(site.assert_settled)
    site.assert_shows("Second")


@pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
def test_a_deletion_whose_answer_was_lost_is_repeated(site: Site, destination: Destination, answer: str) -> None:
    note = site.write("First")
    site.service.answer_next(answer, kind="delete")
    with site.short_attempts():
        note.delete()
    site.work_until(site.assert_settled)
    site.assert_shows()


@services_with(finds_lost=True)
def test_a_crash_between_send_and_store_leaves_one_copy(site: Site, destination: Destination) -> None:
    site.write("First")
    note = site.write_and_be_killed("Second")
    site.assert_shows("First", "Second")
    syncqueue.sync(note)
    site.work_until(site.assert_settled)
    site.assert_shows("First", "Second")


def _assert_state(site: Site, note: object, state: RecordState) -> None:
    assert site.record(note).state == state  # type: ignore[arg-type]

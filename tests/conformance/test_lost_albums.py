"""Telegram: an album whose answer was lost is found again as a whole, or a person is shown what may be it."""

from __future__ import annotations

from typing import Any

import pytest

from syncqueue import services
from syncqueue.handlers.telegram import lost
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.testing.conformance import Site
from syncqueue.testing.conformance.notes.models import Note
from syncqueue.testing.conformance.notes.sync import MediaSync
from tests.conformance.services import of
from tests.conformance.telegram import Telegram

pytestmark = [
    pytest.mark.django_db(transaction=True),
    of(Telegram),
]

ALBUM = ("leaf", "sea", "sand")
LONG = "A long story that goes on and on. " * 40  # too long for a caption
LOST = {"mode": "store-then-reset"}
NOTHING_THERE: dict[str, Any] = {
    "mode": "error", "status": 400, "description": "Bad Request: message to edit not found",
    "method": "editMessageText",
}  # fmt: skip


@pytest.fixture(autouse=True)
def first(site: Site, media_sync: type[MediaSync]) -> None:
    """Notes have pictures, and a first one is there. All is sent by workers."""
    site.configure("IMMEDIATE", ENABLED=False)
    site.service.make_destination()
    site.write("First")
    site.work()


def test_an_album_that_is_the_first_message_of_its_channel_is_found_as_a_whole(site: Site) -> None:
    SyncRecord.objects.all().delete()
    Destination.objects.all().delete()
    channel = site.service.sandbox.make_chat("channel")
    site.service.make_destination(address=str(channel))
    write(site, "Second", *ALBUM)
    plan(site, LOST)
    site.work_until(site.assert_settled)
    assert len(site.service.sandbox.messages(channel)) == len(ALBUM)


def write(site: Site, text: str, *names: str) -> Note:
    """A note that waits for a worker."""
    MediaSync.usual = names
    note = site.write(text)
    MediaSync.by_note[note.pk] = names
    return note


def shown(site: Site) -> list[tuple[str, tuple[str, ...]]]:
    return [(copy.text.strip(), copy.pictures) for copy in site.service.copies()]


def numbers(site: Site) -> list[int]:
    return [message["message_id"] for message in site.service.sandbox.messages()]


def plan(site: Site, *answers: Any) -> None:
    site.service.sandbox.plan_answers("telegram", *answers)


def test_an_album_below_a_long_text_is_found(site: Site) -> None:
    plan(site, {**LOST, "method": "sendMediaGroup"})
    write(site, LONG, *ALBUM)
    site.work_until(site.assert_settled)
    assert shown(site) == [("First", ()), (LONG.strip(), ALBUM)]
    assert site.service.count("create") == 3


def test_an_album_below_a_long_text_goes_with_its_note(site: Site) -> None:
    plan(site, {**LOST, "method": "sendMediaGroup"})
    note = write(site, LONG, *ALBUM)
    site.work()
    note.soft_delete()
    site.work_until(site.assert_settled)
    assert shown(site) == [("First", ())]


def test_a_long_text_whose_answer_was_lost_gets_its_album(site: Site) -> None:
    plan(site, {**LOST, "method": "sendMessage"})
    write(site, LONG, *ALBUM)
    site.work_until(site.assert_settled)
    assert shown(site) == [("First", ()), (LONG.strip(), ALBUM)]
    assert site.service.count("create") == 3


def test_an_album_that_was_found_shows_what_the_note_says_by_now(site: Site) -> None:
    plan(site, LOST)
    note = write(site, "Second", *ALBUM)
    site.work()
    MediaSync.by_note[note.pk] = ("leaf", "night")
    site.change(note, text="Third")
    site.work_until(site.assert_settled)
    assert shown(site) == [("First", ()), ("Third", ("leaf", "night"))]
    assert site.service.count("create") == 2


def test_where_unknown_outcomes_are_held_an_album_that_is_found_needs_no_person(site: Site) -> None:
    site.configure(ON_UNKNOWN_OUTCOME="hold")
    plan(site, LOST)
    write(site, "Second", *ALBUM)
    site.work_until(site.assert_settled)
    assert shown(site) == [("First", ()), ("Second", ALBUM)]


def test_of_an_album_that_arrived_after_it_was_missed_the_younger_one_goes(site: Site) -> None:
    # The first search sees nothing, as while the album is on its way.
    plan(site, LOST, "up", "up", *[NOTHING_THERE] * lost.EMPTY_IN_A_ROW)
    write(site, "Second", *ALBUM)
    site.work_until(site.assert_settled)
    assert shown(site) == [("First", ()), ("Second", ALBUM)]
    first, *album = numbers(site)
    assert album == [first + 1, first + 2, first + 3]
    assert site.service.count("create") == 3


def test_an_album_that_never_arrived_is_sent_once_more(site: Site) -> None:
    plan(site, "reset")
    write(site, "Second", *ALBUM)
    site.work_until(site.assert_settled)
    assert shown(site) == [("First", ()), ("Second", ALBUM)]


def test_a_lost_text_and_a_lost_album_are_told_apart(site: Site) -> None:
    plan(site, LOST, LOST)
    write(site, "Second", *ALBUM)
    write(site, "Third")
    site.work_until(site.assert_settled)
    assert sorted(shown(site)) == [("First", ()), ("Second", ALBUM), ("Third", ())]
    assert site.service.count("create") == 3


def _fails(site: Site, note: Note) -> str:
    record = site.record(note)

    def check() -> None:
        record.refresh_from_db()
        assert record.state == RecordState.FAILED, (record.state, record.error)

    site.work_until(check)
    return str(record.error)


def test_an_album_of_which_a_message_is_missing_is_left_to_a_person(site: Site) -> None:
    plan(site, LOST, "up", "up", NOTHING_THERE)
    note = write(site, "Second", *ALBUM)
    error = _fails(site, note)
    assert "It is an album" in error
    for number in numbers(site)[2:]:
        assert f"https://t.me/news/{number}" in error
    assert shown(site) == [("First", ()), ("Second", ALBUM)]
    assert site.service.count("edit") == 0


def test_of_two_lost_albums_nothing_is_taken_and_a_person_is_shown_the_links(site: Site) -> None:
    plan(site, LOST, LOST)
    notes = [write(site, "Second", *ALBUM), write(site, "Third", *ALBUM)]
    for note in notes:
        assert "It is an album" in _fails(site, note)
    assert sorted(shown(site)) == [("First", ()), ("Second", ALBUM), ("Third", ALBUM)]
    # Who tries again has looked, and has taken them away.
    for number in numbers(site)[1:]:
        site.service.sandbox.remove_message("@news", number)
    services.retry_failed("telegram", actor="a test")
    site.work_until(site.assert_settled)
    assert sorted(shown(site)) == [("First", ()), ("Second", ALBUM), ("Third", ALBUM)]

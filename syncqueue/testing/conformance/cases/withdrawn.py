"""Cases for withdrawn objects, and for copies from before syncqueue, which are edited or removed in place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from syncqueue import services
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import same_place
from syncqueue.testing.conformance.cases.cut_off import write_and_hear_nothing
from syncqueue.testing.conformance.notes.models import Note, Tag
from syncqueue.testing.conformance.notes.sync import SiteSync
from syncqueue.testing.conformance.promises import (
    ADOPTED,
    ADOPTED_ANEW,
    ADOPTED_GONE,
    ADOPTED_PRIVATE,
    MOVED,
    REMOVED,
    SAME_PLACE,
    TIMES,
    TWO_DESTINATIONS,
    TWO_PLACES,
)
from syncqueue.testing.conformance.scene import Site

# A long text is a file, a thread or a long row.
CONTENTS = ("short", "long")


def old_note(site: Site, content: str) -> Note:
    """Return a note whose copy was made before syncqueue: the site knows its ids, and no record does."""
    note = site.write(site.service.long_text if content == "long" else "From before")
    site.work_until(site.assert_settled)
    parts = [part for part in site.record(note).parts if part["kind"] not in site.service.trace_kinds]
    SiteSync.old[note.pk] = [part["id"] for part in parts]
    SyncRecord.objects.all().delete()
    return note


def move(destination: Destination, address: str) -> None:
    """Give the destination another address, and enter its secret again."""
    secret = destination.secret
    destination.address = address
    destination.secret = secret
    destination.save()
    same_place.forget()


def _assert_none_left(site: Site) -> None:
    assert not Destination.objects.exists()
    site.assert_empty_queue()


def _assert_private(site: Site) -> None:
    assert [copy.is_private for copy in site.service.copies()] == [True]


def _assert_gone(destination: Destination) -> None:
    assert not Destination.objects.filter(pk=destination.pk).exists()


def _assert_once(site: Site, text: str) -> None:
    assert [copy.text.startswith(text) for copy in site.service.copies()] == [True]
    site.assert_settled()


@REMOVED
class WithdrawnCases:
    """What is withdrawn is gone, and what was there before is edited or removed where it stands."""

    @ADOPTED_ANEW
    @pytest.mark.parametrize("content", CONTENTS)
    def test_an_adopted_copy_makes_room_for_a_new_one(
        self, site: Site, site_sync: type[SiteSync], destination: Destination, content: str
    ) -> None:
        note = old_note(site, content)
        (before,) = site.service.copies()
        site.change(note, text=f"Edited. {note.text}")
        site.work_until(lambda: site.assert_shows(note.text))
        assert site.service.copies()[0].id != before.id
        site.assert_settled()

    @ADOPTED
    @pytest.mark.parametrize("content", CONTENTS)
    def test_an_adopted_copy_is_edited_where_it_stands(
        self, site: Site, site_sync: type[SiteSync], destination: Destination, content: str
    ) -> None:
        note = old_note(site, content)
        (before,) = site.service.copies()
        posted = site.service.count("create")
        site.change(note, text=f"{note.text} Edited.")
        site.work_until(lambda: site.assert_shows(note.text))
        assert site.service.copies()[0].id == before.id
        assert site.service.count("create") == posted
        site.assert_settled()

    @ADOPTED_GONE
    @pytest.mark.parametrize("content", CONTENTS)
    @pytest.mark.parametrize("end", ["is made private", "goes to the trash", "is deleted"])
    def test_an_adopted_copy_goes_when_its_note(
        self, site: Site, site_sync: type[SiteSync], content: str, end: str
    ) -> None:
        site.service.make_destination(rule="public")
        note = old_note(site, content)
        match end:
            case "is made private":
                site.change(note, is_private=True)
            case "goes to the trash":
                note.soft_delete()
            case "is deleted":
                note.delete()
        site.work_until(site.assert_shows)
        site.work_until(site.assert_settled)

    @ADOPTED_GONE
    @pytest.mark.parametrize("content", CONTENTS)
    def test_an_adopted_copy_goes_with_its_destination(
        self, site: Site, site_sync: type[SiteSync], destination: Destination, content: str
    ) -> None:
        old_note(site, content)
        services.retire(destination, remove_remote=True, actor="a test")
        site.work_until(site.assert_shows)
        site.work_until(lambda: _assert_none_left(site))

    @ADOPTED_PRIVATE
    def test_the_adopted_copy_of_a_private_note_is_shown_to_few(
        self, site: Site, site_sync: type[SiteSync], destination: Destination
    ) -> None:
        note = old_note(site, "short")
        Note.objects.filter(pk=note.pk).update(is_private=True)
        for _ in services.adopt_all(destination, dry_run=False, actor="a test"):
            pass
        site.work_until(lambda: _assert_private(site))
        site.assert_settled()

    @SAME_PLACE
    def test_another_spelling_is_the_same_place(self, site: Site, destination: Destination) -> None:
        first, second = site.write("First"), site.write("Second")
        url = site.service.url
        move(destination, site.service.other_spelling.format(url=url, host=url.removeprefix("http://")))
        site.change(first, text="First, edited")
        second.delete()
        site.work_until(lambda: site.assert_shows("First, edited"))
        site.work_until(site.assert_settled)
        assert site.service.count("create") == (2 if site.service.edits else 3)

    @MOVED
    @pytest.mark.parametrize("end", ["soft_delete", "delete"])
    def test_what_is_withdrawn_after_a_move_is_gone_at_both_places(
        self, site: Site, destination: Destination, end: str
    ) -> None:
        moved, left_behind = site.write("Moved"), site.write("Left behind")
        move(destination, site.service.at(site.service.url, site.service.other_address))
        site.change(moved, text="Moved here")
        for note in (moved, left_behind):
            getattr(note, end)()
        site.work_until(site.assert_shows)
        site.work_until(lambda: site.assert_shows(address=site.service.other_address))
        site.work_until(site.assert_settled)

    @MOVED
    @pytest.mark.parametrize("is_posted_again", [True, False], ids=["posted again", "not posted again"])
    def test_what_a_lost_answer_left_at_a_former_place_is_removed_or_named(
        self, site: Site, destination: Destination, is_posted_again: bool
    ) -> None:
        former, other_address = destination.address, site.service.other_address
        site.write("First")
        note = write_and_hear_nothing(site, "Lost") if is_posted_again else site.write_and_be_killed("Lost")
        record = site.record(note)
        move(destination, site.service.at(site.service.url, other_address))
        if is_posted_again:
            site.work_until(lambda: site.assert_shows("Lost", address=other_address))
        note.soft_delete()

        def check() -> None:
            record.refresh_from_db()
            is_named = record.state == "failed" and former in record.error
            assert is_named or site.service.texts() == ["First"], (
                f"Nobody is told of it: {record.state}, {record.error!r}"
            )

        site.work_until(check)
        site.work_until(lambda: site.assert_shows(address=other_address))

    @TWO_PLACES
    def test_a_note_that_is_handed_over_moves_to_the_place_of_its_new_owner(
        self, site: Site, site_sync: type[SiteSync]
    ) -> None:
        other: Any = get_user_model().objects.create_user("other")
        site.service.make_destination(owner=site.writer)
        site.service.make_other_destination(owner=other)
        note = site.write("Mine")
        site.assert_shows("Mine")
        site.change(note, owner=other, text="Yours")
        site.work_until(site.assert_shows)
        site.work_until(site.assert_settled)
        assert [copy.text for copy in site.service.other_copies()] == ["Yours"]

    @TIMES
    def test_a_note_is_there_from_its_time_until_its_time(
        self, site: Site, site_sync: type[SiteSync], destination: Destination
    ) -> None:
        now = timezone.now()
        note = Note(owner=site.writer, text="For an hour")
        note.pk = 4711
        SiteSync.times[note.pk] = (now + timedelta(hours=1), now + timedelta(hours=2))
        note.save(force_insert=True)
        site.work()
        site.assert_shows()
        record = site.record(note)
        assert (record.state, record.due_at) == (RecordState.WAITING, now + timedelta(hours=1))

        SiteSync.times[note.pk] = (now - timedelta(hours=1), now + timedelta(hours=1))  # an hour later
        SyncRecord.objects.update(due_at=now)
        site.work_until(lambda: site.assert_shows("For an hour"))
        assert site.record(note).due_at == now + timedelta(hours=1)

        SiteSync.times[note.pk] = (now - timedelta(hours=2), now)  # and another hour later
        SyncRecord.objects.update(due_at=now)
        site.work_until(site.assert_shows)
        site.work_until(site.assert_settled)

    @TWO_DESTINATIONS
    def test_two_destinations_at_one_place_show_a_note_once(self, site: Site, site_sync: type[SiteSync]) -> None:
        rail, sea = (Tag.objects.create(name=name) for name in ("rail", "sea"))
        site.service.make_destination(name="Rail", rule="tag", rule_value="rail")
        site.service.make_destination(name="Sea", rule="tag", rule_value="sea")
        first = site.write("Before one of them knows the place")
        first.tags.add(rail, sea)
        site.work_until(lambda: _assert_once(site, first.text))
        first.delete()
        site.work_until(site.assert_shows)
        same_place.forget()  # five seconds later
        note = site.write("Both")
        note.tags.add(rail, sea)
        site.work_until(lambda: _assert_once(site, "Both"))
        note.tags.remove(rail)
        site.work_until(lambda: _assert_once(site, "Both"))
        note.tags.remove(sea)
        site.work_until(site.assert_shows)
        site.work_until(site.assert_settled)

    @TWO_DESTINATIONS
    def test_a_note_stays_when_one_of_two_destinations_at_its_place_is_removed_with_its_copies(
        self, site: Site, site_sync: type[SiteSync]
    ) -> None:
        first = site.service.make_destination(name="First")
        site.service.make_destination(name="Second")
        note = site.write("Both")
        site.work_until(lambda: _assert_once(site, "Both"))
        (before,) = site.service.copies()
        services.retire(first, remove_remote=True, actor="a test")
        site.work_until(lambda: _assert_gone(first))
        site.work_until(lambda: _assert_once(site, "Both"))
        assert site.service.copies()[0].id == before.id
        note.delete()
        site.work_until(site.assert_shows)

    @TWO_PLACES
    def test_two_places_of_one_owner_show_a_note_each(self, site: Site) -> None:
        site.service.make_destination()
        site.service.make_other_destination()
        same_place.forget()
        site.write("Everywhere")
        site.work_until(site.assert_settled)
        site.assert_shows("Everywhere")
        assert [copy.text for copy in site.service.other_copies()] == ["Everywhere"]

"""Cases for pictures: shown with the text, changed and removed with it, and there once, whatever is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncqueue.models import Destination, RecordState
from syncqueue.presentation.previews import Preview
from syncqueue.testing.conformance.cases.preview import assert_equal
from syncqueue.testing.conformance.notes.models import Note
from syncqueue.testing.conformance.notes.sync import MediaSync
from syncqueue.testing.conformance.promise import uses
from syncqueue.testing.conformance.promises import (
    NO_PICTURES,
    PICTURES,
    PICTURES_ADOPTED,
    PICTURES_LOST,
    PICTURES_REMOVED,
)
from syncqueue.testing.conformance.scene import Site

ALBUM = ("leaf", "sea", "sand")
LONG = "A long story that goes on and on. " * 40  # too long for a caption

some = pytest.mark.parametrize("names", [("leaf",), ALBUM], ids=["one", "several"])


def write(site: Site, text: str, *names: str) -> Note:
    MediaSync.usual = names
    note = site.write(text)
    keep(note, *names)
    site.work()
    return note


def keep(note: Note, *names: str) -> None:
    """Give the note these pictures from now on."""
    MediaSync.by_note[note.pk] = names


def change(site: Site, note: Note, text: str, *names: str) -> None:
    keep(note, *names)
    site.change(note, text=text)
    site.work()


def pictures(preview: Preview) -> tuple[str, ...]:
    """Return the names of the pictures in a preview, as `ServiceUnderTest.copies` returns them."""
    sent = [medium["name"] for part in preview.parts for medium in part.fields.get("media", ())]
    return tuple(Path(one).stem for one in sent or [name for part in preview.parts for name in part.pictures])


def assert_shows(site: Site, *expected: tuple[str, tuple[str, ...]]) -> None:
    """Assert that a person sees these texts with these pictures, each once and in this order."""
    shown = [(copy.text.strip(), copy.pictures) for copy in site.service.copies()]
    assert shown == [(text.strip(), names) for text, names in expected]


@PICTURES
@uses("media_sync")
class MediaCases:
    """Pictures are shown with their text, and there once."""

    @some
    def test_a_note_is_shown_with_its_pictures(
        self, site: Site, destination: Destination, names: tuple[str, ...]
    ) -> None:
        write(site, "First", *names)
        assert_shows(site, ("First", names))
        assert site.service.count("create") == 1
        site.assert_settled()

    @some
    @pytest.mark.parametrize("text", ["First", LONG, ""], ids=["short", "long", "none"])
    def test_the_preview_shows_text_and_pictures_as_the_service_has_received_them(
        self, site: Site, destination: Destination, text: str, names: tuple[str, ...]
    ) -> None:
        note = write(site, text, *names)
        preview = assert_equal(site, note)
        (copy,) = site.service.copies()
        assert pictures(preview) == copy.pictures == names

    @NO_PICTURES
    def test_a_service_without_pictures_has_the_text(self, site: Site, destination: Destination) -> None:
        write(site, "First", *ALBUM)
        site.assert_shows("First")
        site.assert_settled()

    @some
    def test_an_edited_text_keeps_its_pictures(
        self, site: Site, destination: Destination, names: tuple[str, ...]
    ) -> None:
        note = write(site, "First", *names)
        change(site, note, "Second", *names)
        assert_shows(site, ("Second", names))
        site.assert_settled()

    def test_another_picture_takes_the_place_of_one(self, site: Site, destination: Destination) -> None:
        note = write(site, "First", *ALBUM)
        change(site, note, "First", "leaf", "night", "sand")
        assert_shows(site, ("First", ("leaf", "night", "sand")))
        site.assert_settled()

    @pytest.mark.parametrize("before", [(), ("leaf",)])
    def test_a_picture_is_added(self, site: Site, destination: Destination, before: tuple[str, ...]) -> None:
        note = write(site, "First", *before)
        change(site, note, "First", *before, "sea")
        assert_shows(site, ("First", (*before, "sea")))
        site.assert_settled()

    @pytest.mark.parametrize("left", [(), ("leaf",), ("sea", "sand")])
    def test_a_picture_is_removed(self, site: Site, destination: Destination, left: tuple[str, ...]) -> None:
        note = write(site, "First", *ALBUM)
        change(site, note, "First", *left)
        assert_shows(site, ("First", left))
        site.assert_settled()

    def test_a_save_that_changes_no_picture_sends_nothing(self, site: Site, destination: Destination) -> None:
        note = write(site, "First", *ALBUM)
        before = len(site.service.requests())
        change(site, note, "First", *ALBUM)
        assert len(site.service.requests()) == before
        site.assert_settled()

    @pytest.mark.parametrize("text", ["First", LONG], ids=["short", "long"])
    def test_a_deleted_note_takes_its_pictures_along(self, site: Site, destination: Destination, text: str) -> None:
        note = write(site, text, *ALBUM)
        note.delete()
        site.work()
        site.assert_shows()
        site.assert_settled()

    def test_a_long_text_and_its_pictures_are_shown_edited_and_settled(
        self, site: Site, destination: Destination
    ) -> None:
        note = write(site, LONG, *ALBUM)
        (copy,) = site.service.copies()
        assert copy.text.split() == LONG.split()
        assert copy.pictures == ALBUM
        change(site, note, "Short", "leaf", "sand")
        assert_shows(site, ("Short", ("leaf", "sand")))
        site.assert_settled()

    @PICTURES_LOST
    @some
    def test_pictures_whose_answer_was_lost_are_there_once(
        self, site: Site, destination: Destination, names: tuple[str, ...]
    ) -> None:
        write(site, "First")
        site.service.answer_next("store-then-reset")
        note = write(site, "Second", *names)
        site.work_until(site.assert_settled)
        assert_shows(site, ("First", ()), ("Second", names))
        assert not site.record(note).twin_possible

    @PICTURES_LOST
    def test_pictures_of_a_process_that_was_killed_before_it_stored_them_are_there_once(
        self, site: Site, destination: Destination
    ) -> None:
        write(site, "First")
        MediaSync.usual = ALBUM
        note = site.write_and_be_killed("Second")
        keep(note, *ALBUM)
        site.work_until(site.assert_settled)
        assert_shows(site, ("First", ()), ("Second", ALBUM))

    @PICTURES_REMOVED
    def test_pictures_of_a_process_that_was_killed_go_with_their_note(
        self, site: Site, destination: Destination
    ) -> None:
        write(site, "First")
        MediaSync.usual = ALBUM
        note = site.write_and_be_killed("Second")
        assert_shows(site, ("First", ()), ("Second", ALBUM))
        note.soft_delete()
        site.work_until(site.assert_settled)
        assert_shows(site, ("First", ()))

    @PICTURES_ADOPTED
    @pytest.mark.parametrize("before", [(), ("leaf",)], ids=["a text", "a picture"])
    def test_a_copy_from_before_is_adopted_and_shows_the_pictures(
        self, site: Site, destination: Destination, before: tuple[str, ...]
    ) -> None:
        first = write(site, "First", *before)
        (copy,) = site.service.copies()
        note = Note(owner=site.writer, text="Second", pk=first.pk + 1)
        type(site.record(first)).objects.all().delete()
        Note.objects.filter(pk=first.pk).delete()
        MediaSync.old[note.pk] = copy.id
        keep(note, "sea")
        note.save()
        site.work_until(site.assert_settled)
        assert_shows(site, ("Second", ("sea",)))
        assert site.record(note).state == RecordState.SYNCED

"""Pictures of an object: shown with its text, changed and removed with it, and there once, whatever is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from syncqueue.models import Destination, RecordState
from syncqueue.sources.registry import register, unregister
from tests.conformance.media_sync import MediaSync
from tests.conformance.scene import Site
from tests.conformance.services import services_with

pytestmark = pytest.mark.django_db(transaction=True)

ALBUM = ("leaf", "sea", "sand")
LONG = "A long story that goes on and on. " * 40  # too long for a caption

some = pytest.mark.parametrize("names", [("leaf",), ALBUM], ids=["one", "several"])


@pytest.fixture(autouse=True)
def media_sync(site: Site, tmp_path: Path) -> Iterator[None]:
    """Notes have pictures."""
    MediaSync.folder, MediaSync.usual, MediaSync.by_note, MediaSync.old = tmp_path, (), {}, {}
    site.hanging_seconds = 6  # the pictures are read in a quarter of it
    unregister(Note)
    register(Note)(MediaSync)
    yield
    unregister(Note)
    register(Note)(NoteSync)


def write(site: Site, text: str, *names: str) -> Note:
    MediaSync.usual = names
    note = site.write(text)
    keep(note, *names)
    site.work()
    return note


def keep(note: Note, *names: str) -> None:
    """The note has these pictures from now on."""
    MediaSync.by_note[note.pk] = names


def change(site: Site, note: Note, text: str, *names: str) -> None:
    keep(note, *names)
    site.change(note, text=text)
    site.work()


def assert_shows(site: Site, *expected: tuple[str, tuple[str, ...]]) -> None:
    """A person sees these texts with these pictures, each once and in this order."""
    assert [(copy.text.strip(), copy.pictures) for copy in site.service.copies()] == [
        (text.strip(), names) for text, names in expected
    ]


@some
@services_with(takes_media=True)
def test_a_note_is_shown_with_its_pictures(site: Site, destination: Destination, names: tuple[str, ...]) -> None:
    write(site, "First", *names)
    assert_shows(site, ("First", names))
    assert site.service.count("create") == 1
    site.assert_settled()


@services_with(takes_media=False)
def test_a_service_without_pictures_has_the_text(site: Site, destination: Destination) -> None:
    write(site, "First", *ALBUM)
    site.assert_shows("First")
    site.assert_settled()


@some
@services_with(takes_media=True)
def test_an_edited_text_keeps_its_pictures(site: Site, destination: Destination, names: tuple[str, ...]) -> None:
    note = write(site, "First", *names)
    change(site, note, "Second", *names)
    assert_shows(site, ("Second", names))
    site.assert_settled()


@services_with(takes_media=True)
def test_another_picture_takes_the_place_of_one(site: Site, destination: Destination) -> None:
    note = write(site, "First", *ALBUM)
    change(site, note, "First", "leaf", "night", "sand")
    assert_shows(site, ("First", ("leaf", "night", "sand")))
    site.assert_settled()


@pytest.mark.parametrize("before", [(), ("leaf",)])
@services_with(takes_media=True)
def test_a_picture_is_added(site: Site, destination: Destination, before: tuple[str, ...]) -> None:
    note = write(site, "First", *before)
    change(site, note, "First", *before, "sea")
    assert_shows(site, ("First", (*before, "sea")))
    site.assert_settled()


@pytest.mark.parametrize("left", [(), ("leaf",), ("sea", "sand")])
@services_with(takes_media=True)
def test_a_picture_is_removed(site: Site, destination: Destination, left: tuple[str, ...]) -> None:
    note = write(site, "First", *ALBUM)
    change(site, note, "First", *left)
    assert_shows(site, ("First", left))
    site.assert_settled()


@services_with(takes_media=True)
def test_a_save_that_changes_no_picture_sends_nothing(site: Site, destination: Destination) -> None:
    note = write(site, "First", *ALBUM)
    before = len(site.service.requests())
    change(site, note, "First", *ALBUM)
    assert len(site.service.requests()) == before
    site.assert_settled()


@pytest.mark.parametrize("text", ["First", LONG], ids=["short", "long"])
@services_with(takes_media=True)
def test_a_deleted_note_takes_its_pictures_along(site: Site, destination: Destination, text: str) -> None:
    note = write(site, text, *ALBUM)
    note.delete()
    site.work()
    site.assert_shows()
    site.assert_settled()


@services_with(takes_media=True)
def test_a_long_text_and_its_pictures_are_shown_edited_and_settled(site: Site, destination: Destination) -> None:
    note = write(site, LONG, *ALBUM)
    (copy,) = site.service.copies()
    assert copy.text.split() == LONG.split()
    assert copy.pictures == ALBUM
    change(site, note, "Short", "leaf", "sand")
    assert_shows(site, ("Short", ("leaf", "sand")))
    site.assert_settled()


@some
@services_with(takes_media=True, finds_lost=True)
def test_pictures_whose_answer_was_lost_are_there_once(
    site: Site, destination: Destination, names: tuple[str, ...]
) -> None:
    write(site, "First")
    site.service.answer_next("store-then-reset")
    note = write(site, "Second", *names)
    site.work_until(site.assert_settled)
    assert_shows(site, ("First", ()), ("Second", names))
    assert not site.record(note).twin_possible


@services_with(takes_media=True, finds_lost=True)
def test_pictures_of_a_process_that_was_killed_before_it_stored_them_are_there_once(
    site: Site, destination: Destination
) -> None:
    write(site, "First")
    MediaSync.usual = ALBUM
    note = site.write_and_be_killed("Second")
    keep(note, *ALBUM)
    site.work_until(site.assert_settled)
    assert_shows(site, ("First", ()), ("Second", ALBUM))


@services_with(takes_media=True, takes_lost_away=True)
def test_pictures_of_a_process_that_was_killed_go_with_their_note(site: Site, destination: Destination) -> None:
    write(site, "First")
    MediaSync.usual = ALBUM
    note = site.write_and_be_killed("Second")
    assert_shows(site, ("First", ()), ("Second", ALBUM))
    note.soft_delete()
    site.work_until(site.assert_settled)
    assert_shows(site, ("First", ()))


@pytest.mark.parametrize("before", [(), ("leaf",)], ids=["a text", "a picture"])
@services_with(takes_media=True, can_be_read=True)
def test_a_copy_from_before_is_adopted_and_shows_the_pictures(
    site: Site, destination: Destination, before: tuple[str, ...]
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

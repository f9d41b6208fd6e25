"""What of a note is synced, as a host site tests it: with `syncqueue.testing`, without Redis and network."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from project.notes.models import Note, Tag
from project.notes.sync_sources import NoteSync
from syncqueue.models import Destination
from syncqueue.testing import CapturedSync, captured_syncs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def news() -> Destination:
    return Destination.objects.create(name="news", service="telegram", address="@news")


@pytest.fixture
def writer() -> User:
    return User.objects.create_superuser("writer", password="writer")


@pytest.fixture
def note(writer: User) -> Note:
    with captured_syncs():
        return Note.objects.create(owner=writer, text="Hello")


def browser(writer: User) -> Client:
    client = Client()
    client.force_login(writer)
    return client


def entities(found: list[CapturedSync]) -> set[str]:
    """What is concerned; in the running site several changes of one transaction come to one sync."""
    return {sync.entity for sync in found}


def test_a_saved_note_is_synced(writer: User) -> None:
    with captured_syncs() as found:
        note = Note.objects.create(owner=writer, text="Hello")
    assert [(sync.entity, sync.destination) for sync in found] == [(f"notes.note:{note.pk}", "news")]


def test_a_note_from_the_form_is_synced(writer: User) -> None:
    with captured_syncs() as found:
        browser(writer).post("/notes/new/", {"text": "Hello", "tags": "travel, rail"})
    assert entities(found) == {f"notes.note:{Note.objects.get().pk}"}


def test_the_trash_and_back_are_synced_from_the_admin(writer: User, note: Note) -> None:
    for action, is_live in [("soft_delete", False), ("restore", True)]:
        with captured_syncs() as found:
            browser(writer).post("/admin/notes/note/", {"action": action, "_selected_action": [note.pk]})
        assert entities(found) == {f"notes.note:{note.pk}"}
        note.refresh_from_db()
        assert (note.deleted_at is None) == is_live


def test_a_renamed_tag_syncs_the_notes_that_have_it(writer: User, note: Note) -> None:
    tag = Tag.objects.create(name="travel")
    with captured_syncs():
        note.tags.add(tag)
        Note.objects.create(owner=writer, text="Without it")
    with captured_syncs() as found:
        tag.name = "journey"
        tag.save()
    assert entities(found) == {f"notes.note:{note.pk}"}


def test_a_deleted_note_is_synced_as_a_deletion(note: Note) -> None:
    pk = note.pk
    with captured_syncs() as found:
        note.delete()
    assert [(sync.entity, sync.action) for sync in found] == [(f"notes.note:{pk}", "delete")]


def test_the_document_has_text_format_tags_privacy_and_the_notes_address(note: Note) -> None:
    note.tags.add(Tag.objects.create(name="travel"))
    note.is_markdown = note.is_private = True
    document = NoteSync(Note).document(note)
    assert (document.text, document.format, document.tags, document.is_private, document.url) == (
        "Hello",
        "markdown",
        ("travel",),
        True,
        f"http://127.0.0.1:8000/notes/{note.pk}/",
    )


def test_a_note_in_the_trash_is_not_live(note: Note) -> None:
    assert NoteSync(Note).is_live(note)
    note.soft_delete()
    assert not NoteSync(Note).is_live(note)


def test_the_page_of_a_note_says_how_its_copies_stand(writer: User, note: Note) -> None:
    assert "news" in browser(writer).get(f"/notes/{note.pk}/").content.decode()

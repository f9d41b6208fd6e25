"""The notes' own pages, for people who are not staff."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from project.notes.models import Note, Tag

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> User:
    return User.objects.create_user("writer", password="writer")


@pytest.fixture
def browser(writer: User) -> Client:
    client = Client()
    client.force_login(writer)
    return client


@pytest.fixture
def foreign() -> Note:
    return Note.objects.create(owner=User.objects.create_user("other"), text="Not yours")


def test_a_person_writes_a_note_and_sees_it_in_the_list(browser: Client, writer: User) -> None:
    answer = browser.post("/notes/new/", {"text": "Hello", "tags": "travel, #rail,travel,"}, follow=True)
    assert "Hello" in answer.content.decode()
    note = Note.objects.get()
    assert note.owner == writer
    assert [tag.name for tag in note.tags.all()] == ["rail", "travel"]


def test_the_form_of_a_note_shows_its_tags_again(browser: Client, writer: User) -> None:
    note = Note.objects.create(owner=writer, text="Hello")
    note.tags.add(Tag.objects.create(name="travel"), Tag.objects.create(name="rail"))
    assert 'value="rail, travel"' in browser.get(f"/notes/{note.pk}/edit/").content.decode()


def test_an_edit_changes_text_and_tags(browser: Client, writer: User) -> None:
    note = Note.objects.create(owner=writer, text="Hello")
    note.tags.add(Tag.objects.create(name="travel"))
    browser.post(f"/notes/{note.pk}/edit/", {"text": "Bye", "tags": "", "is_private": "on"})
    note.refresh_from_db()
    assert (note.text, note.is_private, note.tags.count()) == ("Bye", True, 0)


def test_a_tag_that_is_too_long_is_refused_in_the_form(browser: Client) -> None:
    answer = browser.post("/notes/new/", {"text": "Hello", "tags": "x" * 51})
    assert "at most 50 characters" in answer.content.decode()
    assert not Note.objects.exists()


def test_deleting_puts_the_note_into_the_trash(browser: Client, writer: User) -> None:
    note = Note.objects.create(owner=writer, text="Hello")
    browser.post(f"/notes/{note.pk}/delete/")
    note.refresh_from_db()
    assert note.deleted_at
    assert browser.get(f"/notes/{note.pk}/").status_code == 404


@pytest.mark.parametrize("page", ["", "edit/", "delete/"])
def test_nobody_reaches_another_persons_note(browser: Client, foreign: Note, page: str) -> None:
    assert browser.get(f"/notes/{foreign.pk}/{page}").status_code == 404
    assert "Not yours" not in browser.get("/").content.decode()


@pytest.mark.parametrize("page", ["/", "/notes/new/"])
def test_without_a_login_the_pages_lead_to_it(page: str) -> None:
    answer = Client().get(page)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login/")


def test_the_pages_hold_no_inline_script_or_style(browser: Client, writer: User) -> None:
    note = Note.objects.create(owner=writer, text="Hello", is_private=True, is_markdown=True)
    for page in ["/", "/notes/new/", f"/notes/{note.pk}/", f"/notes/{note.pk}/edit/", f"/notes/{note.pk}/delete/"]:
        html = browser.get(page).content.decode()
        assert "<script" not in html
        assert "<style" not in html
        assert "style=" not in html


def test_the_title_of_a_note_is_its_first_line_cut_to_sixty_characters() -> None:
    assert str(Note(text="First\nsecond")) == "First"
    assert len(str(Note(text="x" * 100))) == 60

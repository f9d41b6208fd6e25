"""Objects for which the site's own code raises: seen on the dashboard, and tried again by a button and by a command."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from syncqueue.admin import refused_pages, rounds
from syncqueue.models import Destination, RefusedObject, SyncRecord
from tests.integration.api.people import ROLES, client_of
from tests.integration.commands.calling import call

pytestmark = pytest.mark.django_db

DASHBOARD = "/admin/syncqueue/queue/"
PAGE = f"{DASHBOARD}refused/"
EXPECTED = {"anonymous": 302, "member": 302, "staff": 403, "viewer": 200, "operator": 200}


@pytest.fixture
def code(destination: Destination, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The texts of notes for which the site's code raises; a test corrects the code by emptying it."""
    odd = {"Odd"}
    real = NoteSync.owners

    def owners(self: NoteSync, note: Note) -> object:
        if note.text in odd:
            raise LookupError("nothing is known of it")
        return real(self, note)

    monkeypatch.setattr(NoteSync, "owners", owners)
    return odd


@pytest.fixture
def odd(code: set[str]) -> Note:
    """A note that is not synced because of the code, and that workers leave alone for a while."""
    note = Note.objects.create(owner=User.objects.create_user("author"), text="Odd")
    RefusedObject.objects.update(due_at=timezone.now() + timedelta(minutes=20), tries=7)
    return note


def is_synced(note: Note) -> bool:
    return SyncRecord.objects.filter(object_pk=str(note.pk)).exists() and not RefusedObject.objects.exists()


@pytest.mark.parametrize("role", ROLES)
def test_only_staff_with_the_view_permission_see_the_objects(role: str, odd: Note) -> None:
    assert client_of(role).get(PAGE).status_code == EXPECTED[role]


def test_only_an_operator_tries_them_again(odd: Note, code: set[str]) -> None:
    code.clear()
    viewer = client_of("viewer")
    assert "<button" not in viewer.get(PAGE).content.decode().partition('id="content-main"')[2]
    assert viewer.post(PAGE).status_code == 403
    assert not is_synced(odd)


def test_the_form_needs_its_token(odd: Note, code: set[str], admin_user: User) -> None:
    code.clear()
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(PAGE).status_code == 403
    assert not is_synced(odd)


def test_the_dashboard_leads_to_the_page_and_names_the_command(admin_client: Client, odd: Note) -> None:
    page = admin_client.get(DASHBOARD).content.decode()
    assert f'href="{PAGE}"' in page and "manage.py syncqueue sync --refused" in page
    shown = admin_client.get(PAGE).content.decode()
    assert f'<a href="/admin/notes/note/{odd.pk}/change/">notes.note:{odd.pk}</a>' in shown
    assert "NoteSync.owners() raised LookupError" in shown


def test_once_the_code_is_corrected_the_button_syncs_them_at_once(
    admin_client: Client, odd: Note, code: set[str]
) -> None:
    code.clear()
    done = admin_client.post(PAGE, follow=True)
    assert done.redirect_chain == [(PAGE, 302)]
    assert "1 object is synced again." in done.content.decode()
    assert is_synced(odd)


def test_what_still_raises_stays_on_the_page(admin_client: Client, odd: Note) -> None:
    done = admin_client.post(PAGE, follow=True).content.decode()
    assert "0 objects are synced again." in done and "LookupError" in done
    row = RefusedObject.objects.get()
    assert row.tries == 8 and row.due_at > timezone.now()


def test_many_are_tried_in_rounds(
    admin_client: Client, odd: Note, code: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "ROUND_SECONDS", 0.0)
    monkeypatch.setattr(refused_pages, "_PIECE", 2)
    for _ in range(4):
        Note.objects.create(owner=odd.owner, text="Odd")
    code.clear()
    answer = admin_client.post(PAGE, follow=True)
    count = 1
    while "hidden" in answer.context:
        answer = admin_client.post(PAGE, dict(answer.context["hidden"]), follow=True)
        count += 1
    assert count == 3
    assert "5 objects are synced again." in answer.content.decode()
    assert SyncRecord.objects.count() == 5 and not RefusedObject.objects.exists()


def test_the_command_does_the_same_and_says_what_still_raises(odd: Note, code: set[str]) -> None:
    said = call("sync", "--refused")
    assert said.code == 1
    assert "The site's own code still raises for 1 object:" in said.out and f"notes.note:{odd.pk}: NoteSync" in said.out
    assert call("sync", "--refused", "--json").data["left"] == 1
    code.clear()
    said = call("sync", "--refused")
    assert (said.code, said.out.strip()) == (0, "1 object is synced again.")
    assert is_synced(odd)


@pytest.mark.parametrize("words", [(), ("notes.Note",), ("notes.Note", "1", "--refused")])
def test_the_command_needs_one_object_or_all_that_raise(words: tuple[str, ...], db: None) -> None:
    said = call("sync", *words)
    assert said.code == 1 and "--refused" in said.err


def test_the_objects_own_page_names_the_command_that_syncs_it(odd: Note, code: set[str]) -> None:
    (sentence,) = syncqueue.explain(odd)
    assert sentence.command == f"syncqueue sync notes.note {odd.pk}"
    code.clear()
    assert call("sync", "notes.note", str(odd.pk)).code == 0
    assert SyncRecord.objects.filter(object_pk=str(odd.pk)).exists()
    assert RefusedObject.objects.get().due_at <= timezone.now()  # the next round of a worker forgets it

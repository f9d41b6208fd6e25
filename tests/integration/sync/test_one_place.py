"""One place takes an object once, also where nobody has asked yet whether two destinations are one place."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, SyncRecord
from tests.integration.sync.scene import configure, make_destination, methods, texts, work

pytestmark = pytest.mark.django_db(transaction=True)

DRAFTS = "-1001000000002"  # the sandbox's number of @drafts


@pytest.fixture
def other(writer: User) -> User:
    """Another owner of the writer's notes."""
    return User.objects.create_user("other")


@pytest.fixture(autouse=True)
def shared_notes(own_site: None, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes belong to their writer and to everybody else who is there; Mastodon is on."""
    configure(
        HANDLERS={**settings.SYNCQUEUE["HANDLERS"], "mastodon": {}}, ALLOWED_PRIVATE_HOSTS=["127.0.0.1", "localhost"]
    )
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: list(User.objects.order_by("pk")))


def account(sandbox: RunningSandbox, owner: User, token: str = "", **values: Any) -> Destination:
    """An account on the sandbox's instance, by default @notes."""
    named = {"name": f"of {owner}", "service": "mastodon", "address": sandbox.mastodon_url, "owner": owner}
    row = Destination(**{**named, **values})
    row.secret = {"access_token": token or sandbox.mastodon_token}
    row.save()
    return row


def statuses(sandbox: RunningSandbox, name: str = "@notes") -> list[str]:
    """What the followers of an account read."""
    return [status["text"] for status in sandbox.statuses(name)]


def posted(sandbox: RunningSandbox) -> int:
    """How many statuses and messages were ever posted."""
    return sum(methods(sandbox).count(one) for one in ("POST /statuses", "sendMessage"))


def how(note: Note) -> list[bool]:
    """Whether each record of a note has a copy, by the names of their destinations."""
    return [record.parts != [] for record in syncqueue.status(note)]


def test_an_account_that_two_owners_share_takes_a_note_once(writer: User, other: User, sandbox: RunningSandbox) -> None:
    account(sandbox, writer)
    account(sandbox, other)
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="Tea")
    work()
    assert statuses(sandbox) == ["Tea"] and posted(sandbox) == 1
    assert sorted(how(note)) == [False, True]
    assert not SyncRecord.objects.exclude(state="synced").exists()


def test_an_account_takes_a_note_once_in_the_immediate_attempts_of_a_save(
    writer: User, other: User, sandbox: RunningSandbox
) -> None:
    account(sandbox, writer)
    account(sandbox, other)
    Note.objects.create(owner=writer, text="Tea")
    work()
    assert statuses(sandbox) == ["Tea"] and posted(sandbox) == 1


@pytest.mark.parametrize("known", [0, 1], ids=["the first", "the second"])
def test_an_account_is_shared_where_one_of_two_is_known_already(
    writer: User, other: User, sandbox: RunningSandbox, known: int
) -> None:
    rows = [account(sandbox, writer), account(sandbox, other)]
    identity = asked_for(sandbox)
    Destination.objects.filter(pk=rows[known].pk).update(identities={sandbox.mastodon_url: identity})
    Note.objects.create(owner=writer, text="Tea")
    work()
    assert statuses(sandbox) == ["Tea"] and posted(sandbox) == 1
    assert {row.identities.get(sandbox.mastodon_url) for row in Destination.objects.all()} == {identity}


def asked_for(sandbox: RunningSandbox) -> str:
    """The identity of @notes, as the handler names it."""
    from tests.services.mastodon.desk import Desk

    desk = Desk(sandbox)
    return str(desk.run(lambda handler: handler.identify(desk.place)))


def test_who_joins_later_finds_the_note_there_and_takes_it_over(
    writer: User, other: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(sandbox, writer)
    note = Note.objects.create(owner=writer, text="Tea")
    account(sandbox, other, start_at=None)
    note.text = "Black tea"
    note.save()
    assert statuses(sandbox) == ["Black tea"] and posted(sandbox) == 1
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [other])
    note.save()
    work()
    assert statuses(sandbox) == ["Black tea"]


def test_a_second_copy_from_before_goes_once_the_place_is_known(
    writer: User, other: User, sandbox: RunningSandbox
) -> None:
    account(sandbox, writer)
    note = Note.objects.create(owner=writer, text="Tea")
    late = account(sandbox, other)
    syncqueue.adopt(note, late, sandbox.post_status("Tea"))  # both have a copy, and nobody knows of the account
    note.text = "Black tea"
    note.save()
    work()
    assert statuses(sandbox) == ["Black tea"]
    assert not SyncRecord.objects.exclude(state="synced").exists()


def test_two_accounts_of_one_instance_are_two_places(writer: User, other: User, sandbox: RunningSandbox) -> None:
    account(sandbox, writer)
    account(sandbox, other, sandbox.mastodon_second_token)
    note = Note.objects.create(owner=writer, text="Tea")
    assert [one.reason for one in syncqueue.preview(note)] == ["", ""]
    assert (statuses(sandbox), statuses(sandbox, "@archive")) == (["Tea"], ["Tea"])


def test_before_anything_is_known_a_preview_shows_both_accounts(
    writer: User, other: User, sandbox: RunningSandbox
) -> None:
    account(sandbox, writer)
    account(sandbox, other, sandbox.mastodon_second_token)
    with syncqueue.muted():
        note = Note.objects.create(owner=writer, text="Tea")
    assert [one.reason for one in syncqueue.preview(note)] == ["", ""]


@pytest.mark.parametrize("addresses", [("@drafts", DRAFTS), (DRAFTS, "@drafts"), ("@drafts", "@Drafts")], ids=str)
def test_a_channel_that_two_owners_name_differently_takes_a_note_once(
    writer: User, other: User, sandbox: RunningSandbox, addresses: tuple[str, str]
) -> None:
    for owner, address in zip((writer, other), addresses, strict=True):
        make_destination(sandbox, address, name=str(owner), owner=owner)
    note = Note.objects.create(owner=writer, text="Tea")
    work()
    assert texts(sandbox, "@drafts") == ["Tea"] and posted(sandbox) == 1
    note.text = "Black tea"
    note.save()
    work()
    assert texts(sandbox, "@drafts") == ["Black tea"] and posted(sandbox) == 1


def test_each_place_is_looked_up_once(writer: User, other: User, sandbox: RunningSandbox) -> None:
    for owner, address in ((writer, "@news"), (other, "@drafts")):
        make_destination(sandbox, address, name=str(owner), owner=owner)
    for number in range(3):
        Note.objects.create(owner=writer, text=f"Tea {number}")
    assert [len(texts(sandbox)), len(texts(sandbox, "@drafts"))] == [3, 3]
    assert methods(sandbox).count("getChat") <= 4  # each by each of the two attempts at the first note, at the most


def test_an_owner_with_one_destination_is_asked_nothing(writer: User, sandbox: RunningSandbox) -> None:
    make_destination(sandbox, "@news", owner=writer)
    Note.objects.create(owner=writer, text="Tea")
    assert methods(sandbox) == ["sendMessage"]


def test_strangers_are_not_asked_about(
    writer: User, other: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [note.owner])
    account(sandbox, writer)
    account(sandbox, other)
    make_destination(sandbox, "@news", owner=writer)
    make_destination(sandbox, "@drafts", owner=other)
    Note.objects.create(owner=writer, text="Tea")
    assert statuses(sandbox) == texts(sandbox) == ["Tea"]
    assert "getChat" not in methods(sandbox) and posted(sandbox) == 2
    assert [row.identities for row in Destination.objects.filter(owner=other)] == [{}, {}]


def test_an_account_that_is_refused_keeps_no_other_back(writer: User, other: User, sandbox: RunningSandbox) -> None:
    account(sandbox, writer)
    refused = account(sandbox, other, "not-a-token-of-anybody")
    Note.objects.create(owner=writer, text="Tea")
    assert statuses(sandbox) == ["Tea"]
    refused.refresh_from_db()
    assert refused.broken_reason
    refused.secret = {"access_token": sandbox.mastodon_token}  # it was the same account all along
    refused.broken_reason = ""
    refused.save()
    for record in SyncRecord.objects.filter(destination=refused):
        syncqueue.sync(Note.objects.get(pk=record.object_pk))
    work()
    assert statuses(sandbox) == ["Tea"] and posted(sandbox) == 1


def test_a_destination_whose_secret_no_key_opens_keeps_no_other_back(
    writer: User, other: User, sandbox: RunningSandbox
) -> None:
    make_destination(sandbox, "@news", owner=writer)
    locked = make_destination(sandbox, "@drafts", owner=other)
    Destination.objects.filter(pk=locked.pk).update(secret_text="not to be opened")
    Note.objects.create(owner=writer, text="Tea")
    assert texts(sandbox) == ["Tea"]

"""`ModelSync.owners`: an object goes to the destinations of several owners, and of the site, at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.models import Destination, RefusedObject, SyncRecord
from syncqueue.sources import same_place
from tests.integration.sync.scene import make_destination, methods, texts, work
from tests.integration.sync.test_costs import queries, verbs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say whose the notes are: their owner's, the site's, and those of others."""

    def say(*others: Any) -> None:
        monkeypatch.setattr(NoteSync, "owners", lambda self, note: [note.owner, None, *others])

    return say


@pytest.fixture
def own(writer: User, sandbox: RunningSandbox) -> Destination:
    """The writer's own channel, @drafts."""
    return make_destination(sandbox, "@drafts", owner=writer)


def test_a_note_goes_to_its_owners_channel_and_to_the_sites(
    channel: Destination, own: Destination, writer: User, sandbox: RunningSandbox, together: Any
) -> None:
    together()
    note = Note.objects.create(owner=writer, text="Tea")
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Tea"], ["Tea"])
    assert [one.destination for one in syncqueue.explain(note)] == ["@drafts", "@news"]
    assert {one.destination.name for one in syncqueue.status(note)} == {"@drafts", "@news"}


def test_what_explain_considers_are_the_destinations_of_all_owners(
    channel: Destination, own: Destination, writer: User, together: Any
) -> None:
    together()
    (note,) = Note.objects.bulk_create([Note(owner=writer, text="Tea")])
    assert [one.destination for one in syncqueue.explain(note)] == ["@drafts", "@news"]


def test_several_owners_cost_a_save_no_query_more(
    channel: Destination, own: Destination, writer: User, together: Any
) -> None:
    together()
    Note.objects.create(owner=writer, text="Warm")
    with syncqueue.queued():
        sqls = queries(lambda: Note.objects.create(owner=writer, text="Tea"))
    assert verbs(sqls) == ["INSERT", "SELECT", "INSERT"]


def test_a_note_leaves_the_channel_of_who_is_no_owner_any_more(
    channel: Destination, writer: User, sandbox: RunningSandbox, together: Any
) -> None:
    other = User.objects.create_user("other")
    make_destination(sandbox, "@drafts", owner=other)
    together(other)
    note = Note.objects.create(owner=writer, text="Tea")
    assert texts(sandbox, "@drafts") == ["Tea"]
    together()
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Tea"], [])


def test_a_note_leaves_the_sites_channel_when_the_site_is_no_owner_any_more(
    channel: Destination, own: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [note.owner, None])
    note = Note.objects.create(owner=writer, text="Tea")
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Tea"], ["Tea"])
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [note.owner])
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == ([], ["Tea"])
    told = {one.destination: one.text for one in syncqueue.explain(note)}
    assert told["@news"] == "not there, because the object belongs to someone else."
    assert [(record.state, record.parts) for record in SyncRecord.objects.filter(destination=channel)] == [
        ("synced", [])
    ]
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [note.owner, None])
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Tea"], ["Tea"])


def test_a_kept_note_leaves_the_sites_channel_with_the_site_as_its_owner(
    channel: Destination, writer: User, sandbox: RunningSandbox, together: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "keeps", ("telegram",))
    together()
    note = Note.objects.create(owner=writer, text="Tea")
    note.soft_delete()
    assert texts(sandbox) == ["Tea"]
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [note.owner])
    note.save()
    assert texts(sandbox) == []


def test_a_note_leaves_what_does_not_keep_it_any_more(
    channel: Destination, writer: User, sandbox: RunningSandbox, together: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    together()
    monkeypatch.setattr(NoteSync, "keeps", ("telegram",))
    note = Note.objects.create(owner=writer, text="Tea")
    note.soft_delete()
    assert texts(sandbox) == ["Tea"]
    monkeypatch.setattr(NoteSync, "keeps", ())
    note.save()
    assert texts(sandbox) == []


def test_what_only_the_short_form_names_leaves_the_sites_channel_as_it_is(
    channel: Destination, own: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "owners", syncqueue.ModelSync.owners)
    monkeypatch.setattr(NoteSync, "owner", lambda self, note: None)
    note = Note.objects.create(owner=writer, text="Tea")
    monkeypatch.setattr(NoteSync, "owner", lambda self, note: note.owner)
    note.text = "Black tea"
    note.save()
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Black tea"], ["Black tea"])
    assert methods(sandbox).count("sendMessage") == 2


def test_readers_are_not_led_to_a_copy_that_waits_to_leave_the_sites_channel(
    channel: Destination, writer: User, sandbox: RunningSandbox, together: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    together()
    note = Note.objects.create(owner=writer, text="Tea")
    assert [one.destination for one in syncqueue.copies(note)] == ["@news"]
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [note.owner])
    assert syncqueue.copies(note) == []


def test_a_channel_that_two_owners_share_shows_a_note_once(
    own: Destination, writer: User, sandbox: RunningSandbox, together: Any
) -> None:
    other = User.objects.create_user("other")
    make_destination(sandbox, "@drafts", name="ours", owner=other)
    same_place.forget()
    together(other)
    note = Note.objects.create(owner=writer, text="Tea")
    assert texts(sandbox, "@drafts") == ["Tea"]
    assert [record.parts != [] for record in syncqueue.status(note)] == [True, False]
    services.retire(own, remove_remote=True, actor="the writer")
    work()
    assert texts(sandbox, "@drafts") == ["Tea"]
    assert methods(sandbox).count("sendMessage") == 1
    assert [one.destination.name for one in SyncRecord.objects.all()] == ["ours"]


def test_strangers_with_one_channel_do_not_share_it(
    own: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = User.objects.create_user("other")
    make_destination(sandbox, "@drafts", name="theirs", owner=other)
    same_place.forget()
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [note.owner])
    Note.objects.create(owner=writer, text="Mine")
    Note.objects.create(owner=other, text="Theirs")
    assert texts(sandbox, "@drafts") == ["Mine", "Theirs"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "TypeError: it returns a NoneType, where a list of users is expected"),
        ("writer", "TypeError: it returns a str, where a list of users is expected"),
        ([Group(name="us")], "TypeError: it returns a Group, where a auth.User is expected"),
        ([User(username="new")], "ValueError: it returns a user that is not saved yet"),
    ],
    ids=["None", "a text", "a group", "unsaved"],
)
def test_nonsense_is_named_and_the_save_succeeds(
    channel: Destination, writer: User, monkeypatch: pytest.MonkeyPatch, answer: Any, words: str
) -> None:
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: answer)
    note = Note.objects.create(owner=writer, text="Tea")
    assert f"notes.note:{note.pk}: NoteSync.owners() raised {words}" in RefusedObject.objects.get().reason
    assert not SyncRecord.objects.exists()


def test_nobodys_note_goes_nowhere(
    channel: Destination, own: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "owners", lambda self, note: [])
    note = Note.objects.create(owner=writer, text="Tea")
    assert syncqueue.explain(note) == []
    assert not SyncRecord.objects.exists()

"""`adopt`: copies from before syncqueue are taken over, with a real queue, worker and service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import adopting
from syncqueue.sources.registry import register, unregister
from tests.integration.commands.calling import call
from tests.integration.sync.conftest import channel, own_site, writer
from tests.integration.sync.scene import make_destination, methods, post_as_before, record_of, texts, work, work_until

__all__ = ["channel", "own_site", "writer"]

pytestmark = pytest.mark.django_db(transaction=True)


class OldSync(NoteSync):
    """Notes of a site that posted by other means."""

    old: dict[int, Any] = {}  # by note: what existing_remote returns, or raises

    def owner(self, note: Note) -> int | None:
        return note.owner_id if Destination.objects.exclude(owner=None).exists() else None

    def existing_remote(self, note: Note, destination: Destination) -> Any:
        found = self.old.get(note.pk)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture(autouse=True)
def own_queue() -> None:
    """Override the fixture of the API tests: `own_site` provides a site."""


@pytest.fixture(autouse=True)
def old_notes(own_site: None) -> Iterator[None]:
    """Notes are synced by `OldSync`."""
    OldSync.old = {}
    unregister(Note)
    register(Note)(OldSync)
    yield
    unregister(Note)
    register(Note)(NoteSync)


def old_note(writer: User, sandbox: RunningSandbox, text: str, **values: Any) -> Note:
    """A note with a message that no record knows."""
    (note,) = Note.objects.bulk_create([Note(owner=writer, text=text, **values)])
    OldSync.old[note.pk] = post_as_before(sandbox, text)
    return note


def test_adopted_messages_are_edited_where_they_stand(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    notes = [old_note(writer, sandbox, text) for text in ("One", "Two")]
    posted = len(methods(sandbox))
    said = call("adopt", "--destination", "@news", "--noinput", "--json")
    assert (said.code, said.data["adopted"], said.data["wanted"]) == (0, 2, 2)
    work()
    assert len(methods(sandbox)) == posted
    assert {record_of(note).state for note in notes} == {RecordState.SYNCED}
    notes[0].text = "First"
    notes[0].save()
    work()
    assert texts(sandbox) == ["First", "Two"]
    assert methods(sandbox)[posted:] == ["editMessageText"]


def test_a_dry_run_writes_nothing_and_says_the_counts(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    old_note(writer, sandbox, "One")
    old_note(writer, sandbox, "Two", deleted_at=timezone.now())
    Note.objects.bulk_create([Note(owner=writer, text="Never posted")])
    said = call("adopt", "--destination", str(channel.pk), "--dry-run", "--json").data
    assert [said[name] for name in ("asked", "wanted", "unwanted", "without", "adopted")] == [3, 1, 1, 1, 0]
    assert not SyncRecord.objects.exists()


def test_what_is_not_wanted_is_removed(writer: User, channel: Destination, sandbox: RunningSandbox) -> None:
    Destination.objects.update(rule="public")
    old_note(writer, sandbox, "Stays")
    trashed = old_note(writer, sandbox, "In the trash", deleted_at=timezone.now())
    private = old_note(writer, sandbox, "Private", is_private=True)
    call("adopt", "--destination", "@news", "--noinput")
    work()
    assert texts(sandbox) == ["Stays"]
    assert [record_of(note).parts for note in (trashed, private)] == [[], []]


def test_it_may_be_repeated(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    note = old_note(writer, sandbox, "One")
    call("adopt", "--destination", "@news", "--noinput")
    before = SyncRecord.objects.values().get()
    said = call("adopt", "--destination", "@news", "--noinput", "--json").data
    assert [said[name] for name in ("known", "wanted", "adopted")] == [1, 0, 0]
    assert SyncRecord.objects.values().get() == before
    assert record_of(note).pk == before["id"]


def test_one_odd_object_is_named_and_passed(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    old_note(writer, sandbox, "One")
    odd = [old_note(writer, sandbox, text) for text in ("Raises", "Returns a dict", "Returns a byte")]
    OldSync.old |= {odd[0].pk: LookupError("no such row"), odd[1].pk: {"id": 1}, odd[2].pk: "7\x00"}
    last = old_note(writer, sandbox, "Two")
    said = call("adopt", "--destination", "@news", "--noinput")
    assert said.code == 0
    assert "objects skipped because of an error: 3" in said.out
    assert f"notes.note:{odd[0].pk}: OldSync.existing_remote() raised LookupError: no such row" in said.out
    assert "dict was returned by existing_remote(): expected an id, a RemotePart, a list of them or None." in said.out
    assert record_of(last).parts
    assert SyncRecord.objects.count() == 2


def test_stopped_in_the_middle_it_goes_on_when_it_is_run_again(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncqueue.sources.walk.CHUNK", 2)
    for n in range(5):
        old_note(writer, sandbox, str(n))
    real = adopting.adopt_chunk
    written: list[int] = []

    def until_ctrl_c(*args: Any, write: bool) -> adopting.Adopted:
        if write and len(written) == 2:
            raise KeyboardInterrupt
        written.extend([1] if write else [])
        return real(*args, write=write)

    monkeypatch.setattr(adopting, "adopt_chunk", until_ctrl_c)
    said = call("adopt", "--destination", "@news", "--noinput")
    assert said.code == 1
    assert "4 copies are adopted.\nStopped." in said.out
    assert SyncRecord.objects.count() == 4
    monkeypatch.setattr(adopting, "adopt_chunk", real)
    said = call("adopt", "--destination", "@news", "--noinput", "--json")
    assert (said.data["known"], said.data["adopted"]) == (4, 1)


def test_without_a_yes_nothing_is_adopted(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_note(writer, sandbox, "One")
    monkeypatch.setattr("builtins.input", lambda: "n")
    assert call("adopt", "--destination", "@news").code == 1
    assert not SyncRecord.objects.exists()


def test_a_destination_that_is_switched_off_can_be_prepared(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Destination.objects.update(enabled=False, rule="public")
    old_note(writer, sandbox, "Private", is_private=True)
    assert call("adopt", "--destination", "@news", "--noinput").code == 0
    work()
    assert texts(sandbox) == ["Private"]
    channel.refresh_from_db()
    channel.enabled = True
    channel.save()
    SyncRecord.objects.update(changed_at=timezone.now() - timedelta(hours=1))
    work_until(lambda: texts(sandbox) == [])


def test_a_change_that_waits_is_not_lost(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    note = old_note(writer, sandbox, "One")
    SyncRecord.objects.create(source="notes.note", object_pk=note.pk, destination=channel, service="telegram")
    call("adopt", "--destination", "@news", "--noinput")
    assert record_of(note).state == RecordState.WAITING
    assert record_of(note).parts


def test_without_an_existing_remote_it_says_so(channel: Destination) -> None:
    unregister(Note)
    register(Note)(NoteSync)
    said = call("adopt", "--destination", "@news", "--noinput")
    assert said.code == 1
    assert "No ModelSync defines existing_remote()" in said.err


def test_the_copy_of_a_private_note_is_updated_because_nobody_knows_who_can_see_it(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    old_note(writer, sandbox, "Public")
    private = old_note(writer, sandbox, "Private", is_private=True)
    call("adopt", "--destination", "@news", "--noinput")
    assert record_of(private).state == RecordState.WAITING
    before = len(methods(sandbox))
    work_until(lambda: record_of(private).state == RecordState.SYNCED)
    assert methods(sandbox)[before:] == ["editMessageText"]


def test_what_another_owner_shows_in_the_same_channel_is_left_alone(writer: User, sandbox: RunningSandbox) -> None:
    other = User.objects.create_user("other")
    mine, theirs = (make_destination(sandbox, name=who.username, owner=who) for who in (writer, other))
    old_note(other, sandbox, "Theirs")
    said = call("adopt", "--destination", mine.name, "--noinput", "--json").data
    assert (said["known"], said["adopted"]) == (1, 0)
    said = call("adopt", "--destination", theirs.name, "--noinput", "--json").data
    assert (said["wanted"], said["adopted"]) == (1, 1)
    work()
    assert texts(sandbox) == ["Theirs"]


def test_what_was_handed_over_before_is_removed_from_the_channel_of_its_former_owner(
    writer: User, sandbox: RunningSandbox
) -> None:
    make_destination(sandbox, name="mine", owner=writer)
    old_note(User.objects.create_user("other"), sandbox, "Theirs by now")
    assert call("adopt", "--destination", "mine", "--noinput", "--json").data["unwanted"] == 1
    work_until(lambda: texts(sandbox) == [])

"""Copies from before syncqueue, which the site alone knows: whatever becomes of their object, none is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

import syncqueue
from project.notes.models import Note, Tag
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.dispatch import deletions
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.sources import same_place
from syncqueue.sources.registry import register, unregister
from tests.integration.sync.scene import (
    configure,
    make_destination,
    methods,
    post_as_before,
    record_of,
    texts,
    work,
    work_until,
)

pytestmark = pytest.mark.django_db(transaction=True)


class OldSync(NoteSync):
    """Notes of a site that posted by other means, and knows where."""

    old: dict[int, Any] = {}  # by note: what existing_remote returns, or raises
    asked: list[tuple[int, int]] = []

    def owner(self, note: Note) -> int | None:
        return note.owner_id if Destination.objects.filter(owner_id=note.owner_id).exists() else None

    def existing_remote(self, note: Note, destination: Destination) -> Any:
        self.asked.append((note.pk, destination.pk))
        found = self.old.get(note.pk)
        if isinstance(found, Exception):
            raise found
        return found(note, destination) if callable(found) else found


@pytest.fixture(autouse=True)
def old_notes(own_site: None) -> Iterator[None]:
    """Notes are synced by `OldSync`."""
    OldSync.old, OldSync.asked = {}, []
    unregister(Note)
    register(Note)(OldSync)
    same_place.forget()
    yield
    unregister(Note)
    register(Note)(NoteSync)


def old_note(writer: User, sandbox: RunningSandbox, text: str = "From before", **values: Any) -> Note:
    """A note with a message that no record knows."""
    (note,) = Note.objects.bulk_create([Note(owner=writer, text=text, **values)])
    OldSync.old[note.pk] = post_as_before(sandbox, text)
    return note


def failures() -> list[str]:
    return list(SyncRecord.objects.filter(state=RecordState.FAILED).order_by("pk").values_list("error", flat=True))


def test_a_deleted_note_takes_its_copy_with_it_though_it_never_had_a_record(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    old_note(writer, sandbox).delete()
    work_until(lambda: texts(sandbox) == [])
    work_until(lambda: not SyncRecord.objects.exists())


def test_many_notes_deleted_at_once_take_their_copies_with_them(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncqueue.receivers.MOST_OBJECTS", 2)
    for n in range(5):
        old_note(writer, sandbox, str(n))
    Note.objects.create(owner=writer, text="With a record")
    Note.objects.all().delete()
    work_until(lambda: texts(sandbox) == [])


def test_the_notes_that_go_with_their_owner_take_their_copies_with_them(writer: User, sandbox: RunningSandbox) -> None:
    make_destination(sandbox, owner=writer)
    old_note(writer, sandbox)
    writer.delete()
    work_until(lambda: texts(sandbox) == [])
    work_until(lambda: not Destination.objects.exists())


def test_a_rollback_of_the_deletion_leaves_the_copy(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = old_note(writer, sandbox)
    with pytest.raises(LookupError), transaction.atomic():
        note.delete()
        raise LookupError
    assert not SyncRecord.objects.exists()
    work()
    assert texts(sandbox) == ["From before"]


def test_a_copy_that_is_known_is_not_asked_for_twice_when_its_note_is_deleted(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = old_note(writer, sandbox)
    note.save()
    work_until(lambda: record_of(note).state == RecordState.SYNCED)
    note.delete()
    work_until(lambda: texts(sandbox) == [])
    assert methods(sandbox).count("deleteMessage") == 1


@pytest.mark.parametrize("trouble", ["raises", "is slow", "asks the database for nonsense"])
def test_what_cannot_be_asked_before_a_deletion_is_named_and_the_deletion_stands(
    channel: Destination, writer: User, sandbox: RunningSandbox, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = old_note(writer, sandbox)
    match trouble:
        case "raises":
            OldSync.old[note.pk] = LookupError("no such row")
        case "is slow":
            monkeypatch.setattr(deletions, "MOST_ASKING_SECONDS", 0.0)
        case _:
            OldSync.old[note.pk] = lambda *_: connection.cursor().execute("SELECT nonsense FROM nowhere")
    note.delete()
    assert not Note.objects.exists()
    work_until(lambda: failures() != [])
    assert "A copy may be left at @news (@news)" in failures()[0]


def test_a_copy_is_known_from_the_first_attempt_on(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    configure("telegram", BASE_DELAY_SECONDS=0.1)
    configure("BREAKER", OPEN_SECONDS=0.2)
    note = old_note(writer, sandbox)
    sandbox.set_mode("telegram", "down")
    note.save()
    OldSync.old.clear()  # the site's column is emptied
    sandbox.set_mode("telegram", "up")
    note.delete()
    work_until(lambda: texts(sandbox) == [])


def test_a_destination_that_is_removed_with_its_copies_removes_those_from_before(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    old_note(writer, sandbox, "Never saved since")
    with syncqueue.queued():
        old_note(writer, sandbox, "Saved, and not attempted").save()
    Note.objects.create(owner=writer, text="Posted")
    services.retire(channel, remove_remote=True, actor="a test")
    work_until(lambda: texts(sandbox) == [])
    work_until(lambda: not Destination.objects.exists())


def test_a_note_that_is_deleted_while_its_destination_is_removed_takes_its_copy_with_it(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = old_note(writer, sandbox)
    services.retire(channel, remove_remote=True, actor="a test")
    note.delete()
    SyncRecord.objects.update(changed_at=timezone.now() - timedelta(hours=1))
    work_until(lambda: texts(sandbox) == [])
    work_until(lambda: not Destination.objects.exists())


def test_a_destination_stays_while_one_of_its_copies_cannot_be_asked_for(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = old_note(writer, sandbox)
    OldSync.old[note.pk] = LookupError("no such row")
    services.retire(channel, remove_remote=True, actor="a test")
    work_until(lambda: failures() != [])
    assert "A copy from before may be left at @news (@news)" in failures()[0]
    assert "LookupError: no such row" in failures()[0]
    assert Destination.objects.exists()


def test_a_destination_that_leaves_its_copies_leaves_those_from_before(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    old_note(writer, sandbox)
    services.retire(channel, remove_remote=False, actor="a test")
    work()
    assert (texts(sandbox), Destination.objects.count()) == (["From before"], 0)


def test_two_destinations_at_one_place_edit_the_one_copy_from_before(writer: User, sandbox: RunningSandbox) -> None:
    rail, sea = (Tag.objects.create(name=name) for name in ("rail", "sea"))
    make_destination(sandbox, name="Rail", rule="tag", rule_value="rail")
    make_destination(sandbox, name="Sea", rule="tag", rule_value="sea")
    same_place.forget()
    note = old_note(writer, sandbox)
    with syncqueue.queued():
        note.tags.add(rail, sea)
    work_until(lambda: not SyncRecord.objects.filter(state=RecordState.WAITING).exists())
    assert texts(sandbox) == ["From before\n\n#rail #sea"]
    note.tags.remove(rail)
    work_until(lambda: texts(sandbox) == ["From before\n\n#sea"])
    note.tags.remove(sea)
    work_until(lambda: texts(sandbox) == [])
    assert methods(sandbox).count("sendMessage") == 1


def test_the_copies_of_several_parts_are_named_by_a_list(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = old_note(writer, sandbox, "The first half")
    OldSync.old[note.pk] = [OldSync.old[note.pk], post_as_before(sandbox, "The second half")]
    note.text = "All of it"
    note.save()
    work_until(lambda: texts(sandbox) == ["All of it"])
    note.soft_delete()
    work_until(lambda: texts(sandbox) == [])


@pytest.mark.parametrize("nothing", [None, "", []])
def test_a_note_without_a_copy_from_before_is_posted(
    channel: Destination, writer: User, sandbox: RunningSandbox, nothing: Any
) -> None:
    (note,) = Note.objects.bulk_create([Note(owner=writer, text="New")])
    OldSync.old[note.pk] = nothing
    note.save()
    work_until(lambda: texts(sandbox) == ["New"])


def test_a_copy_at_a_former_place_goes_when_its_note_is_not_wanted(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = old_note(writer, sandbox)
    number = OldSync.old[note.pk]
    OldSync.old[note.pk] = syncqueue.RemotePart(kind="text", id=number, address="@news")
    channel.address = "@drafts"
    channel.save()
    same_place.forget()
    note.save()
    work_until(lambda: texts(sandbox, "@drafts") == ["From before"])
    note.soft_delete()
    work_until(lambda: (texts(sandbox), texts(sandbox, "@drafts")) == ([], []))


def test_adopt_by_call_removes_what_is_not_wanted(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    note = old_note(writer, sandbox, deleted_at=timezone.now())
    record = syncqueue.adopt(note, channel, OldSync.old[note.pk])
    assert (record.state, texts(sandbox)) == (RecordState.WAITING, ["From before"])
    work_until(lambda: texts(sandbox) == [])


def test_a_second_copy_that_adopt_names_takes_the_place_of_the_first(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="Posted")
    syncqueue.adopt(note, channel, post_as_before(sandbox, "Adopted"))
    note.save()
    work_until(lambda: texts(sandbox) == ["Posted"])
    assert record_of(note).state == RecordState.SYNCED

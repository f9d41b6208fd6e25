"""A save, an edit and a delete, as a visitor of the channel sees them the moment they return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import F

import syncqueue
from project.notes.models import Note, Tag
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.sync.scene import make_destination, methods, queue, record_of, task_of, texts, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def note(channel: Destination, writer: User) -> Note:
    """A note that is out there."""
    return Note.objects.create(owner=writer, text="First")


def test_a_saved_note_is_in_the_channel_when_save_returns(note: Note, sandbox: RunningSandbox) -> None:
    (message,) = sandbox.messages("@news")
    record = record_of(note)
    assert message["text"] == "First"
    assert record.state == RecordState.SYNCED
    assert record.parts == [
        {
            "kind": "text",
            "id": str(message["message_id"]),
            "url": record.parts[0]["url"],
            "address": "@news",
            "identity": "-1001000000001",
        }
    ]
    assert task_of(note) is None
    assert queue().stats().total_processed == 1


def test_an_edit_edits_the_same_message(note: Note, sandbox: RunningSandbox) -> None:
    (before,) = sandbox.messages("@news")
    note.text = "Second"
    note.save()
    (after,) = sandbox.messages("@news")
    assert (after["text"], after["message_id"]) == ("Second", before["message_id"])


def test_a_delete_removes_the_message_and_the_record(note: Note, sandbox: RunningSandbox) -> None:
    note.delete()
    assert texts(sandbox) == []
    assert not SyncRecord.objects.exists()


def test_a_deleted_queryset_removes_all_messages(note: Note, writer: User, sandbox: RunningSandbox) -> None:
    Note.objects.create(owner=writer, text="Another")
    Note.objects.all().delete()
    assert texts(sandbox) == []


def test_a_soft_delete_removes_the_message_and_a_restore_posts_it_again(note: Note, sandbox: RunningSandbox) -> None:
    note.soft_delete()
    assert texts(sandbox) == []
    assert record_of(note).parts == []
    note.restore()
    assert texts(sandbox) == ["First"]


def test_saving_equal_content_sends_nothing(note: Note, sandbox: RunningSandbox) -> None:
    before = len(sandbox.log())
    note.save()
    assert len(sandbox.log()) == before
    assert record_of(note).state == RecordState.SYNCED


def test_a_public_channel_drops_a_note_that_becomes_private_and_takes_it_back(
    note: Note, channel: Destination, sandbox: RunningSandbox
) -> None:
    Destination.objects.update(rule="public")
    note.is_private = True
    note.save()
    assert texts(sandbox) == []
    note.is_private = False
    note.save()
    assert texts(sandbox) == ["First"]


def test_a_private_note_goes_to_the_private_channel_alone(sandbox: RunningSandbox, writer: User) -> None:
    make_destination(sandbox, rule="public")
    make_destination(sandbox, "@drafts", rule="private")
    Note.objects.create(owner=writer, text="Mine", is_private=True)
    Note.objects.create(owner=writer, text="Ours")
    assert (texts(sandbox), texts(sandbox, "@drafts")) == (["Ours"], ["Mine"])


def test_another_owners_channel_gets_nothing(sandbox: RunningSandbox, writer: User) -> None:
    make_destination(sandbox, owner=writer)
    Note.objects.create(owner=writer, text="Site-wide")
    assert texts(sandbox) == []
    assert not SyncRecord.objects.exists()


def test_a_note_goes_to_the_channels_of_its_owner_alone(
    sandbox: RunningSandbox, writer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoteSync, "owner", lambda self, note: note.owner_id)
    other = User.objects.create_user("other")
    make_destination(sandbox, owner=writer)
    make_destination(sandbox, "@drafts", owner=other)
    make_destination(sandbox, "@tagged")
    Note.objects.create(owner=writer, text="Mine")
    assert [texts(sandbox, chat) for chat in ("@news", "@drafts", "@tagged")] == [["Mine"], [], []]


class TestTags:
    """A channel with the rule "tag" follows the tags, from wherever they are changed."""

    @pytest.fixture(autouse=True)
    def tagged(self, sandbox: RunningSandbox) -> None:
        make_destination(sandbox, "@tagged", rule="tag", rule_value="#Rail")

    @pytest.fixture
    def rail(self) -> Tag:
        return Tag.objects.create(name="rail")

    @pytest.fixture
    def note(self, writer: User) -> Note:
        return Note.objects.create(owner=writer, text="First")

    def test_adding_and_removing_a_tag_posts_and_removes(self, note: Note, rail: Tag, sandbox: RunningSandbox) -> None:
        assert texts(sandbox, "@tagged") == []
        note.tags.add(rail)
        assert texts(sandbox, "@tagged") == ["First\n\n#rail"]
        note.tags.remove(rail)
        assert texts(sandbox, "@tagged") == []

    def test_adding_and_removing_a_note_from_the_tags_side_does_too(
        self, note: Note, rail: Tag, sandbox: RunningSandbox
    ) -> None:
        rail.note_set.add(note)
        assert texts(sandbox, "@tagged") == ["First\n\n#rail"]
        rail.note_set.remove(note)
        assert texts(sandbox, "@tagged") == []

    def test_clearing_the_tags_of_a_note_removes_it(self, note: Note, rail: Tag, sandbox: RunningSandbox) -> None:
        note.tags.add(rail)
        note.tags.clear()
        assert texts(sandbox, "@tagged") == []

    def test_clearing_the_notes_of_a_tag_removes_them(self, note: Note, rail: Tag, sandbox: RunningSandbox) -> None:
        note.tags.add(rail)
        rail.note_set.clear()
        assert texts(sandbox, "@tagged") == []

    def test_renaming_a_tag_edits_its_notes(self, note: Note, rail: Tag, sandbox: RunningSandbox) -> None:
        other = Tag.objects.create(name="sea")
        note.tags.add(rail, other)
        other.name = "ocean"
        other.save()
        assert texts(sandbox, "@tagged") == ["First\n\n#ocean #rail"]

    def test_renaming_the_tag_of_the_rule_removes_the_note(
        self, note: Note, rail: Tag, sandbox: RunningSandbox
    ) -> None:
        note.tags.add(rail)
        rail.name = "road"
        rail.save()
        assert texts(sandbox, "@tagged") == []

    def test_deleting_a_tag_removes_the_notes_that_were_there_for_it(
        self, note: Note, rail: Tag, sandbox: RunningSandbox
    ) -> None:
        note.tags.add(rail)
        rail.delete()
        assert texts(sandbox, "@tagged") == []


class TestWatch:
    """A source that names the fields that count."""

    @pytest.fixture(autouse=True)
    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(NoteSync, "watch", ("text",))

    def test_a_save_of_other_fields_alone_is_ignored(self, note: Note) -> None:
        before = record_of(note).generation
        note.save(update_fields=["updated_at"])
        assert record_of(note).generation == before

    def test_a_save_of_a_watched_field_counts(self, note: Note, sandbox: RunningSandbox) -> None:
        note.text = "Second"
        note.save(update_fields=["text"])
        assert texts(sandbox) == ["Second"]

    def test_a_save_of_everything_counts(self, note: Note, sandbox: RunningSandbox) -> None:
        note.text = "Second"
        note.save()
        assert texts(sandbox) == ["Second"]


def test_a_save_with_a_database_expression_syncs_the_stored_text(note: Note, sandbox: RunningSandbox) -> None:
    Note.objects.filter(pk=note.pk).update(text="Stored")
    note.text = F("text")
    note.save()
    assert texts(sandbox) == ["Stored"]


def test_a_muted_save_sends_nothing_the_sweep_passes_it_by_and_the_next_save_syncs_it(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with syncqueue.muted():
        note = Note.objects.create(owner=writer, text="Quiet")
    work()
    assert (sandbox.log(), queue().stats().total_processed) == ([], 0)
    assert not SyncRecord.objects.filter(state=RecordState.WAITING).exists()
    note.save()
    assert texts(sandbox) == ["Quiet"]


def test_a_muted_edit_leaves_the_message_as_it_is_until_the_next_save(note: Note, sandbox: RunningSandbox) -> None:
    note.text = "Quietly changed"
    with syncqueue.muted():
        note.save()
    work()
    assert texts(sandbox) == ["First"]
    note.save()
    assert texts(sandbox) == ["Quietly changed"]


def test_a_queued_save_is_not_attempted_but_queued(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    with syncqueue.queued():
        note = Note.objects.create(owner=writer, text="Later")
    assert texts(sandbox) == []
    assert task_of(note).state == "pending"
    work()
    assert texts(sandbox) == ["Later"]


def test_loading_a_fixture_syncs_nothing(
    channel: Destination, writer: User, sandbox: RunningSandbox, tmp_path: Path, settings: Any
) -> None:
    with syncqueue.muted():
        note = Note.objects.create(owner=writer, text="From a fixture")
    fixture = tmp_path / "notes.json"
    call_command("dumpdata", "notes", output=str(fixture), verbosity=0)
    with syncqueue.muted():
        note.delete()
    SyncRecord.objects.all().delete()
    call_command("loaddata", str(fixture), verbosity=0)
    assert Note.objects.exists()
    work()
    assert sandbox.log() == []
    assert not SyncRecord.objects.filter(state=RecordState.WAITING).exists()


def test_sync_sends_an_object_as_a_save_would(note: Note, sandbox: RunningSandbox) -> None:
    Note.objects.filter(pk=note.pk).update(text="Behind its back")
    syncqueue.sync(Note.objects.get())
    assert texts(sandbox) == ["Behind its back"]


def test_status_answers_the_records_of_an_object(note: Note, channel: Destination) -> None:
    (record,) = syncqueue.status(note)
    assert (record.destination, record.state) == (channel, RecordState.SYNCED)


def test_several_saves_make_one_message(note: Note, sandbox: RunningSandbox) -> None:
    for number in range(5):
        note.text = f"Version {number}"
        note.save()
    assert texts(sandbox) == ["Version 4"]
    assert methods(sandbox).count("sendMessage") == 1

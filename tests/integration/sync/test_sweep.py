"""What no signal told of, and what was there before: the sweep, bulk calls, new destinations, copies from before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

import syncqueue
from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.sync.scene import configure, make_destination, methods, queue, record_of, texts, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def old_note(own_site: None, writer: User) -> Note:
    """A note from before there was any destination."""
    return Note.objects.create(owner=writer, text="Old")


def test_the_sweep_finds_what_bulk_create_made(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    Note.objects.bulk_create([Note(owner=writer, text=text) for text in ("First", "Second")])
    assert sandbox.log() == []
    work()
    assert sorted(texts(sandbox)) == ["First", "Second"]
    work()
    assert len(sandbox.log()) == 2


def test_the_sweep_finds_what_update_changed(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    Note.objects.create(owner=writer, text="First")
    work()
    Note.objects.update(text="Second", updated_at=timezone.now())
    work()
    assert texts(sandbox) == ["Second"]
    assert methods(sandbox) == ["sendMessage", "editMessageText"]


def test_the_sweep_leaves_alone_what_the_saves_have_seen_to(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="First")
    before = record_of(note).generation
    work()
    assert record_of(note).generation == before
    assert queue().stats().total_processed == 1


def test_the_sweep_does_not_bring_back_what_failed_or_was_cleared(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    for state in (RecordState.FAILED, RecordState.ABANDONED, RecordState.UNKNOWN):
        with syncqueue.queued():
            note = Note.objects.create(owner=writer, text=state.value)
        SyncRecord.objects.filter(object_pk=str(note.pk)).update(state=state)
    queue().clear()
    work()
    assert sandbox.log() == []


def test_a_waiting_record_whose_task_is_gone_is_enqueued_again(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="First")
    queue().client.flushdb()
    work()
    assert sandbox.log() == []  # younger than a lease: it may be under way
    SyncRecord.objects.update(changed_at=timezone.now() - timedelta(seconds=61))
    work()
    assert texts(sandbox) == ["First"]


def test_a_waiting_record_that_a_clock_an_hour_ahead_has_written_does_not_wait_for_an_hour(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="First")
    queue().client.flushdb()
    SyncRecord.objects.update(changed_at=timezone.now() + timedelta(hours=1))
    work()
    assert texts(sandbox) == ["First"]


def test_sync_queryset_syncs_what_bulk_calls_made(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    Note.objects.bulk_create([Note(owner=writer, text=text) for text in ("First", "Second")])
    assert syncqueue.sync_queryset(Note.objects.all()) == 2
    assert queue().stats().pending_count == 2
    work()
    assert sorted(texts(sandbox)) == ["First", "Second"]


def test_sync_queryset_queues_the_oldest_first_though_the_model_shows_the_newest_first(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", CONCURRENCY=1)
    wanted = [str(number) for number in range(12)]  # past 9 a text sorts otherwise than a number
    Note.objects.bulk_create([Note(owner=writer, text=text) for text in wanted])
    assert [note.text for note in Note.objects.all()] == wanted[::-1]
    syncqueue.sync_queryset(Note.objects.all())
    work()
    assert texts(sandbox) == wanted


def test_sync_queryset_of_another_service_enqueues_nothing(channel: Destination, writer: User) -> None:
    Note.objects.bulk_create([Note(owner=writer, text="First")])
    assert syncqueue.sync_queryset(Note.objects.all(), service="mastodon") == 0
    assert queue().stats().pending_count == 0


def test_sync_queryset_of_a_model_that_is_not_registered_says_so() -> None:
    with pytest.raises(syncqueue.SyncQueueError, match=r"auth\.User is not registered"):
        syncqueue.sync_queryset(User.objects.all())


def test_a_new_destination_leaves_older_notes_alone_also_when_they_are_edited(
    old_note: Note, sandbox: RunningSandbox
) -> None:
    make_destination(sandbox)
    work()
    old_note.text = "Edited"
    old_note.save()
    work()
    assert sandbox.log() == []


def test_a_destination_that_takes_all_gets_the_older_notes(old_note: Note, sandbox: RunningSandbox) -> None:
    make_destination(sandbox, start_at=old_note.created_at - timedelta(days=1))
    work()
    assert texts(sandbox) == ["Old"]


def test_existing_remote_and_then_an_edit_is_one_edit_and_no_new_message(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = Note.objects.create(owner=writer, text="Posted before syncqueue")
    (message,) = sandbox.messages("@news")
    SyncRecord.objects.all().delete()
    channel.start_at = timezone.now()  # the destination is younger than the note, as it is on such a site
    channel.save()
    monkeypatch.setattr(NoteSync, "existing_remote", lambda self, note, destination: str(message["message_id"]))
    note.text = "Edited"
    note.save()
    (after,) = sandbox.messages("@news")
    assert (after["message_id"], after["text"]) == (message["message_id"], "Edited")
    assert methods(sandbox) == ["sendMessage", "editMessageText"]


def test_adopt_and_then_an_edit_is_one_edit_and_no_new_message(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    note = Note.objects.create(owner=writer, text="Posted before syncqueue")
    (message,) = sandbox.messages("@news")
    SyncRecord.objects.all().delete()
    Destination.objects.update(start_at=timezone.now())
    record = syncqueue.adopt(note, channel, message["message_id"])
    assert record.state == RecordState.SYNCED
    work()
    assert methods(sandbox) == ["sendMessage"]  # adopting sends nothing
    note.text = "Edited"
    note.save()
    (after,) = sandbox.messages("@news")
    assert (after["message_id"], after["text"]) == (message["message_id"], "Edited")
    assert methods(sandbox) == ["sendMessage", "editMessageText"]

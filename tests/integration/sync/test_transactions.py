"""Transactions: what is rolled back never happened, what is committed is synced, gathered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.queue import SyncQueue
from tests.integration.sync.scene import configure, make_destination, methods, queue, record_of, texts, work

pytestmark = pytest.mark.django_db(transaction=True)


class Undo(Exception):
    """Ends a transaction."""


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tasks each call of `enqueue_leased` brought; the calls are made all the same."""
    counts: list[int] = []
    real = SyncQueue.enqueue_leased

    def counted(self: SyncQueue, tasks: Sequence[Any], *args: Any, **named: Any) -> Any:
        counts.append(len(tasks))
        return real(self, tasks, *args, **named)

    monkeypatch.setattr(SyncQueue, "enqueue_leased", counted)
    return counts


def test_nothing_is_sent_before_the_commit(channel: Destination, writer: User, sandbox: RunningSandbox) -> None:
    with transaction.atomic():
        note = Note.objects.create(owner=writer, text="First")
        assert record_of(note).state == RecordState.WAITING
        assert sandbox.log() == []
    assert texts(sandbox) == ["First"]


def test_a_rollback_leaves_no_record_no_task_and_no_message(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with pytest.raises(Undo), transaction.atomic():
        Note.objects.create(owner=writer, text="Never")
        raise Undo
    assert not SyncRecord.objects.exists()
    stats = queue().stats()
    assert (stats.pending_count, stats.delayed_count, stats.processing_count, stats.total_processed) == (0, 0, 0, 0)
    Note.objects.create(owner=writer, text="Later")
    assert texts(sandbox) == ["Later"]


def test_a_rolled_back_savepoint_leaves_nothing_and_the_rest_is_synced(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with transaction.atomic():
        before = Note.objects.create(owner=writer, text="Before")
        with pytest.raises(Undo), transaction.atomic():
            Note.objects.create(owner=writer, text="Never")
            raise Undo
        after = Note.objects.create(owner=writer, text="After")
    assert sorted(texts(sandbox)) == ["After", "Before"]
    kept = SyncRecord.objects.values_list("object_pk", flat=True)
    assert sorted(kept) == sorted([str(before.pk), str(after.pk)])


def test_a_save_in_a_savepoint_alone_is_synced_after_the_outer_commit(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with transaction.atomic():
        with transaction.atomic():
            Note.objects.create(owner=writer, text="Inner")
        assert sandbox.log() == []
    assert texts(sandbox) == ["Inner"]


def test_an_edit_rolled_back_to_a_savepoint_leaves_the_first_text(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with transaction.atomic():
        note = Note.objects.create(owner=writer, text="First")
        with pytest.raises(Undo), transaction.atomic():
            note.text = "Second"
            note.save()
            raise Undo
    assert texts(sandbox) == ["First"]
    assert record_of(note).state == RecordState.SYNCED


def test_the_saves_of_one_transaction_go_to_redis_in_one_call(
    channel: Destination, writer: User, sandbox: RunningSandbox, leases: list[int]
) -> None:
    make_destination(sandbox, "@drafts")
    with transaction.atomic():
        for number in range(4):
            note = Note.objects.create(owner=writer, text=f"Note {number}")
            note.text += "!"
            note.save()
    assert leases == [8]
    assert sorted(texts(sandbox)) == ["Note 0!", "Note 1!", "Note 2!", "Note 3!"] == sorted(texts(sandbox, "@drafts"))
    # Before the first copies it is asked whether the two destinations are one place.
    assert set(methods(sandbox)) <= {"sendMessage", "getChat"}


def test_two_transactions_make_two_calls(channel: Destination, writer: User, leases: list[int]) -> None:
    for text in ("First", "Second"):
        with transaction.atomic():
            Note.objects.create(owner=writer, text=text)
    assert leases == [1, 1]


def test_more_records_than_the_limit_go_to_the_queue(
    channel: Destination, writer: User, sandbox: RunningSandbox, leases: list[int]
) -> None:
    configure("IMMEDIATE", MAX_RECORDS=3)
    with transaction.atomic():
        for number in range(4):
            Note.objects.create(owner=writer, text=f"Note {number}")
    assert (leases, sandbox.log(), queue().stats().pending_count) == ([], [], 4)
    work()
    assert sorted(texts(sandbox)) == ["Note 0", "Note 1", "Note 2", "Note 3"]


def test_as_many_records_as_the_limit_are_attempted_at_once(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("IMMEDIATE", MAX_RECORDS=3)
    with transaction.atomic():
        for number in range(3):
            Note.objects.create(owner=writer, text=f"Note {number}")
    assert len(texts(sandbox)) == 3


def test_with_the_immediate_attempt_off_everything_goes_to_the_queue(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("IMMEDIATE", ENABLED=False)
    Note.objects.create(owner=writer, text="Later")
    assert (sandbox.log(), queue().stats().pending_count) == ([], 1)


def test_created_and_deleted_in_one_transaction_sends_nothing(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    with transaction.atomic():
        Note.objects.create(owner=writer, text="Short-lived").delete()
    assert sandbox.log() == []
    assert not SyncRecord.objects.exists()


def test_a_queryset_synced_in_a_transaction_is_queued_with_its_commit(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Note.objects.bulk_create([Note(owner=writer, text=f"Bulk {n}") for n in range(3)])
    with transaction.atomic():
        assert syncqueue.sync_queryset(Note.objects.all()) == 3
        assert queue().stats().pending_count == 0
    assert queue().stats().pending_count == 3
    work()
    assert sorted(texts(sandbox)) == ["Bulk 0", "Bulk 1", "Bulk 2"]


def test_sync_now_in_a_transaction_is_queued_with_its_commit(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    Note.objects.create(owner=writer, text="First")
    with transaction.atomic():
        assert services.sync_records(SyncRecord.objects.all(), actor="a test") == 1
        assert queue().stats().pending_count == 0
    assert queue().stats().pending_count == 1

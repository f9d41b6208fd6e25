"""How long a save waits for a service that hangs: not for its answer. The attempt goes on by itself, once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.dispatch.dispatch import begin_request, end_request
from syncqueue.models import Destination, RecordState
from tests.integration.sync.scene import (
    configure,
    methods,
    queue,
    record_of,
    task_of,
    texts,
    wait_until,
    work_until,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def little_patience(channel: Destination, sandbox: RunningSandbox) -> None:
    """The service hangs after it has stored what it was sent."""
    configure("IMMEDIATE", TIMEOUT_SECONDS=0.3)
    sandbox.set_mode("telegram", "hang")


@pytest.fixture
def request_under_way() -> Iterator[None]:
    """One request of a web process."""
    begin_request()
    yield
    end_request()


def unanswered(sandbox: RunningSandbox) -> int:
    """The requests that wait for their answer."""
    return sum(entry["open"] for entry in sandbox.log())


def test_a_save_returns_before_the_answer_and_the_attempt_ends_by_itself(writer: User, sandbox: RunningSandbox) -> None:
    note = Note.objects.create(owner=writer, text="First")
    wait_until(lambda: unanswered(sandbox) == 1)
    assert task_of(note).state == "processing"
    sandbox.set_mode("telegram", "up")
    wait_until(lambda: record_of(note).state == RecordState.SYNCED)
    wait_until(lambda: task_of(note) is None)
    assert (texts(sandbox), methods(sandbox)) == (["First"], ["sendMessage"])


def test_ten_edits_during_an_attempt_come_to_one_more_with_the_last_text(writer: User, sandbox: RunningSandbox) -> None:
    note = Note.objects.create(owner=writer, text="First")
    wait_until(lambda: unanswered(sandbox) == 1)
    for number in range(10):
        note.text = f"Edit {number}"
        note.save()
    assert methods(sandbox) == ["sendMessage"]
    sandbox.set_mode("telegram", "up")
    work_until(lambda: record_of(note).state == RecordState.SYNCED)
    assert texts(sandbox) == ["Edit 9"]
    assert methods(sandbox) == ["sendMessage", "editMessageText"]


def test_the_saves_of_one_request_share_one_budget(
    writer: User, sandbox: RunningSandbox, request_under_way: None
) -> None:
    for number in range(50):
        Note.objects.create(owner=writer, text=f"Note {number}")
    stats = queue().stats()
    assert (stats.processing_count, stats.pending_count) == (1, 49)
    sandbox.set_mode("telegram", "up")
    work_until(lambda: len(texts(sandbox)) == 50)
    assert methods(sandbox).count("sendMessage") == 50


def test_the_saves_of_one_transaction_wait_together(writer: User, sandbox: RunningSandbox) -> None:
    with transaction.atomic():
        for number in range(8):
            Note.objects.create(owner=writer, text=f"Note {number}")
    assert queue().stats().processing_count == 8
    sandbox.set_mode("telegram", "up")
    wait_until(lambda: queue().stats().processing_count == 0)
    assert methods(sandbox) == ["sendMessage"] * 8


def test_the_next_request_has_a_budget_of_its_own(
    writer: User, sandbox: RunningSandbox, request_under_way: None
) -> None:
    Note.objects.create(owner=writer, text="First")
    sandbox.set_mode("telegram", "up")
    end_request()
    begin_request()
    Note.objects.create(owner=writer, text="Second")
    wait_until(lambda: sorted(texts(sandbox)) == ["First", "Second"])
    assert queue().stats().pending_count == 0

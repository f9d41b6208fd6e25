"""A service that loses answers, and what people do meanwhile: the remote copy ends right."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.sync.scene import configure, record_of, texts, work_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("answer", ["store-then-reset", "error"])
def test_a_text_taken_back_after_its_answer_was_lost_is_what_is_out_there_in_the_end(
    channel: Destination, writer: User, sandbox: RunningSandbox, answer: str
) -> None:
    configure("telegram", BASE_DELAY_SECONDS=0.01)
    configure("BREAKER", OPEN_SECONDS=0.2)
    note = Note.objects.create(owner=writer, text="First")
    sandbox.plan_answers("telegram", answer)
    note.text = "Second"
    note.save()
    with syncqueue.queued():
        note.text = "First"  # equal to what syncqueue last heard to be out there
        note.save()
    work_until(lambda: record_of(note).state == RecordState.SYNCED)
    assert texts(sandbox) == ["First"]


def test_a_note_deleted_after_the_answer_to_its_edit_was_lost_is_taken_away(
    channel: Destination, writer: User, sandbox: RunningSandbox
) -> None:
    configure("telegram", BASE_DELAY_SECONDS=0.01)
    configure("BREAKER", OPEN_SECONDS=0.2)
    note = Note.objects.create(owner=writer, text="First")
    sandbox.plan_answers("telegram", "store-then-reset")
    note.text = "Second"
    note.save()
    note.delete()
    work_until(lambda: not SyncRecord.objects.exists())
    assert texts(sandbox) == []

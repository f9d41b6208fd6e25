"""An outage has many faces. What says nothing about the note uses no attempt, and all goes out when it is over.

Hours pass on a clock of the test's own, as in test_day_of_outage.py. Each face is an error as handlers raise it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.core.clock import ManualClock
from syncqueue.core.errors import HandlerError, OutcomeUnknown, Unavailable, Unreachable
from syncqueue.core.task import TaskState
from syncqueue.handlers.base import DocumentJob, RemotePart
from syncqueue.handlers.telegram.handler import TelegramHandler
from syncqueue.models import Destination, RecordState, SyncRecord
from tests.integration.sync.scene import holds, queue, record_of, texts
from tests.integration.sync.test_day_of_outage import live_through

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.simulation]

NOTES = 40
MANY = 500  # beside one that the service fails at
DAY = [30] * 40 + [600] * 142
HOUR = [30] * 120
REASON = "telegram answers 503"
FACES = {
    "maintenance": Unavailable(REASON),
    "no answer": OutcomeUnknown(REASON),
    "no route": Unreachable(REASON),
}


def fail_for(monkeypatch: pytest.MonkeyPatch, error: HandlerError, needle: str = "") -> None:
    """Let the service fail at every note that holds `needle`."""
    for name in ("create", "update"):  # after a lost answer the next attempt looks first, and is an update
        monkeypatch.setattr(TelegramHandler, name, _failing(getattr(TelegramHandler, name), error, needle))


def _failing(real: Any, error: HandlerError, needle: str) -> Any:
    async def step(self: Any, job: DocumentJob) -> Sequence[RemotePart]:
        if needle in job.document.text:
            raise error
        parts: Sequence[RemotePart] = await real(self, job)
        return parts

    return step


def write(writer: User, count: int = NOTES, **values: str) -> list[Note]:
    return Note.objects.bulk_create(
        Note(owner=writer, text=values.get(f"n{number}", f"Note {number}")) for number in range(count)
    )


def _let_the_wall_clock_follow(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces have the time of the wall clock: what was sent a day ago must not look as if it was sent just now."""
    wall, began = time.time, clock.now()
    monkeypatch.setattr(time, "time", lambda: wall() + (clock.now() - began).total_seconds())


@pytest.mark.parametrize("face", FACES)
def test_a_day_of_each_face_uses_no_attempt_and_all_goes_out_once(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    clock = ManualClock()
    _let_the_wall_clock_follow(clock, monkeypatch)
    notes = write(writer)
    syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in notes]))
    with monkeypatch.context() as patch:
        fail_for(patch, FACES[face])
        asyncio.run(live_through(clock, DAY))
    stats = queue().stats()
    assert (stats.pending_count + stats.delayed_count, stats.failed_count) == (NOTES, 0)
    waiting = queue().tasks(TaskState.DELAYED, limit=NOTES)
    assert {task.progress.attempt_count for task in waiting} == {0}
    assert [hold.reason for hold in holds()] == [REASON]
    asyncio.run(live_through(clock, [30] * 6))
    assert sorted(texts(sandbox)) == sorted(note.text for note in notes)
    assert SyncRecord.objects.filter(state=RecordState.SYNCED).count() == NOTES


@pytest.mark.parametrize("face", ["maintenance", "no answer"])
def test_a_note_that_makes_the_service_fail_fails_alone_and_keeps_nobody_waiting(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, face: str
) -> None:
    clock = ManualClock()
    notes = write(writer, MANY, n0="Poison")
    fail_for(monkeypatch, FACES[face], "Poison")
    syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in notes]))
    asyncio.run(live_through(clock, [30] * 2))
    assert len(texts(sandbox)) == MANY - 1
    for _ in range(8):  # others are saved meanwhile
        fresh = write(writer, count=1)
        syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in fresh]))
        asyncio.run(live_through(clock, HOUR))
    assert len(texts(sandbox)) == MANY - 1 + 8
    assert record_of(notes[0]).state == RecordState.FAILED
    assert record_of(notes[0]).error.startswith(REASON)
    assert queue().stats().failed_count == 1
    assert holds() == []


def test_many_poison_notes_at_once_do_not_keep_the_endpoint_closed(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    poison = {f"n{number}": f"Poison {number}" for number in range(10)}
    notes = write(writer, **poison)
    fail_for(monkeypatch, FACES["maintenance"], "Poison")
    syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in notes]))
    asyncio.run(live_through(clock, HOUR))
    assert len(texts(sandbox)) == NOTES - len(poison)

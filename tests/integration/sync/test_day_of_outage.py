"""Telegram away for 24 hours, with the default settings: everything goes out afterwards, once, by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import site
from syncqueue.conf import get_settings
from syncqueue.core.clock import ManualClock
from syncqueue.core.task import TaskState
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.executor import Executor
from syncqueue.execution.run import Run
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.queue import AsyncSyncQueue, make_async_queue, make_queue
from syncqueue.queue.connection import async_client, sync_client
from syncqueue.worker.reconciler import Reconciler
from tests.eventually import eventually
from tests.integration.sync.scene import queue, texts, work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.simulation]

NOTES = 500
LOOKS = {"getChat", "getChatMember", "editMessageText"}  # by which a message that may be there is searched
HOUR = 3600
# As a worker looks in the first half hour, then more seldom: what happens is the same, and the test is to be short.
STEPS = [30] * 60 + [600] * 141


async def live_through(clock: ManualClock, steps: list[int]) -> None:
    """What a worker does about its queue, at each of the steps (seconds)."""
    settings, database = get_settings(), DatabaseThreads()
    stamp = await database.run(site.site_id)
    client = async_client(settings.redis)
    one = make_async_queue(client, settings, "telegram", stamp, clock)
    executor = Executor(settings, {"telegram": one}, database, clock)
    side = sync_client(settings.redis)
    reconciler = Reconciler(make_queue(side, settings, "telegram", stamp, clock), settings, clock)
    try:
        for number, seconds in enumerate(steps):
            await attempt_all(one, executor)
            if number % 20 == 0:
                await database.run(reconciler.run)
                await one.recover_expired()
            clock.advance(seconds)
    finally:
        await executor.aclose()
        await client.aclose()
        side.close()
        await asyncio.to_thread(database.close)


async def attempt_all(one: AsyncSyncQueue, executor: Executor) -> None:
    """Claim and attempt until there is nothing to claim at this moment."""
    while (claim := await one.claim(20)).tasks:
        await one.extend(claim.tasks)
        await executor.run(Run(service="telegram", claimed=claim.tasks, holds_active=claim.holds_active))


# What a proxy or a machine that is out of order answers, or does not.
FACES: dict[str, dict[str, Any]] = {
    "down": {"mode": "down"},
    "maintenance": {"mode": "error", "status": 503, "html": True},
    "no upstream": {"mode": "error", "status": 502, "html": True},
    "resets": {"mode": "reset"},
    "internal error": {"mode": "error", "status": 500},
}


@pytest.mark.parametrize("face", FACES)
def test_after_a_day_without_telegram_all_notes_are_out_once_and_none_failed(
    channel: Destination, writer: User, sandbox: RunningSandbox, face: str
) -> None:
    clock = ManualClock()
    sandbox.set_mode("telegram", **FACES[face])
    notes = Note.objects.bulk_create(Note(owner=writer, text=f"Note {number}") for number in range(NOTES))
    assert syncqueue.sync_queryset(Note.objects.filter(pk__in=[note.pk for note in notes])) == NOTES
    assert sum(STEPS) == 24 * HOUR
    asyncio.run(live_through(clock, STEPS))
    stats = queue().stats()
    assert (stats.pending_count + stats.delayed_count, stats.failed_count) == (NOTES, 0)
    parked = queue().tasks(TaskState.DELAYED, limit=NOTES)
    assert {task.progress.attempt_count for task in parked} == {0}
    asked = len(sandbox.log())
    assert asked < NOTES  # the breaker has let one at a time ask, and not all of them again and again
    sandbox.set_mode("telegram", "up")

    def work_on() -> None:
        work(clock=clock)
        clock.advance(30)
        assert SyncRecord.objects.filter(state=RecordState.SYNCED).count() == NOTES

    eventually(work_on, seconds=300)  # the breaker's probe, then what waits behind it, then what may have been sent
    assert sorted(texts(sandbox)) == sorted(f"Note {number}" for number in range(NOTES))
    stats = queue().stats()
    assert (stats.failed_count, stats.total_failed, stats.total_processed) == (0, 0, NOTES)
    methods = [entry["method"] for entry in sandbox.log()[asked:]]
    assert methods.count("sendMessage") == NOTES
    # Nothing was sent while there was no connection, so nothing is searched for.
    assert set(methods) <= {"sendMessage", *(LOOKS if face != "down" else ())}

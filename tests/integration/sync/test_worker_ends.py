"""A worker that is done ends, also when a duty of its does not hear that it is to end."""

from __future__ import annotations

import asyncio

import pytest
from django.contrib.auth.models import User

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue.models import Destination
from syncqueue.worker.heartbeat import Heartbeat
from syncqueue.worker.worker import Worker
from tests.integration.sync.scene import texts

pytestmark = pytest.mark.django_db(transaction=True)

LONG_SECONDS = 10.0


async def deaf(self: Heartbeat) -> None:
    """Swallows a cancellation, as Python 3.11's `asyncio.wait_for` does with one that comes as it ends."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return


async def ends(worker: Worker) -> bool:
    """Whether a worker ends."""
    running = asyncio.create_task(worker.run())
    done, _ = await asyncio.wait({running}, timeout=LONG_SECONDS)
    return bool(done)


def test_a_duty_that_swallows_its_cancellation_does_not_keep_the_worker(
    channel: Destination, writer: User, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Heartbeat, "beat", deaf)
    with syncqueue.queued():
        Note.objects.create(owner=writer, text="First")
    assert asyncio.run(ends(Worker(burst=True)))
    assert texts(sandbox) == ["First"]

"""What a person asks of a worker: to take no new work, and to end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connections

import syncqueue
from project.notes.models import Note
from project.sandbox.testing import RunningSandbox
from syncqueue import services
from syncqueue.core.errors import UnknownWorker
from syncqueue.core.worker_state import WorkerRequest, WorkerState
from syncqueue.models import Destination, Walk
from syncqueue.worker import worker as worker_module
from syncqueue.worker.worker import Worker
from tests.integration.sync.scene import queue, record_of, texts, wait_until, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(channel: Destination, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Worker]]:
    """Starts a worker whose heart beats fast; it ends with the test."""
    monkeypatch.setattr(worker_module, "EVERY_SECONDS", 0.05)
    started: list[tuple[Worker, threading.Thread]] = []

    def start() -> Worker:
        one = Worker()

        def run() -> None:
            asyncio.run(one.run())
            connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        started.append((one, thread))
        wait_until(lambda: len(services.workers()) == 1)
        wait_until(lambda: not Walk.objects.exists())  # the new channel's older notes: it would record the test's too
        return one

    yield start
    for one, thread in started:
        for worker in services.workers():
            services.ask_worker(worker.id, WorkerRequest.STOP, actor="the test")
        thread.join()
        assert one.state is WorkerState.STOPPING


def ask(wanted: WorkerRequest) -> None:
    services.ask_worker(services.workers()[0].id, wanted, actor="ann")


def state() -> str:
    return services.workers()[0].state


def queue_note(writer: User, text: str) -> Note:
    with syncqueue.queued():
        return Note.objects.create(owner=writer, text=text)


def test_a_quiet_worker_takes_no_new_work_and_another_one_does(
    running: Callable[[], Worker], writer: User, sandbox: RunningSandbox
) -> None:
    running()
    queue_note(writer, "First")
    wait_until(lambda: texts(sandbox) == ["First"])
    ask(WorkerRequest.QUIET)
    wait_until(lambda: state() == "quiet")
    assert not services.health().ok  # nobody is left who takes work
    queue_note(writer, "Second")
    seen_at = services.workers()[0].seen_at
    wait_until(lambda: services.workers()[0].seen_at > seen_at)
    assert queue().stats().pending_count == 1 and texts(sandbox) == ["First"]
    work()
    assert texts(sandbox) == ["First", "Second"]
    assert state() == "quiet"


def test_a_worker_asked_to_be_quiet_finishes_what_it_has(
    running: Callable[[], Worker], writer: User, sandbox: RunningSandbox
) -> None:
    sandbox.plan_answers("telegram", {"mode": "slow", "delay_seconds": 1})
    running()
    note = queue_note(writer, "First")
    wait_until(lambda: bool(sandbox.log()))
    ask(WorkerRequest.QUIET)
    wait_until(lambda: state() == "quiet")
    wait_until(lambda: record_of(note).state == "synced")
    assert texts(sandbox) == ["First"]


def test_a_worker_asked_to_stop_ends_also_when_it_is_quiet(running: Callable[[], Worker]) -> None:
    worker = running()
    ask(WorkerRequest.QUIET)
    wait_until(lambda: state() == "quiet")
    ask(WorkerRequest.STOP)
    wait_until(lambda: not services.workers())
    assert worker.state is WorkerState.STOPPING


def test_a_worker_that_is_gone_cannot_be_asked(running: Callable[[], Worker]) -> None:
    with pytest.raises(UnknownWorker, match="There is no worker gone-1-abc"):
        services.ask_worker("gone-1-abc", WorkerRequest.STOP, actor="ann")

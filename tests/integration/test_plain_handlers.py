"""A handler with a plain `def process` runs in threads: as many at once as the worker may have in progress now."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from syncqueue import SyncHandler, SyncTask, get_queue, services
from syncqueue.execution import policies
from syncqueue.models import ServicePolicy
from syncqueue.worker.worker import Worker
from tests.eventually import eventually
from tests.integration.sync.conftest import forget_all

pytestmark = pytest.mark.django_db(transaction=True)

together = threading.Barrier(1)


class Meeting(SyncHandler):
    """Ends once as many as `together` says are there at once."""

    def process(self, task: Any) -> None:
        """Wait for the others; `BrokenBarrierError` when they do not come."""
        together.wait(10)


@pytest.fixture(autouse=True)
def own_queue(redis_url: str, settings: Any) -> Iterator[None]:
    settings.SYNCQUEUE = {
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "HANDLERS": {"meeting": {"CLASS": f"{__name__}.Meeting", "MAX_RETRIES": 0, "CONCURRENCY": 2}},
    }
    forget_all()
    yield
    forget_all()


def meet(count: int) -> None:
    """Queue so many tasks, each of which ends only when all of them run at once."""
    global together
    together = threading.Barrier(count)
    get_queue("meeting").enqueue_many([SyncTask("meeting", "meet", f"it:{number}") for number in range(count)])


def test_more_concurrency_on_the_command_line_than_in_the_settings_counts_for_plain_handlers() -> None:
    meet(5)
    asyncio.run(Worker(burst=True, concurrency=5).run())
    assert services.stats("meeting").total_processed == 5


def test_a_policy_that_is_raised_counts_for_plain_handlers_of_a_running_worker() -> None:
    async def go() -> None:
        worker = Worker()
        running = asyncio.create_task(worker.run())
        await asyncio.to_thread(_raise_policy)
        worker.stop()
        await running

    asyncio.run(go())


def _raise_policy() -> None:
    meet(2)
    eventually(lambda: _assert_processed(2))
    ServicePolicy.objects.create(service="meeting", concurrency=6)
    policies.forget()
    meet(6)
    eventually(lambda: _assert_processed(8), seconds=30)


def _assert_processed(count: int) -> None:
    assert services.stats("meeting").total_processed == count

"""Whatever a site's own handler answers or raises: its task ends with words for it, and those beside it are done."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from syncqueue import SyncHandler, SyncResult, SyncTask, get_queue, services
from syncqueue.core.errors import RateLimited, RetryLater
from syncqueue.core.task import TaskState
from syncqueue.worker.worker import Worker
from tests.integration.sync.conftest import forget_all

pytestmark = pytest.mark.django_db(transaction=True)


class Refusing(Exception):
    """An exception whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def _raise(error: BaseException) -> Any:
    raise error


ANSWERS: dict[str, Callable[[], Any]] = {
    "a number": lambda: 5,
    "a text": lambda: "done",
    "a list": lambda: [SyncResult.success()],
    "true": lambda: True,
    "a class": lambda: SyncResult,
    "an exception": lambda: ValueError("not raised"),
    "a lone surrogate": lambda: SyncResult.retry("broken \ud800 text"),
    "a lone surrogate, raised": lambda: _raise(ValueError("broken \udfff text")),
    "ten megabytes, raised": lambda: _raise(ValueError("x" * 10_000_000)),
    "ten megabytes": lambda: SyncResult.retry("x" * 10_000_000),
    "a wait without end": lambda: _raise(RetryLater("later", after_seconds=float("inf"))),
    "no number for a wait": lambda: _raise(RetryLater("later", after_seconds=float("nan"))),
    "a wait in the past": lambda: _raise(RateLimited("slow", after_seconds=-5)),
    "a nul": lambda: SyncResult.failure("nul \0 nul"),
    "no text": lambda: _raise(Refusing()),
    "a cancellation of its own": lambda: _raise(asyncio.CancelledError()),
}


class Odd(SyncHandler):
    """Answers as the action says."""

    async def process(self, task: Any) -> Any:
        """Odd, or done."""
        return ANSWERS[task.task.action]() if task.task.action in ANSWERS else None


@pytest.fixture(autouse=True)
def own_queue(redis_url: str, settings: Any) -> Iterator[None]:
    settings.SYNCQUEUE = {
        "REDIS": redis_url,
        "KEY_PREFIX": uuid.uuid4().hex,
        "HANDLERS": {"odd": {"CLASS": f"{__name__}.Odd", "MAX_RETRIES": 0}},
    }
    forget_all()
    yield
    forget_all()


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_odd_answer_ends_its_own_task_and_no_other(answer: str) -> None:
    queue = get_queue("odd")
    odd = SyncTask("odd", answer, "it:1", {})
    queue.enqueue_many([SyncTask("odd", "fine", "it:2", {}), odd, SyncTask("odd", "fine", "it:3", {})])
    asyncio.run(Worker(burst=True).run())
    stats = services.stats("odd")
    assert (stats.total_processed, stats.pending_count, stats.processing_count) == (2, 0, 0)
    (view,) = [*queue.page(TaskState.FAILED).tasks, *queue.page(TaskState.DELAYED).tasks]
    assert view.id == odd.id
    assert view.progress.history[-1].error
    assert len(view.progress.history[-1].error) < 2000

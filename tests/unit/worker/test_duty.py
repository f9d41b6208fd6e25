"""A duty fails for itself: it is logged once, tried again with backoff, and said in the heartbeat."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest
from django.db import OperationalError

from syncqueue.core.duty import DutyState
from syncqueue.core.errors import QueueUnavailable
from syncqueue.worker.duty import LONGEST_DELAY_SECONDS, Duty


class Work:
    """Raises what it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def work() -> Work:
    return Work()


def do(duty: Duty, times: int = 1) -> None:
    """Do the duty some times, without waiting between."""
    for _ in range(times):
        asyncio.run(duty.once())


def test_what_a_duty_raises_goes_nowhere_but_into_its_state(work: Work) -> None:
    duty = Duty("sweep notes.note", 30, work)
    do(duty)
    assert duty.trouble.state is None
    work.error = LookupError("no such table")
    do(duty, 3)
    assert duty.trouble.state is not None
    assert (duty.trouble.state.name, duty.trouble.state.error) == ("sweep notes.note", "LookupError: no such table")
    work.error = None
    do(duty)
    assert duty.trouble.state is None


def test_trouble_is_logged_once_and_once_more_at_its_end(work: Work, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    duty = Duty("trim telegram", 3600, work)
    work.error = OperationalError("the database is away")
    do(duty, 5)
    work.error = None
    do(duty, 2)
    assert [line.levelname for line in caplog.records] == ["WARNING", "WARNING"]
    assert "trim telegram: OperationalError: the database is away" in caplog.messages[0]
    assert "trim telegram works again after 0 s" in caplog.messages[1]


def test_a_redis_that_is_away_is_left_to_the_consumers_to_tell(work: Work, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    duty = Duty("recover telegram", 15, work)
    work.error = QueueUnavailable("Redis is away")
    do(duty, 3)
    assert duty.trouble.state is not None
    work.error = None
    do(duty)
    assert caplog.records == []


def test_a_mistake_is_logged_with_its_traceback_and_without_a_token(
    work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    duty = Duty("sweep notes.note", 30, work)
    work.error = ValueError("bad 123456:abcdefghijklmnopqrstuvwxyz")
    do(duty)
    (line,) = caplog.records
    assert (line.levelname, line.exc_info is not None) == ("ERROR", True)
    assert "abcdefghij" not in line.getMessage()
    assert duty.trouble.state is not None
    assert "abcdefghij" not in duty.trouble.state.error


def test_it_is_tried_again_soon_and_then_ever_later_but_not_later_than_at_its_interval(work: Work) -> None:
    duty = Duty("reconcile telegram", 30, work)
    assert duty.delay_seconds() == 30
    work.error = LookupError()
    delays = []
    for _ in range(7):
        do(duty)
        delays.append(duty.delay_seconds())
    assert delays == [1, 2, 4, 8, 16, 30, 30]
    rare = Duty("trim telegram", 3600, work)
    do(rare, 20)
    assert rare.delay_seconds() == LONGEST_DELAY_SECONDS


def test_a_state_passes_through_the_heartbeat() -> None:
    state = DutyState(name="sweep notes.note", since=datetime(2026, 5, 1, tzinfo=UTC), error="away")
    assert DutyState.from_json(state.as_json()) == state

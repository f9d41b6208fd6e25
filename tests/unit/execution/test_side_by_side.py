"""Attempts that begin together: each ends for itself, and what is over does not wait for what is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from syncqueue.core.result import Outcome, SyncResult
from syncqueue.core.task import NO_PROGRESS, ClaimedTask, SyncTask
from syncqueue.execution.finisher import Attempt
from syncqueue.execution.run import Run
from syncqueue.execution.side_by_side import Finished, SideBySide, Work

LONG_SECONDS = 60.0


def attempt(name: str) -> Attempt:
    task = SyncTask("telegram", "x", name)
    claimed = ClaimedTask(task=task, token="t", progress=NO_PROGRESS)
    run = Run(service="telegram", claimed=[claimed], holds_active=False)
    return Attempt(run=run, claimed=claimed, endpoint="telegram", began=time.monotonic())


def run(work: Work, names: Sequence[str], timeout_seconds: float | None = LONG_SECONDS) -> list[list[Finished]]:
    """What was handed to `end`, call by call."""
    calls: list[list[Finished]] = []

    async def end(ended: Sequence[Finished]) -> None:
        calls.append(list(ended))

    async def story() -> None:
        await SideBySide(work, timeout_seconds).run([attempt(name) for name in names], end)

    asyncio.run(story())
    return calls


def results(calls: list[list[Finished]]) -> dict[str, SyncResult]:
    return {one.claimed.task.entity: result for call in calls for one, result in call}


def test_what_ends_together_is_ended_in_one_call() -> None:
    async def work(task: ClaimedTask) -> None:
        return None

    calls = run(work, ["a", "b", "c"])
    assert [[one.claimed.task.entity for one, _ in call] for call in calls] == [["a", "b", "c"]]
    assert {result.outcome for _, result in calls[0]} == {Outcome.SUCCESS}


def test_what_is_over_does_not_wait_for_what_is_not() -> None:
    may_end = asyncio.Event()
    seen: list[list[str]] = []

    async def work(task: ClaimedTask) -> None:
        if task.task.entity == "slow":
            await may_end.wait()

    async def end(ended: Sequence[Finished]) -> None:
        seen.append([one.claimed.task.entity for one, _ in ended])
        may_end.set()

    asyncio.run(SideBySide(work, LONG_SECONDS).run([attempt("slow"), attempt("quick")], end))
    assert seen == [["quick"], ["slow"]]


def test_one_that_raises_fails_alone() -> None:
    async def work(task: ClaimedTask) -> SyncResult:
        if task.task.entity == "bad":
            raise ZeroDivisionError("oh")
        return SyncResult.failure("no")

    found = results(run(work, ["good", "bad"]))
    assert found["good"].outcome is Outcome.FAILURE
    assert found["bad"].outcome is Outcome.RETRY
    assert "ZeroDivisionError: oh" in found["bad"].error


def test_an_answer_that_is_no_result_is_a_retry_that_says_so() -> None:
    async def work(task: ClaimedTask) -> Any:
        return True if task.task.entity == "bad" else None

    found = results(run(work, ["good", "bad"]))
    assert found["good"].outcome is Outcome.SUCCESS
    assert found["bad"].outcome is Outcome.RETRY
    assert "a SyncResult or None, not a bool" in found["bad"].error


def test_what_is_not_over_in_time_is_cut_off_with_an_unknown_outcome() -> None:
    async def work(task: ClaimedTask) -> None:
        if task.task.entity == "hangs":
            await asyncio.Event().wait()

    found = results(run(work, ["quick", "hangs"], timeout_seconds=0.05))
    assert found["quick"].outcome is Outcome.SUCCESS
    assert found["hangs"].outcome is Outcome.UNKNOWN
    assert "No answer within 0.05 s" in found["hangs"].error


def test_a_timeout_of_the_handlers_own_is_an_error_like_any_other() -> None:
    async def work(task: ClaimedTask) -> None:
        raise TimeoutError("the other side")

    assert results(run(work, ["a"]))["a"].outcome is Outcome.RETRY

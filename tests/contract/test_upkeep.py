"""What people ask of a queue: figures, pages, retry, clear, delete, and what time trims."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncqueue.core.errors import TaskInProcessing
from syncqueue.core.task import TaskState
from syncqueue.queue.calls import Presence
from tests.contract.drive import claim_one, names, note, task
from tests.contract.test_holds import park


def fail_all(queue, wanted):
    queue.enqueue_many([task(name, key=f"k-{name}") for name in wanted])
    for held in queue.claim(1000).tasks:
        queue.fail(held, note("failure", error="no"))


def fill(queue, clock):
    """One task in each state, and the one in processing."""
    fail_all(queue, ["failed"])
    queue.enqueue(task("held", key="held"))
    held = claim_one(queue)
    queue.enqueue(task("pending", key="pending"))
    queue.enqueue(task("delayed", key="delayed", run_at=clock.now() + timedelta(hours=1)))
    return held


def test_the_figures_of_an_empty_queue(queue):
    stats = queue.stats()
    assert (stats.service, stats.pending_count, stats.oldest_pending_seconds) == ("telegram", 0, None)
    assert (stats.total_processed, stats.last_processed_at, stats.paused, stats.breaker) == (0, None, False, "closed")


def test_the_figures_count_what_is_there_and_what_was_done(queue, clock):
    held = fill(queue, clock)
    clock.advance(7)
    queue.ack(held)
    queue.enqueue(task("high", priority="high"))
    clock.advance(3)
    stats = queue.stats()
    assert (stats.pending_count, stats.delayed_count, stats.processing_count, stats.failed_count) == (2, 1, 0, 1)
    assert (stats.total_processed, stats.total_failed, stats.oldest_pending_seconds) == (1, 1, 10.0)
    assert stats.last_processed_at == clock.now() - timedelta(seconds=3)
    assert stats.last_failed_at == clock.now() - timedelta(seconds=10)


def test_every_minute_is_counted_apart(queue, raw, clock):
    minute = clock.now_ms() // 60_000
    for moves in (2, 1):
        queue.enqueue_many([task() for _ in range(moves + 2)])
        *done, again, bad = queue.claim(10).tasks
        queue.ack(*done)
        queue.retry(again, clock.now() + timedelta(days=1), note())
        queue.fail(bad, note("failure"))
        clock.advance(60)
    assert raw.hgetall(queue.calls.keys["history"]) == {
        f"{minute} processed": "2",
        f"{minute} retried": "1",
        f"{minute} failed": "1",
        f"{minute + 1} processed": "1",
        f"{minute + 1} retried": "1",
        f"{minute + 1} failed": "1",
    }


def test_history_older_than_a_week_is_trimmed(queue, raw, clock):
    for _ in range(2):
        queue.enqueue(task())
        queue.ack(claim_one(queue))
        clock.advance(7 * 86_400 - 60)
    queue.trim(30)
    assert len(raw.hgetall(queue.calls.keys["history"])) == 1


def test_a_page_shows_a_state_from_a_rank_on(queue, clock):
    queue.enqueue_many([task(str(n)) for n in range(5)])
    assert names(queue.tasks(TaskState.PENDING, start=1, limit=2)) == ["1", "2"]
    assert queue.tasks(TaskState.PENDING, start=5) == []
    [first, *_] = queue.tasks(TaskState.PENDING)
    assert abs(first.due_at - clock.now()) < timedelta(milliseconds=1)


def test_one_task_is_found_in_every_state(queue, clock):
    fill(queue, clock)
    found = {name: queue.get(id_).state for name, id_ in (
        ("failed", "key:k-failed"), ("held", "key:held"), ("pending", "key:pending"), ("delayed", "key:delayed")
    )}  # fmt: skip
    assert found == {
        "failed": TaskState.FAILED,
        "held": TaskState.PROCESSING,
        "pending": TaskState.PENDING,
        "delayed": TaskState.DELAYED,
    }
    assert queue.get("key:unknown") is None


def test_a_failed_task_shows_when_and_why(queue, clock):
    fail_all(queue, "a")
    [view] = queue.tasks(TaskState.FAILED)
    assert (view.due_at, view.progress.attempt_count) == (clock.now(), 1)
    assert [(one.outcome, one.error) for one in view.progress.history] == [("failure", "no")]


def test_presence_tells_absent_live_and_failed_apart(queue, clock):
    fill(queue, clock)
    ids = ["key:k-failed", "key:held", "key:pending", "key:delayed", "key:unknown"]
    assert queue.presence(ids) == [Presence.FAILED, *[Presence.LIVE] * 3, Presence.ABSENT]


def test_retry_failed_brings_all_back_with_attempts_and_crashes_reset_and_history_kept(queue):
    fail_all(queue, "abc")
    assert queue.retry_failed() == 3
    again = queue.claim(10).tasks
    assert names(again) == ["a", "b", "c"]
    assert {(one.attempt, one.progress.crash_count, len(one.progress.history)) for one in again} == {(1, 0, 1)}
    assert queue.stats().failed_count == 0


def test_retry_failed_works_in_chunks_and_once_each(queue):
    queue.without_echo()
    fail_all(queue, [str(n) for n in range(600)])
    queue.enqueue(task("waiting"))
    assert queue.retry_failed() == 600
    assert queue.stats().pending_count == 601
    assert queue.retry_failed() == 0


def test_requeue_takes_the_named_ones_only(queue):
    fail_all(queue, "abc")
    assert queue.requeue(["key:k-b", "key:unknown"]) == 1
    assert names(queue.claim(10).tasks) == ["b"]


def test_clear_takes_everything_but_processing_and_says_how_many(queue, clock):
    held = fill(queue, clock)
    queue.hold("rate:destination:1", None, "slow")
    park(queue, "rate:destination:1", "xy")  # with the pending one
    assert queue.clear() == {TaskState.PENDING: 0, TaskState.DELAYED: 4, TaskState.FAILED: 1}
    stats = queue.stats()
    assert (stats.pending_count, stats.delayed_count, stats.failed_count, stats.processing_count) == (0, 0, 0, 1)
    assert queue.ack(held) == [True]


def test_clear_works_in_chunks(queue):
    queue.without_echo()
    queue.enqueue_many(task() for _ in range(1200))
    held = queue.claim(3).tasks
    assert queue.clear([TaskState.PENDING]) == {TaskState.PENDING: 1197}
    assert queue.stats().processing_count == 3
    assert queue.ack(*held) == [True] * 3


def test_clear_of_one_state_leaves_the_others(queue, clock):
    fill(queue, clock)
    assert queue.clear([TaskState.FAILED]) == {TaskState.FAILED: 1}
    assert (queue.stats().pending_count, queue.stats().delayed_count) == (1, 1)


def test_clear_of_processing_is_refused_and_removes_nothing(queue, clock):
    fill(queue, clock)
    with pytest.raises(TaskInProcessing):
        queue.clear([TaskState.PENDING, TaskState.PROCESSING])
    assert queue.stats().pending_count == 1


def test_delete_takes_one_task_in_any_state_but_processing(queue, clock):
    held = fill(queue, clock)
    assert [queue.delete(id_) for id_ in ("key:k-failed", "key:pending", "key:delayed")] == [True] * 3
    assert not queue.delete("key:unknown")
    with pytest.raises(TaskInProcessing, match="key:held"):
        queue.delete("key:held")
    assert queue.ack(held) == [True]


def test_remove_takes_only_what_is_in_the_named_state(queue, clock):
    fill(queue, clock)
    assert queue.remove(TaskState.FAILED, ["key:pending", "key:k-failed"]) == [False, True]


def test_trim_removes_old_failures_and_only_those(queue, clock):
    fail_all(queue, "ab")
    clock.advance(31 * 86_400)
    fail_all(queue, "c")
    queue.enqueue(task("waiting"))
    assert queue.trim(30) == 2
    assert names(queue.tasks(TaskState.FAILED)) == ["c"]
    assert queue.stats().pending_count == 1


def test_trim_works_in_chunks(queue, clock):
    queue.without_echo()
    fail_all(queue, [str(n) for n in range(600)])
    clock.advance(86_401)
    assert queue.trim(1) == 600
    assert queue.stats().failed_count == 0

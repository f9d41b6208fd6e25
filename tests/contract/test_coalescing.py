"""Tasks with one key: the newest takes the place of the older, and nothing older takes the place of a newer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncqueue.core.task import TaskState
from syncqueue.queue.calls import Enqueued
from tests.contract.drive import LEASE_SECONDS, claim_one, names, note, task


def place_of(queue, key="k"):
    return queue.get(f"key:{key}")


def test_pending_is_replaced_and_keeps_its_place_in_the_line(queue):
    queue.enqueue(task("old", key="k"))
    queue.enqueue(task("other"))
    assert queue.enqueue(task("new", key="k")) is Enqueued.REPLACED
    assert names(queue.claim(10).tasks) == ["new", "other"]


def test_pending_takes_the_higher_of_two_priorities(queue):
    queue.enqueue(task("other"))
    queue.enqueue(task("old", key="k", priority="low"))
    queue.enqueue(task("new", key="k", priority="high"))
    assert names(queue.claim(1).tasks) == ["new"]
    queue.enqueue(task("old", key="h", priority="high"))
    queue.enqueue(task("new", key="h", priority="low"))
    assert names(queue.claim(1).tasks) == ["new"]


def test_delayed_is_replaced_and_keeps_its_due_time(queue, clock):
    due = clock.now() + timedelta(minutes=5)
    queue.enqueue(task("old", key="k", run_at=due))
    assert queue.enqueue(task("new", key="k")) is Enqueued.REPLACED
    view = place_of(queue)
    assert (view.state, view.due_at, names([view])) == (TaskState.DELAYED, due, ["new"])
    clock.advance(300)
    assert names(queue.claim(5).tasks) == ["new"]


def test_a_delayed_retry_is_replaced_and_keeps_its_attempts(queue, clock):
    queue.enqueue(task("old", key="k"))
    queue.retry(claim_one(queue), clock.now() + timedelta(seconds=60), note())
    queue.enqueue(task("new", key="k"))
    clock.advance(60)
    again = claim_one(queue)
    assert (names([again]), again.attempt) == (["new"], 2)


def test_parked_is_replaced_and_keeps_its_place_in_the_lane(queue, clock):
    queue.hold("rate:destination:1", 30, "slow")
    for name in ("a", "b"):
        queue.enqueue(task(name, key=name))
        queue.retry(claim_one(queue), clock.now(), note(), hold="rate:destination:1")
    assert queue.enqueue(task("a2", key="a")) is Enqueued.REPLACED
    assert place_of(queue, "a").held_by == "rate:destination:1"
    clock.advance(30)
    assert names(queue.claim(10).tasks) == ["a2", "b"]


def test_failed_is_replaced_with_attempts_reset(queue, clock):
    queue.enqueue(task("old", key="k"))
    queue.fail(claim_one(queue), note("failure", error="no"))
    assert queue.enqueue(task("new", key="k")) is Enqueued.REPLACED
    again = claim_one(queue)
    assert (names([again]), again.attempt, again.progress.history) == (["new"], 1, ())
    assert queue.stats().failed_count == 0


def test_failed_is_replaced_by_a_delayed_one_that_waits_for_its_time(queue, clock):
    queue.enqueue(task("old", key="k"))
    queue.fail(claim_one(queue), note("failure"))
    queue.enqueue(task("new", key="k", run_at=clock.now() + timedelta(seconds=5)))
    assert place_of(queue).state is TaskState.DELAYED


ENDINGS = {
    "ack": lambda queue, held, clock: queue.ack(held),
    "retry": lambda queue, held, clock: queue.retry(held, clock.now() + timedelta(hours=1), note()),
    "fail": lambda queue, held, clock: queue.fail(held, note("failure")),
    "release": lambda queue, held, clock: queue.release(held),
    "recover": lambda queue, held, clock: (clock.advance(LEASE_SECONDS), queue.recover_expired()),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_newest_waits_behind_processing_and_becomes_the_one_pending_task(queue, clock, ending):
    queue.enqueue(task("old", key="k"))
    held = claim_one(queue)
    queue.extend([held])
    for n in range(10):
        assert queue.enqueue(task(f"new {n}", key="k")) is Enqueued.SUCCESSOR
    assert queue.stats().pending_count == 0
    ENDINGS[ending](queue, held, clock)
    stats = queue.stats()
    assert (stats.pending_count, stats.delayed_count, stats.processing_count, stats.failed_count) == (1, 0, 0, 0)
    again = claim_one(queue)
    assert (names([again]), again.attempt, again.progress.crash_count) == (["new 9"], 1, 0)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_delayed_task_that_waited_behind_keeps_its_due_time(queue, clock, ending):
    queue.enqueue(task("old", key="k"))
    held = claim_one(queue)
    queue.extend([held])
    due = clock.now() + timedelta(hours=2)
    queue.enqueue(task("new", key="k", run_at=due))
    ENDINGS[ending](queue, held, clock)
    view = place_of(queue)
    assert (view.state, view.due_at, names([view])) == (TaskState.DELAYED, due, ["new"])


def test_a_delayed_task_that_waited_behind_a_parked_one_keeps_its_due_time(queue, clock):
    queue.hold("rate:destination:1", 30, "slow")
    queue.enqueue(task("old", key="k"))
    held = claim_one(queue)
    due = clock.now() + timedelta(hours=2)
    queue.enqueue(task("new", key="k", run_at=due))
    queue.retry(held, clock.now(), note(), hold="rate:destination:1")
    assert (place_of(queue).due_at, place_of(queue).held_by) == (due, None)


def test_the_newest_is_parked_instead_of_the_one_it_waited_behind(queue, clock):
    queue.hold("rate:destination:1", 30, "slow")
    queue.enqueue(task("old", key="k"))
    held = claim_one(queue)
    queue.enqueue(task("new", key="k"))
    queue.retry(held, clock.now(), note(), hold="rate:destination:1")
    assert names([place_of(queue)]) == ["new"]
    assert place_of(queue).progress.history == ()


def test_a_requeued_task_never_replaces_a_newer_one(queue):
    queue.enqueue(task("old", key="k"))
    queue.fail(claim_one(queue), note("failure"))
    queue.enqueue(task("new", key="k"))
    assert queue.requeue(["key:k"]) == 0
    assert queue.retry_failed() == 0
    assert names(queue.claim(10).tasks) == ["new"]


def test_a_late_failure_never_replaces_a_newer_task(queue, clock):
    queue.enqueue(task("old", key="k"))
    held = claim_one(queue)
    queue.enqueue(task("new", key="k"))
    queue.fail(held, note("failure"))
    assert place_of(queue).state is TaskState.PENDING
    assert names(queue.claim(10).tasks) == ["new"]


def test_nothing_but_the_holder_touches_a_task_in_processing(queue):
    queue.enqueue(task("old", key="k"))
    held = claim_one(queue)
    queue.enqueue(task("new", key="k"))
    assert names([place_of(queue)]) == ["old"]
    assert queue.remove(TaskState.PENDING, ["key:k"]) == [False]
    assert queue.run_now(["key:k"]) == 0
    assert queue.requeue(["key:k"]) == 0
    assert queue.ack(held) == [True]


def test_an_immediate_attempt_takes_the_place_of_a_failed_task_with_attempts_reset(queue):
    queue.enqueue(task("old", key="k"))
    queue.fail(claim_one(queue), note("failure"))
    leased = queue.enqueue_leased([task("new", key="k")], [[]], token="web")
    assert list(leased.placed) == [Enqueued.LEASED]
    assert place_of(queue).progress.attempt_count == 0


def test_an_immediate_attempt_waits_behind_or_joins_what_is_there(queue, clock):
    queue.enqueue(task("old", key="held"))
    held = claim_one(queue)
    queue.enqueue(task("old", key="pending", priority="low"))
    queue.enqueue(task("other"))
    queue.enqueue(task("old", key="delayed", run_at=clock.now() + timedelta(hours=1)))
    sent = [task("new", key=key, priority="high") for key in ("held", "pending", "delayed", "fresh")]
    leased = queue.enqueue_leased(sent, [[]] * 4, token="web")
    assert list(leased.placed) == [
        Enqueued.SUCCESSOR,
        Enqueued.REPLACED,
        Enqueued.REPLACED,
        Enqueued.LEASED,
    ]
    assert queue.claim(1).tasks[0].task.id == "key:pending"  # in the higher of the two priorities
    queue.ack(held)
    assert names([place_of(queue, "held")]) == ["new"]


def test_an_immediate_attempt_counts_as_begun(queue, clock):
    queue.enqueue_leased([task("new", key="k")], [[]], token="web")
    clock.advance(LEASE_SECONDS)
    queue.recover_expired()
    assert claim_one(queue).progress.crash_count == 1

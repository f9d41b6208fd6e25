"""Tasks that wait for a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from syncqueue.core.errors import InvalidTask
from syncqueue.core.task import TaskState
from tests.contract.drive import claim_one, names, note, task


def test_a_task_waits_for_its_time(queue, clock):
    due = clock.now() + timedelta(seconds=30)
    queue.enqueue(task(run_at=due))
    claim = queue.claim(5)
    assert (claim.tasks, claim.next_at) == ((), due)
    clock.advance(29.999)
    assert queue.claim(5).tasks == ()
    clock.advance(0.001)
    assert len(queue.claim(5).tasks) == 1


def test_a_retry_after_a_span_is_due_that_long_after_the_time_of_redis(queue, clock):
    queue.enqueue(task())
    queue.retry(claim_one(queue), timedelta(seconds=30), note())
    claim = queue.claim(5)
    assert (claim.next_at, claim.wait_seconds) == (clock.now() + timedelta(seconds=30), 30.0)


def test_the_history_tells_what_happened_in_each_minute(queue, clock):
    queue.enqueue_many([task("done"), task("tried")])
    [done, tried] = queue.claim(2).tasks
    queue.ack(done)
    clock.advance(60)
    queue.retry(tried, timedelta(seconds=30), note())
    counted = [(one.processed_count, one.retried_count, one.failed_count) for one in queue.history(3)]
    assert counted == [(0, 0, 0), (1, 0, 0), (0, 1, 0)]


def test_a_time_in_the_past_is_now(queue, clock):
    queue.enqueue(task(run_at=clock.now() - timedelta(days=1)))
    assert queue.stats().pending_count == 1


def test_promotion_moves_what_is_due_in_the_order_of_its_times(queue, clock):
    for seconds in (3, 1, 2, 10):
        queue.enqueue(task(str(seconds), run_at=clock.now() + timedelta(seconds=seconds)))
    clock.advance(5)
    assert queue.promote_due() == 3
    assert [view.state for view in queue.tasks(TaskState.DELAYED)] == [TaskState.DELAYED]
    assert names(queue.claim(5).tasks) == ["1", "2", "3"]


def test_promotion_moves_more_than_a_chunk(queue, clock):
    queue.without_echo()
    queue.enqueue_many(task(run_at=clock.now() + timedelta(seconds=1)) for _ in range(1201))
    clock.advance(1)
    assert queue.promote_due() == 1201


def test_a_promoted_task_keeps_its_priority(queue, clock):
    queue.enqueue(task("normal"))
    queue.enqueue(task("high", priority="high", run_at=clock.now() + timedelta(seconds=1)))
    clock.advance(1)
    assert names(queue.claim(5).tasks) == ["high", "normal"]


def test_run_now_takes_the_named_ones_only(queue, clock):
    later = clock.now() + timedelta(hours=1)
    queue.enqueue_many([task(name, key=name, run_at=later) for name in ("a", "b")])
    assert queue.run_now(["key:b", "key:unknown"]) == 1
    assert queue.run_now([]) == 0
    assert names(queue.claim(5).tasks) == ["b"]


def test_run_now_takes_a_parked_task_out_of_its_lane(queue, clock):
    queue.hold("stopped:destination:1", None, "off")
    queue.enqueue(task("a", key="a"))
    queue.retry(claim_one(queue), clock.now(), note(), hold="stopped:destination:1")
    assert queue.run_now(["key:a"]) == 1
    assert queue.holds()[0].parked_count == 0
    assert names(queue.claim(5).tasks) == ["a"]


def test_the_next_time_is_that_of_the_first_delayed_task_or_hold(queue, clock):
    assert queue.claim(1).next_at is None
    queue.enqueue(task(run_at=clock.now() + timedelta(seconds=20)))
    queue.hold("rate:destination:1", 10, "slow")
    assert queue.claim(1).next_at == clock.now() + timedelta(seconds=10)
    clock.advance(11)
    assert queue.claim(1).next_at == clock.now() + timedelta(seconds=9)


def test_a_new_first_delayed_task_wakes_a_claimer(queue, raw, clock):
    wake = queue.calls.keys["wake"]
    queue.enqueue(task(run_at=clock.now() + timedelta(seconds=20)))
    raw.delete(wake)
    queue.enqueue(task(run_at=clock.now() + timedelta(seconds=30)))
    assert raw.llen(wake) == 0
    queue.enqueue(task(run_at=clock.now() + timedelta(seconds=10)))
    assert raw.llen(wake) == 1


def test_a_new_hold_wakes_a_claimer_so_that_it_learns_the_next_time(queue, raw):
    queue.hold("rate:destination:1", 10, "slow")
    assert raw.llen(queue.calls.keys["wake"]) == 1


def test_times_without_a_zone_are_refused(queue, clock):
    with pytest.raises(InvalidTask, match="run_at: .*time zone"):
        task(run_at=datetime(2026, 1, 1))
    queue.enqueue(task())
    held = claim_one(queue)
    with pytest.raises(InvalidTask, match="time zone"):
        queue.retry(held, datetime(2026, 1, 1), note())
    assert queue.ack(held) == [True]


def test_run_now_ends_the_rate_limit_that_the_task_waits_for(queue, clock):
    queue.hold("rate:destination:1", 86_400, "slow")
    queue.hold("stopped:destination:2", None, "off")
    queue.enqueue_many([task(name, key=name) for name in "abc"])
    for one in queue.claim(3).tasks:
        hold = "stopped:destination:2" if one.task.id == "key:c" else "rate:destination:1"
        queue.retry(one, clock.now(), note(), hold=hold)
    assert queue.run_now(["key:b", "key:c"]) == 2
    assert {hold.name: hold.lifted for hold in queue.holds()} == {
        "rate:destination:1": True,
        "stopped:destination:2": False,
    }
    assert sorted(names(queue.claim(5).tasks)) == ["a", "b", "c"]

"""Getting tasks in and out: order, priorities, payloads, the wake-up token."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from syncqueue.core.errors import InvalidTask
from syncqueue.core.task import TaskState
from syncqueue.queue.calls import Enqueued
from tests.contract.drive import claim_one, names, task


def test_a_task_comes_out_as_it_went_in(queue):
    sent = task("привет", payload={"name": "привет", "ids": [1, 2.5, None, True], "deep": {"x": ["🙂"]}})
    assert queue.enqueue(sent) is Enqueued.NEW
    claimed = claim_one(queue)
    assert (claimed.task.payload, claimed.task.id, claimed.task.priority) == (sent.payload, sent.id, "normal")
    assert (claimed.attempt, claimed.lane) == (1, None)


def test_tasks_of_one_millisecond_leave_in_the_order_they_came(queue):
    queue.enqueue_many([task(str(n)) for n in range(20)])
    queue.enqueue(task("20", key="a"))  # a key's id sorts elsewhere
    queue.enqueue(task("21"))
    assert names(queue.claim(100).tasks) == [str(n) for n in range(22)]


def test_order_holds_when_the_clock_goes_back(queue, clock):
    queue.enqueue(task("first"))
    clock.advance(-3600)
    queue.enqueue(task("second"))
    assert names(queue.claim(10).tasks) == ["first", "second"]


def test_high_leaves_before_normal_before_low(queue):
    for priority in ("low", "normal", "high", "low", "high"):
        queue.enqueue(task(priority, priority=priority))
    assert names(queue.claim(10).tasks) == ["high", "high", "normal", "low", "low"]


def test_a_claim_takes_no_more_than_its_limit_and_two_claims_nothing_twice(queue, backend):
    queue.enqueue_many([task(str(n)) for n in range(5)])
    first, second, third = queue.claim(2).tasks, backend.queue().claim(2).tasks, queue.claim(2).tasks
    assert names([*first, *second, *third]) == ["0", "1", "2", "3", "4"]
    assert len({one.token for one in (*first, *second, *third)}) == 3
    assert queue.claim(2).tasks == ()


def test_more_than_a_chunk_of_tasks_can_be_enqueued_at_once(queue):
    queue.without_echo()
    places = queue.enqueue_many(task(str(n)) for n in range(1201))
    assert places == [Enqueued.NEW] * 1201
    assert queue.stats().pending_count == 1201
    assert names(queue.claim(5000).tasks) == [str(n) for n in range(1000)]


def test_a_task_sent_twice_is_one_task_in_every_state(queue):
    sent = task("once")
    assert queue.enqueue(sent) is Enqueued.NEW
    assert queue.enqueue(sent) is Enqueued.KNOWN
    claimed = claim_one(queue)
    assert queue.enqueue(sent) is Enqueued.KNOWN
    assert queue.ack(claimed) == [True]
    assert queue.stats().pending_count == 0


def test_a_task_of_another_service_is_refused_by_name(queue):
    with pytest.raises(InvalidTask, match="'telegram', not of 'mastodon'"):
        queue.enqueue(task(service="mastodon"))


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"name": Decimal("1.5")}, r"payload\.name: Decimal"),
        ({"a": {"b": [1, {2}]}}, r"payload\.a\.b\[1\]: set"),
        ({"when": datetime(2026, 1, 1)}, r"payload\.when: datetime"),
        ({"n": float("nan")}, r"payload\.n: float"),
        ({"text": "\ud800"}, r"payload\.text: str"),
        ({("a", "b"): 1}, r"payload: the key \('a', 'b'\)"),
    ],
)
def test_a_payload_that_is_not_json_is_refused_naming_the_field(queue, payload, field):
    with pytest.raises(InvalidTask, match=field):
        queue.enqueue(task(payload=payload))
    assert queue.stats().pending_count == 0


def test_one_bad_task_among_many_leaves_its_chunk_out(queue):
    with pytest.raises(InvalidTask):
        queue.enqueue_many([task("good"), task(payload={"x": object()})])
    assert queue.tasks(TaskState.PENDING) == []


def test_the_wake_token_is_one_however_many_tasks_come(queue, raw):
    queue.enqueue_many([task(str(n)) for n in range(5)])
    queue.enqueue(task("more"))
    assert raw.llen(queue.calls.keys["wake"]) == 1


def test_a_claimer_that_leaves_work_behind_pushes_the_token_again(queue, raw):
    wake = queue.calls.keys["wake"]
    queue.enqueue_many([task(str(n)) for n in range(3)])
    raw.delete(wake)
    queue.claim(2)
    assert raw.llen(wake) == 1
    raw.delete(wake)
    queue.claim(2)
    assert raw.llen(wake) == 0


def test_a_paused_service_does_not_wake_its_claimers_over_and_over(queue, raw):
    queue.enqueue(task())
    queue.hold("pause", None, "maintenance")
    raw.delete(queue.calls.keys["wake"])
    assert queue.claim(5).tasks == ()
    assert raw.llen(queue.calls.keys["wake"]) == 0


def test_redis_keeps_the_time_when_no_clock_is_given(backend, raw):
    queue = backend.queue(real_time=True)
    queue.enqueue(task())
    queue.claim(1)
    seconds, _ = raw.time()
    [end] = [score for _, score in raw.zrange(queue.calls.keys["processing"], 0, -1, withscores=True)]
    assert abs(end / 1000 - (seconds + 60)) < 30

"""Operations of several calls, driven by hand: what they send, and what they make of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from syncqueue.core.clock import ManualClock
from syncqueue.core.errors import InvalidTask, LeaseLost, TaskInProcessing
from syncqueue.core.task import ClaimedTask, Progress, SyncTask, TaskState
from syncqueue.queue import steps
from syncqueue.queue.calls import CHUNK, HEAVY_CHUNK, Calls, script
from syncqueue.queue.keys import ORDER, QueueKeys

CALLS = Calls(QueueKeys("sync", "telegram"), "site-1", ManualClock().now_ms)


def drive(operation: Any, *answers: Any) -> tuple[list[Any], Any]:
    """Give the answers one by one; the calls that were made and the result."""
    made, left = [], list(answers)
    try:
        call = next(operation)
        while True:
            made.append(call)
            call = operation.send(left.pop(0))
    except StopIteration as end:
        assert not left
        return made, end.value


def test_a_thousand_tasks_and_one_are_three_calls():
    tasks = (SyncTask("telegram", "x", "e:1") for _ in range(1001))
    calls, answer = drive(steps.enqueue_many(CALLS, tasks), ["a"] * 500, ["b"] * 500, ["c"])
    assert [len(call.args) for call in calls] == [2 + 4 * 500, 2 + 4 * 500, 2 + 4]
    assert len(answer) == 1001


def test_promotion_goes_on_until_a_chunk_is_not_full():
    calls, total = drive(steps.promote_due(CALLS), CHUNK, CHUNK, 7)
    assert (len(calls), total) == (3, 2 * CHUNK + 7)


def test_retrying_all_failures_stops_at_the_number_there_was():
    class Stats:
        failed_count = 2 * HEAVY_CHUNK

    calls, total = drive(steps.retry_failed(CALLS), Stats, [], 3, [], 4)
    assert (len(calls), total) == (5, 7)


def test_clear_refuses_processing_before_it_sends_anything():
    with pytest.raises(TaskInProcessing):
        next(steps.clear(CALLS, [TaskState.FAILED, TaskState.PROCESSING]))


def test_delete_of_nothing_asks_once():
    assert drive(steps.delete(CALLS, "gone"), None)[1] is False


def test_a_move_of_a_task_that_is_not_held_is_a_lost_lease():
    claimed = ClaimedTask(task=SyncTask("telegram", "x", "e:1", key="k"), token="secret", progress=Progress())
    operation = steps.require_lease(CALLS.fail(claimed, Progress()), claimed)
    next(operation)
    with pytest.raises(LeaseLost, match="key:k") as caught:
        operation.send(False)
    assert "secret" not in str(caught.value)


def test_each_claim_has_a_token_of_its_own():
    tokens = {next(steps.claim(CALLS, 1, lease_seconds=1, probe_seconds=1)).args[2] for _ in range(100)}
    assert len(tokens) == 100


def test_a_claim_takes_at_most_a_thousand():
    call = CALLS.claim(10**6, token="t", lease_seconds=1, probe_seconds=1)
    assert call.args[4] == 1000


def test_times_reach_the_scripts_in_milliseconds():
    call = CALLS.claim(1, token="t", lease_seconds=1.5, probe_seconds=0.25)
    assert (call.args[3], call.args[5]) == (1500, 250)


def test_without_a_clock_the_time_is_left_to_redis():
    assert Calls(QueueKeys("sync", "telegram"), "s", lambda: None).stats().args == [""]


def test_a_task_of_another_service_is_refused():
    with pytest.raises(InvalidTask, match="^service:"):
        CALLS.enqueue([SyncTask("mastodon", "x", "e:1")])


def test_the_scripts_name_the_keys_in_the_order_they_are_given():
    prelude = script("ack").text
    named = prelude[prelude.index("local pending") + 6 : prelude.index("= unpack")]
    names = tuple(name.strip() for name in named.split(","))
    assert (
        tuple(
            {"pending": "queue", "successors": "behind", "failure_counts": "strikes"}.get(name, name) for name in names
        )
        == ORDER
    )
    assert f"unpack(KEYS, 1, {len(ORDER)})" in prelude


def test_a_key_is_found_by_its_name_and_no_other():
    keys = QueueKeys("sync", "telegram")
    assert keys["failed"] == "sync:{telegram}:failed"
    with pytest.raises(ValueError):
        keys["nonsense"]

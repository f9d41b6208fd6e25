"""Bodies that this code cannot read become failed tasks that can be looked at, never a crash."""

from __future__ import annotations

import pytest

from syncqueue.core.task import TaskState
from tests.contract.drive import claim_one, names, task

BODIES = {
    "an older version": (b'01{"action":"x","entity":"e","created_at":1}', "unknown version '0'"),
    "broken JSON": (b'11{"action":', "JSONDecodeError"),
    "no JSON": (b"garbage", "unknown version 'g'"),
    "nothing": (b"", "unknown version ''"),
    "a list": (b"11[]", "TypeError"),
    "a missing field": (b'11{"action":"x","created_at":1}', "KeyError: 'entity'"),
    "an unknown priority": (b'17{"action":"x","entity":"e","created_at":1}', "IndexError"),
    "invalid UTF-8": (b'11{"action":"\xff\xfe","entity":"e","created_at":1}', "JSONDecodeError"),
    "invalid UTF-8 before the JSON": (b"\xff1{}", "unknown version"),
}


@pytest.mark.parametrize("case", BODIES)
def test_an_unreadable_body_becomes_a_failed_task_with_its_raw_text(queue, raw, case):
    body, reason = BODIES[case]
    broken = task("broken", key="broken")
    queue.enqueue_many([broken, task("sound")])
    raw.hset(queue.calls.keys["bodies"], broken.id, body)
    claim = queue.claim(10)
    assert names(claim.tasks) == ["sound"]
    assert [one.id for one in claim.unreadable] == [broken.id]
    [view] = queue.tasks(TaskState.FAILED)
    assert (view.task, view.raw) == (None, body.decode(errors="backslashreplace"))
    assert reason in view.unreadable
    assert "cannot be read" in view.progress.history[-1].error
    assert queue.stats().total_failed == 1


def test_an_unreadable_body_is_shown_deleted_or_replaced_like_any_other(queue, raw):
    for key in "abc":
        queue.enqueue(task("broken", key=key))
        raw.hset(queue.calls.keys["bodies"], f"key:{key}", b"\xff garbage")
    assert [view.task for view in queue.tasks(TaskState.PENDING)] == [None] * 3
    assert queue.get("key:a").unreadable
    queue.claim(10)
    assert queue.delete("key:a")
    queue.enqueue(task("whole again", key="b"))
    assert names(queue.claim(10).tasks) == ["whole again"]
    assert queue.clear([TaskState.FAILED]) == {TaskState.FAILED: 1}


def test_an_unreadable_body_passes_every_move_of_the_scripts(queue, raw, clock):
    queue.enqueue(task("broken", key="k"))
    raw.hset(queue.calls.keys["bodies"], "key:k", "?")
    queue.claim(1)
    assert queue.retry_failed() == 1
    assert queue.get("key:k").state is TaskState.PENDING
    assert [one.raw for one in queue.claim(1).unreadable] == ["?"]


def test_a_progress_that_cannot_be_read_counts_as_none(queue, raw):
    queue.enqueue(task("a", key="k"))
    raw.hset(queue.calls.keys["progress"], "key:k", b"\xff{")
    assert claim_one(queue).attempt == 1

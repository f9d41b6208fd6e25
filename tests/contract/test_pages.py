"""Pages of a state that hold while tasks come and go, searches that are bounded, and how long attempts took."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from syncqueue.core.errors import InvalidCursor
from syncqueue.core.task import TaskState
from syncqueue.queue import pages
from tests.contract.drive import claim_one, names, note, task


def delayed(queue, clock, count):
    """So many tasks that are due at one and the same moment: nothing but their ids tells them apart."""
    due = clock.now() + timedelta(hours=1)
    queue.enqueue_many([task(f"{n:03}", key=f"k{n:03}", run_at=due) for n in range(count)])


def walk(queue, state, **options):
    """All pages, one after the other."""
    cursor, found = "", []
    while True:
        page = queue.page(state, cursor=cursor, **options)
        found.append(page)
        cursor = page.next_cursor
        if not cursor:
            return found


def test_pages_follow_each_other_without_gap_or_repetition(queue, clock):
    delayed(queue, clock, 10)
    found = walk(queue, TaskState.DELAYED, limit=4)
    assert [len(page.tasks) for page in found] == [4, 4, 2]
    assert [name for page in found for name in names(page.tasks)] == [f"{n:03}" for n in range(10)]
    assert {page.total_count for page in found} == {10}


def test_a_page_that_ends_with_the_last_task_has_no_next_one_but_an_empty_one(queue, clock):
    delayed(queue, clock, 4)
    assert sum(len(page.tasks) for page in walk(queue, TaskState.DELAYED, limit=4)) == 4


def test_an_empty_state_is_one_empty_page(queue):
    [page] = walk(queue, TaskState.FAILED, limit=4)
    assert (page.tasks, page.total_count, page.searched_count) == ([], 0, 0)


def test_tasks_that_leave_before_the_cursor_do_not_hide_those_after_it(queue, clock):
    delayed(queue, clock, 10)
    first = queue.page(TaskState.DELAYED, limit=4)
    for n in (0, 1):
        queue.delete(f"key:k{n:03}")
    assert names(queue.page(TaskState.DELAYED, cursor=first.next_cursor, limit=3).tasks) == ["004", "005", "006"]


def test_the_cursor_holds_when_its_own_task_has_left_among_equals(queue, clock):
    delayed(queue, clock, 10)
    first = queue.page(TaskState.DELAYED, limit=4)
    queue.delete("key:k003")
    rest = names(queue.page(TaskState.DELAYED, cursor=first.next_cursor, limit=20).tasks)
    assert rest == [f"{n:03}" for n in range(4, 10)]


def test_a_walk_that_takes_away_each_page_leaves_none_of_many_equals(queue, clock):
    delayed(queue, clock, 10)
    cursor, seen = "", []
    while page := queue.page(TaskState.DELAYED, cursor=cursor, limit=3):
        for view in page.tasks:
            queue.delete(view.id)
        seen += names(page.tasks)
        if not (cursor := page.next_cursor):
            break
    assert seen == [f"{n:03}" for n in range(10)]
    assert queue.stats().delayed_count == 0


def test_a_search_finds_by_entity_action_id_and_last_error_in_any_case(queue, clock):
    queue.enqueue(task("one", entity="notes.note:42", key="a"))
    queue.enqueue(task("two", action="Publish", key="b"))
    queue.enqueue(task("three", key="special"))
    queue.enqueue(task("four", key="d"))
    assert names(queue.page(TaskState.PENDING, search="NOTE:42").tasks) == ["one"]
    assert names(queue.page(TaskState.PENDING, search="publish").tasks) == ["two"]
    assert names(queue.page(TaskState.PENDING, search="key:special").tasks) == ["three"]
    for held in queue.claim(10).tasks:
        queue.fail(held, note("failure", error="Chat Not Found" if held.task.key == "d" else "no"))
    assert names(queue.page(TaskState.FAILED, search="chat not").tasks) == ["four"]


def test_a_search_stops_after_a_bounded_number_and_says_where_to_go_on(queue, clock, monkeypatch):
    queue.without_echo()
    monkeypatch.setattr(pages, "SEARCHED", 600)
    queue.enqueue_many([task(str(n), entity=f"e:{n}") for n in range(1600)])
    first = queue.page(TaskState.PENDING, search="e:1599", limit=5)
    assert (list(first.tasks), first.searched_count, first.total_count) == ([], 1000, 1600)
    second = queue.page(TaskState.PENDING, search="e:1599", limit=5, cursor=first.next_cursor)
    assert (names(second.tasks), second.searched_count, second.next_cursor) == (["1599"], 600, "")


def test_a_search_that_fills_a_page_goes_on_right_after_its_last_task(queue):
    queue.enqueue_many([task(str(n), entity=f"e:{n % 2}") for n in range(10)])
    found = walk(queue, TaskState.PENDING, search="e:1", limit=2)
    assert [names(page.tasks) for page in found if page.tasks] == [["1", "3"], ["5", "7"], ["9"]]


def test_an_unreadable_task_is_shown_and_found_by_its_raw_text(queue, raw):
    queue.enqueue(task("good", key="good"))
    raw.hset(queue.calls.keys["bodies"], "key:good", "9?broken")
    [view] = queue.page(TaskState.PENDING, search="BROKEN").tasks
    assert view.task is None and "version" in view.unreadable


def encoded(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "*", "ä", "A" * 2000, "bnVsbA", encoded(), encoded("pending", 0, "a"), encoded("nowhere", 0, "a", "1"),
        encoded("pending", -1, "a", "1"), encoded("pending", 1.5, "a", "1"), encoded("pending", True, "a", "1"),
        encoded("pending", 0, "", "1"), encoded("pending", 0, "a", "one"), encoded("pending", 0, "a", "nan"),
        encoded("pending", 0, "a", "1_000"), encoded("pending", 0, "a", " 1"), encoded("pending", 0, "a", "1e999"),
        encoded("pending", 0, "a", 1), encoded("pending", 2**60, "a", "1"), encoded("failed", 0, "a", "1"),
        encoded(["pending"], 0, "a", "1"),
    ],
)  # fmt: skip
def test_a_cursor_that_no_page_gave_is_refused(queue, cursor):
    with pytest.raises(InvalidCursor, match="cursor"):
        queue.page(TaskState.PENDING, cursor=cursor)


def test_attempts_are_counted_by_their_length_however_they_end(queue, clock):
    queue.enqueue_many([task() for _ in range(4)])
    done, quick, again, bad = queue.claim(4).tasks
    queue.ack(done, quick, seconds=[30.0, 0.02])
    queue.retry(again, clock.now() + timedelta(days=1), note(seconds=0.5))
    queue.fail(bad, note("failure", seconds=100))
    took = queue.measures().durations
    assert (took.count, took.sum_seconds) == (4, 130.52)
    assert (took.buckets[0.05], took.buckets[0.25], took.buckets[0.5], took.buckets[60]) == (1, 1, 2, 3)


def test_tasks_that_are_done_are_counted_by_how_long_they_waited_for_their_last_attempt(queue, clock):
    queue.enqueue_many([task(created_at=clock.now()) for _ in range(3)])
    first, second, third = queue.claim(3).tasks
    clock.advance(10)
    queue.ack(first, seconds=[9.9])
    queue.retry(second, clock.now() + timedelta(hours=1), note(seconds=10))
    queue.fail(third, note("failure", seconds=10))
    clock.advance(3600)
    queue.promote_due()
    queue.ack(claim_one(queue), seconds=[0.5])
    waited = queue.measures().waiting
    assert (waited.count, waited.sum_seconds) == (2, 0.1 + 3609.5)
    assert (waited.buckets[0.05], waited.buckets[0.25], waited.buckets[1800], waited.buckets[7200]) == (0, 1, 1, 2)
    assert (waited.percentile(0.5), waited.percentile(0.95)) == (0.25, 7200)


def test_a_task_from_a_machine_whose_clock_is_ahead_has_waited_for_no_time(queue, clock):
    queue.enqueue(task(created_at=clock.now() + timedelta(minutes=5)))
    queue.ack(claim_one(queue), seconds=[0.5])
    waited = queue.measures().waiting
    assert (waited.count, waited.sum_seconds, waited.percentile(0.95)) == (1, 0, 0.05)


def test_a_stale_end_counts_no_length(queue, clock):
    queue.enqueue(task())
    stale = claim_one(queue)
    clock.advance(61)
    queue.recover_expired()
    assert queue.ack(stale, seconds=[1.0]) == [False]
    assert queue.measures().durations.count == 0


def test_measures_carry_what_was_retried(queue, clock):
    queue.enqueue(task())
    queue.retry(claim_one(queue), clock.now() + timedelta(days=1), note())
    found = queue.measures()
    assert (found.total_retried, found.stats.delayed_count) == (1, 1)

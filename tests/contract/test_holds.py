"""Reasons to wait: rate limits, broken destinations, a pause; lanes that fill and empty in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from syncqueue.core.task import TaskState
from syncqueue.queue.calls import AdmissionRequest, Enqueued
from syncqueue.sources.intents import record_task
from tests.contract.drive import claim_one, names, note, park_many, task

RATE = "rate:destination:1"
OTHER = "rate:destination:2"


def admit(queue, claimed, *holds):
    return queue.admit([AdmissionRequest(claimed=one, holds=holds) for one in claimed])


def park(queue, hold, wanted):
    """Enqueue tasks of these names and let `hold`, which is set, park them."""
    queue.enqueue_many([task(name) for name in wanted])
    assert {one.held_by for one in admit(queue, queue.claim(1000).tasks, hold)} == {hold}


def drain(queue, *holds, limit=2, rounds=60):
    """Claim and ack until nothing is left; the names in the order they were admitted."""
    left = []
    for _ in range(rounds):
        claimed = queue.claim(limit).tasks
        admitted = [
            one
            for one, answer in zip(claimed, admit(queue, claimed, *holds) if claimed else [], strict=True)
            if answer.admitted
        ]
        queue.ack(*admitted)
        left += names(admitted)
        stats = queue.stats()
        if not stats.pending_count + stats.delayed_count:
            break
    return left


def test_a_rate_limit_parks_its_tasks_without_using_an_attempt(queue, clock):
    queue.hold(RATE, 30, "429: slow down")
    park(queue, RATE, "abc")
    stats = queue.stats()
    assert (stats.delayed_count, stats.pending_count, stats.processing_count) == (3, 0, 0)
    [hold] = queue.holds()
    assert (hold.name, hold.kind, hold.subject, hold.reason) == (RATE, "rate", "destination:1", "429: slow down")
    assert (hold.until_at, hold.lifted, hold.parked_count) == (clock.now() + timedelta(seconds=30), False, 3)
    assert [(view.held_by, view.due_at) for view in queue.tasks(TaskState.DELAYED)] == [(RATE, None)] * 3
    assert queue.claim(10).tasks == ()
    clock.advance(30)
    assert [one.attempt for one in queue.claim(10).tasks] == [1, 1, 1]


def test_parked_records_leave_in_their_order_however_fast_they_were_made(queue, clock):
    made = [record_task("telegram", n, f"notes.note:{n}") for n in range(1, 201)]
    queue.hold(RATE, 30, "slow")
    queue.enqueue_many(made)
    admit(queue, queue.claim(1000).tasks, RATE)
    clock.advance(30)
    assert [one.task.id for one in queue.claim(1000).tasks] == [one.id for one in made]


def test_parked_tasks_leave_oldest_first_when_the_time_is_over(queue, clock):
    queue.hold(RATE, 30, "slow")
    park(queue, RATE, "abcdefg")
    clock.advance(30)
    assert drain(queue, RATE) == list("abcdefg")
    assert queue.holds() == []


def test_an_older_task_parked_later_still_leaves_first(queue, clock):
    queue.hold(RATE, 30, "slow")
    old, new = task("old", created_at=clock.now()), task("new", created_at=clock.now() + timedelta(seconds=1))
    for one in (new, old):
        queue.enqueue(one)
        queue.retry(claim_one(queue), clock.now(), note(), hold=RATE)
    clock.advance(31)
    assert names(queue.claim(2).tasks) == ["old", "new"]


def test_newer_tasks_wait_behind_an_emptying_lane(queue, clock):
    queue.hold(RATE, 30, "slow")
    park(queue, RATE, "abcd")
    clock.advance(30)
    queue.enqueue_many([task(name, created_at=clock.now() + timedelta(days=9999)) for name in "xy"])
    assert drain(queue, RATE) == list("abcdxy")


def test_a_new_immediate_attempt_waits_behind_an_emptying_lane(queue, clock):
    queue.hold(RATE, 30, "slow")
    park(queue, RATE, "ab")
    clock.advance(30)
    leased = queue.enqueue_leased(
        [task("x", key="x", created_at=clock.now() + timedelta(days=9999))], [[RATE]], token="web"
    )
    assert list(leased.placed) == [Enqueued.PARKED]
    assert drain(queue, RATE) == ["a", "b", "x"]


def test_an_immediate_attempt_under_a_hold_is_parked(queue):
    queue.hold(RATE, 30, "slow")
    leased = queue.enqueue_leased([task("x", key="x"), task("y", key="y")], [[RATE], [OTHER]], token="web")
    assert list(leased.placed) == [Enqueued.PARKED, Enqueued.LEASED]
    assert leased.holds_active
    assert queue.get("key:x").held_by == RATE


def test_two_emptying_lanes_share_the_claims(queue, clock):
    for hold, wanted in ((RATE, "abcd"), (OTHER, "wxyz")):
        queue.hold(hold, 30, "slow")
        park(queue, hold, wanted)
    clock.advance(30)
    first = queue.claim(4).tasks
    assert sorted(one.lane for one in first) == [RATE, RATE, OTHER, OTHER]
    assert sorted(names(first)) == ["a", "b", "w", "x"]
    assert sorted(names(queue.claim(4).tasks)) == ["c", "d", "y", "z"]


def test_an_emptying_lane_leaves_half_of_each_claim_to_the_others(queue, clock):
    queue.hold(RATE, 30, "slow")
    park(queue, RATE, "abcdefgh")
    clock.advance(30)
    queue.enqueue_many([task(str(n)) for n in range(8)])
    claimed = queue.claim(8).tasks
    assert sorted(names(claimed)) == list("0123abcd")


def test_a_claim_of_one_alternates_between_lane_and_queue(queue, clock):
    queue.hold(RATE, 30, "slow")
    park(queue, RATE, "abcd")
    clock.advance(30)
    queue.enqueue_many([task(str(n)) for n in range(4)])
    claimed = [names(queue.claim(1).tasks)[0] for _ in range(6)]
    assert sorted(claimed) == list("012abc")


def test_two_emptying_lanes_of_the_same_tasks_do_not_block_each_other(queue, clock):
    for hold, wanted in ((RATE, "abcdef"), (OTHER, "uvwxyz")):
        queue.hold(hold, 30, "slow")
        park(queue, hold, wanted)
    clock.advance(30)
    assert sorted(drain(queue, RATE, OTHER)) == list("abcdefuvwxyz")
    assert queue.holds() == []


def test_ten_thousand_parked_tasks_do_not_delay_another_destination(backend, raw):
    queue = backend.queue().without_echo()
    queue.hold(RATE, None, "refused")
    count = 10_000 if backend.server == "valkey" else 500  # a stand-in's speed says nothing
    park_many(queue, raw, RATE, count)
    queue.enqueue_many([task(name) for name in "abc"])
    before = _calls(raw, backend)
    claimed = queue.claim(2).tasks
    assert [one.admitted for one in admit(queue, claimed, OTHER)] == [True, True]
    assert _calls(raw, backend) - before < 60  # commands, however many are parked
    assert names([*claimed, *queue.claim(2).tasks]) == ["a", "b", "c"]
    assert queue.holds()[0].parked_count == count


def _calls(raw, backend):
    """Commands the server has run so far; fakeredis does not count them."""
    if backend.server == "fakeredis":
        return 0
    return sum(row["calls"] for row in raw.info("commandstats").values())


def test_a_long_lane_empties_whole_and_in_order(backend, raw, clock):
    queue = backend.queue().without_echo()
    queue.hold(RATE, 30, "slow")
    count = 10_000 if backend.server == "valkey" else 300
    park_many(queue, raw, RATE, count)
    clock.advance(30)
    assert drain(queue, RATE, limit=500) == [str(n) for n in range(count)]
    queue.claim(1)
    assert queue.holds() == []


def test_a_shorter_hold_does_not_shorten_a_longer_one_unless_forced(queue, clock):
    queue.hold(RATE, 60, "long")
    queue.hold(RATE, 10, "short")
    assert queue.holds()[0].until_at == clock.now() + timedelta(seconds=60)
    queue.hold(RATE, 10, "short", forced=True)
    assert queue.holds()[0].until_at == clock.now() + timedelta(seconds=10)


def test_a_hold_remembers_since_when_and_its_last_reason(queue, clock):
    since = clock.now()
    queue.hold(RATE, None, "first")
    clock.advance(60)
    queue.hold(RATE, None, "second")
    [hold] = queue.holds()
    assert (hold.reason, hold.since_at, hold.until_at) == ("second", since, None)


def test_a_broken_destination_waits_until_it_is_lifted_however_long(queue, clock):
    queue.hold("stopped:destination:1", None, "bot was kicked")
    park(queue, "stopped:destination:1", "ab")
    clock.advance(86_400 * 365)
    assert queue.claim(10).tasks == ()
    assert queue.lift("stopped:destination:1", "rate:unknown") == 1
    assert drain(queue, "stopped:destination:1") == ["a", "b"]


def test_lifting_wakes_a_claimer(queue, raw):
    queue.hold(RATE, None, "slow")
    park(queue, RATE, "a")
    raw.delete(queue.calls.keys["wake"])
    queue.lift(RATE)
    assert raw.llen(queue.calls.keys["wake"]) == 1


def test_a_task_parked_behind_a_hold_that_was_just_lifted_leaves_at_once(queue, raw, clock):
    queue.hold(RATE, None, "slow")
    queue.enqueue(task("late"))
    held = claim_one(queue)
    queue.lift(RATE)
    raw.delete(queue.calls.keys["wake"])
    queue.retry(held, clock.now() + timedelta(hours=1), note(), hold=RATE)
    assert raw.llen(queue.calls.keys["wake"]) == 1
    assert drain(queue, RATE) == ["late"]
    assert queue.holds() == []


def test_a_parked_retry_counts_its_attempt_where_it_should(queue, clock):
    queue.hold(RATE, 30, "slow")
    queue.enqueue(task())
    queue.retry(claim_one(queue), clock.now(), note("rate_limited"), counts=False, hold=RATE)
    clock.advance(30)
    again = claim_one(queue)
    assert (again.attempt, again.lane, again.progress.history[0].outcome) == (1, RATE, "rate_limited")


def test_one_task_may_have_several_reasons_to_wait(queue, clock):
    queue.hold(RATE, 30, "slow")
    queue.hold("stopped:destination:1", None, "kicked")
    queue.enqueue(task("a"))
    [first] = admit(queue, queue.claim(1).tasks, RATE, "stopped:destination:1")
    assert first.held_by == RATE
    clock.advance(30)
    [second] = admit(queue, queue.claim(1).tasks, RATE, "stopped:destination:1")
    assert second.held_by == "stopped:destination:1"
    queue.lift("stopped:destination:1")
    assert drain(queue, RATE, "stopped:destination:1") == ["a"]


def test_a_hold_that_is_over_and_held_nobody_is_gone(queue, clock):
    queue.hold(RATE, 30, "slow")
    clock.advance(30)
    queue.enqueue(task())
    assert admit(queue, queue.claim(1).tasks, RATE)[0].admitted
    assert queue.holds() == []
    assert not queue.claim(1).holds_active


def test_a_claim_says_whether_holds_or_strikes_must_be_asked_about(queue):
    assert not queue.claim(1).holds_active
    queue.hold(RATE, 30, "slow")
    assert queue.claim(1).holds_active
    queue.lift(RATE)
    queue.record_failure("host:443", failures=5, open_seconds=30, token="t1", reason="refused")
    assert queue.claim(1).holds_active


def test_a_paused_service_hands_out_nothing_and_goes_on_in_order(queue, clock):
    queue.enqueue(task("due", run_at=clock.now() + timedelta(seconds=1)))
    queue.enqueue_many([task(name) for name in "ab"])
    queue.hold("pause", None, "maintenance")
    clock.advance(5)
    assert queue.claim(10).tasks == ()
    assert queue.stats().paused
    leased = queue.enqueue_leased([task("c", key="c")], [[]], token="web")
    assert list(leased.placed) == [Enqueued.PENDING]
    queue.lift("pause")
    assert not queue.stats().paused
    assert names(queue.claim(10).tasks) == ["a", "b", "c", "due"]


def test_a_pause_with_an_end_ends_by_itself(queue, clock):
    queue.enqueue(task())
    queue.hold("pause", 30, "a moment")
    assert queue.claim(1).tasks == ()
    clock.advance(30)
    assert not queue.stats().paused
    assert len(queue.claim(1).tasks) == 1
    assert queue.holds() == []


def test_what_runs_when_a_pause_begins_can_be_finished(queue):
    queue.enqueue(task())
    held = claim_one(queue)
    queue.hold("pause", None, "maintenance")
    assert queue.ack(held) == [True]


def test_removing_a_parked_task_takes_it_out_of_its_lane(queue):
    queue.hold(RATE, None, "slow")
    park(queue, RATE, "ab")
    [first, _] = queue.tasks(TaskState.DELAYED)
    assert queue.delete(first.id)
    assert queue.holds()[0].parked_count == 1


def test_a_paused_queue_with_something_due_says_nothing_of_when_to_ask_again(queue, clock):
    queue.enqueue(task("due", run_at=clock.now() + timedelta(seconds=1)))
    queue.hold(RATE, 30, "slow")
    assert queue.claim(1).wait_seconds == 1
    queue.hold("pause", None, "Paused.")
    clock.advance(2)
    assert (queue.claim(1).wait_seconds, queue.claim(1).tasks) == (None, ())
    queue.lift("pause")
    assert names(queue.claim(1).tasks) == ["due"]


def test_a_pause_of_some_time_is_waited_for(queue, clock):
    queue.enqueue(task("due", run_at=clock.now() + timedelta(seconds=1)))
    queue.hold("pause", 60, "Paused.")
    clock.advance(2)
    assert queue.claim(1).wait_seconds == 58


SHARE = "share:owner:3"


def test_a_share_lets_the_oldest_one_through_each_time_it_is_lifted_and_what_is_newer_waits_behind(queue):
    queue.hold(SHARE, 60, "many")
    park(queue, SHARE, "abcd")
    assert queue.claim(10).tasks == ()
    for wanted in "abc":
        queue.lift(SHARE)
        queue.enqueue(task(f"newer than {wanted}"))
        claimed = queue.claim(10).tasks
        admitted = [one.admitted for one in admit(queue, claimed, SHARE)]
        assert names(claimed) == [wanted, f"newer than {wanted}"]
        assert admitted == [True, False]
        queue.ack(claimed[0])


def test_pending_tasks_are_parked_without_a_claim_and_in_their_order(queue):
    queue.hold(SHARE, 60, "many")
    mine, other = [task(name) for name in "abc"], task("other")
    for one in (*mine, other):
        queue.enqueue(one)
    [claimed] = queue.claim(1).tasks
    assert names([claimed]) == ["a"]
    assert queue.park(SHARE, mine) == 2  # but for what is being worked on
    assert names(queue.claim(10).tasks) == ["other"]
    found = []
    for _ in "bc":
        queue.lift(SHARE)
        found += names(queue.claim(10).tasks)
    assert found == ["b", "c"]


def test_a_share_whose_lane_is_empty_is_gone(queue):
    queue.hold(SHARE, 60, "many")
    park(queue, SHARE, "a")
    queue.lift(SHARE)
    assert names(queue.claim(10).tasks) == ["a"]
    assert queue.holds() == []


def test_a_share_that_nobody_lifts_lets_one_through_when_its_time_is_over(queue, clock):
    queue.hold(SHARE, 60, "many")
    park(queue, SHARE, "abc")
    found = []
    for _ in range(3):
        clock.advance(61)
        found += names(queue.claim(10).tasks)
    assert found == ["a", "b", "c"]


def test_a_task_of_a_shares_lane_that_is_above_the_share_again_returns_to_its_place(queue):
    queue.hold(SHARE, 60, "many")
    park(queue, SHARE, "abc")
    queue.lift(SHARE)
    [first] = queue.claim(10).tasks
    assert first.lane == SHARE
    queue.hold(SHARE, 60, "many")
    [answer] = queue.admit([AdmissionRequest(claimed=replace(first, lane=None), holds=(SHARE,))])
    assert answer.held_by == SHARE
    queue.lift(SHARE)
    assert names(queue.claim(10).tasks) == ["a"]

"""Who holds a task: tokens, leases that run out, crashes, answers that were lost."""

from __future__ import annotations

import dataclasses

import pytest

from syncqueue.core.errors import LeaseLost
from syncqueue.core.task import TaskState
from syncqueue.queue.calls import CRASH_TEXT, AdmissionRequest
from tests.contract.drive import LEASE_SECONDS, claim_one, names, note, task
from tests.contract.invariants import dump

STALE_MOVES = {
    "ack": lambda queue, held, now: queue.ack(held) == [False],
    "release": lambda queue, held, now: queue.release(held) == [False],
    "extend": lambda queue, held, now: queue.extend([held]) == [False],
    "admit": lambda queue, held, now: (
        [
            (one.admitted, one.held_by)
            for one in queue.admit([AdmissionRequest(claimed=held, holds=["rate:destination:1"])])
        ]
        == [(False, "")]
    ),
}


def recovered_once(queue, clock):
    """A claim whose lease ran out and was recovered, and the task as the next claim holds it."""
    queue.enqueue(task("kept", key="k"))
    stale = claim_one(queue)
    clock.advance(LEASE_SECONDS + 1)
    assert queue.recover_expired().count == 1
    return stale, claim_one(queue)


@pytest.mark.parametrize("move", STALE_MOVES)
def test_a_stale_token_changes_nothing(queue, raw, clock, move):
    stale, held = recovered_once(queue, clock)
    queue.hold("rate:destination:1", 30, "slow")
    before = dump(raw)
    assert STALE_MOVES[move](queue, stale, clock.now())
    assert dump(raw) == before
    assert queue.ack(held) == [True]


@pytest.mark.parametrize("hold", ["", "rate:destination:1"])
def test_a_stale_token_cannot_retry(queue, raw, clock, hold):
    stale, _ = recovered_once(queue, clock)
    before = dump(raw)
    with pytest.raises(LeaseLost, match="key:k"):
        queue.retry(stale, clock.now(), note(), hold=hold)
    assert dump(raw) == before


def test_a_stale_token_cannot_fail(queue, raw, clock):
    stale, _ = recovered_once(queue, clock)
    before = dump(raw)
    with pytest.raises(LeaseLost, match="key:k"):
        queue.fail(stale, note())
    assert dump(raw) == before


def test_a_token_of_nobody_is_refused_while_nobody_holds_the_task(queue, raw, clock):
    queue.enqueue(task())
    held = claim_one(queue)
    queue.ack(held)
    assert queue.ack(held) == [False]
    with pytest.raises(LeaseLost):
        queue.retry(held, clock.now(), note())
    assert queue.stats().total_processed == 1


def test_an_empty_token_holds_nothing(queue):
    queue.enqueue(task())
    held = claim_one(queue)
    assert queue.ack(dataclasses.replace(held, token="")) == [False]
    assert queue.stats().processing_count == 1


def test_one_stale_task_does_not_spoil_the_rest_of_a_batch(queue, clock):
    stale, held = recovered_once(queue, clock)
    queue.enqueue(task("other"))
    other = claim_one(queue)
    assert queue.ack(stale, held, other) == [False, True, True]
    assert queue.stats().total_processed == 2


def test_a_lost_claim_comes_back_by_its_lease_and_counts_no_crash(queue, clock):
    queue.enqueue(task("lost"))
    queue.claim(1)
    clock.advance(LEASE_SECONDS - 1)
    assert queue.recover_expired().count == 0
    clock.advance(1)
    assert queue.recover_expired().count == 1
    again = claim_one(queue)
    assert names([again]) == ["lost"]
    assert (again.progress.crash_count, again.progress.history, again.attempt) == (0, (), 1)


def test_a_lease_that_runs_out_after_work_began_counts_a_crash_and_no_attempt(queue, clock):
    queue.enqueue(task())
    queue.extend([claim_one(queue)])
    clock.advance(LEASE_SECONDS)
    queue.recover_expired()
    again = claim_one(queue)
    assert (again.progress.crash_count, again.attempt) == (1, 1)
    [lost] = again.progress.history
    assert (lost.outcome, lost.error, lost.at) == ("lost", CRASH_TEXT, clock.now())


def test_a_task_that_kills_its_worker_three_times_is_failed_with_that_reason(queue, clock):
    sent = task()
    queue.enqueue(sent)
    for _ in range(2):
        queue.extend([claim_one(queue)])
        clock.advance(LEASE_SECONDS)
        assert queue.recover_expired().failed_ids == ()
    queue.extend([claim_one(queue)])
    clock.advance(LEASE_SECONDS)
    assert queue.recover_expired().failed_ids == (sent.id,)
    view = queue.get(sent.id)
    assert (view.state, view.progress.crash_count) == (TaskState.FAILED, 3)
    assert [one.error for one in view.progress.history] == [CRASH_TEXT] * 3
    assert (queue.stats().total_failed, queue.stats().last_failed_at) == (1, clock.now())


def test_a_crash_keeps_the_attempts_made_before_it(queue, clock):
    queue.enqueue(task())
    queue.retry(claim_one(queue), clock.now(), note(error="500"))
    queue.extend([claim_one(queue)])
    clock.advance(LEASE_SECONDS)
    queue.recover_expired()
    again = claim_one(queue)
    assert (again.attempt, again.progress.crash_count) == (2, 1)
    assert [one.outcome for one in again.progress.history] == ["retry", "lost"]


def test_a_crash_of_a_task_whose_progress_cannot_be_read_still_counts(queue, raw, clock):
    sent = task()
    queue.enqueue(sent)
    queue.extend([claim_one(queue)])
    raw.hset(queue.calls.keys["progress"], sent.id, "{garbage")
    clock.advance(LEASE_SECONDS)
    queue.recover_expired()
    assert claim_one(queue).progress.crash_count == 1


def test_an_extended_lease_lasts_on(queue, clock):
    queue.enqueue(task())
    held = claim_one(queue)
    clock.advance(LEASE_SECONDS - 1)
    assert queue.extend([held]) == [True]
    clock.advance(LEASE_SECONDS - 1)
    assert queue.recover_expired().count == 0
    assert queue.ack(held) == [True]


def test_recovery_takes_no_more_than_it_is_told(queue, clock):
    queue.without_echo()
    queue.enqueue_many([task(str(n)) for n in range(5)])
    queue.claim(5)
    clock.advance(LEASE_SECONDS)
    assert [queue.recover_expired(3).count for _ in range(3)] == [3, 2, 0]


def test_released_tasks_go_back_in_order_ahead_of_later_ones(queue):
    for n in range(3):
        queue.enqueue(task(str(n), key=f"{9 - n}"))  # keys sort the other way round
    held = queue.claim(3).tasks
    queue.enqueue(task("later"))
    assert queue.release(*held) == [True] * 3
    again = queue.claim(10).tasks
    assert names(again) == ["0", "1", "2", "later"]
    assert [one.attempt for one in again] == [1] * 4


def test_release_keeps_the_priority(queue):
    queue.enqueue(task("low", priority="low"))
    queue.release(claim_one(queue))
    queue.enqueue(task("normal"))
    assert names(queue.claim(2).tasks) == ["normal", "low"]


def test_the_last_ten_attempts_are_remembered(queue, clock):
    sent = task()
    queue.enqueue(sent)
    for n in range(13):
        queue.retry(claim_one(queue), clock.now(), note(error=f"error {n}", traceback="tb", seconds=0.25))
    progress = queue.get(sent.id).progress
    assert [one.error for one in progress.history] == [f"error {n}" for n in range(3, 13)]
    assert (progress.attempt_count, progress.history[0].seconds, progress.history[0].traceback) == (13, 0.25, "tb")


def test_an_attempt_that_does_not_count_is_remembered_all_the_same(queue, clock):
    queue.enqueue(task())
    queue.retry(claim_one(queue), clock.now(), note("unreachable"), counts=False)
    again = claim_one(queue)
    assert (again.attempt, again.progress.history[0].outcome) == (1, "unreachable")


def test_a_claim_that_is_sent_again_takes_nothing_twice(queue, clock):
    queue.enqueue_many([task(str(n)) for n in range(3)])
    call = queue.calls.claim(2, token="t" * 64, lease_seconds=LEASE_SECONDS, probe_seconds=LEASE_SECONDS)
    sent = [queue.queue._send(call) for _ in range(2)]
    first, again = (queue.run_coroutine(one) if hasattr(one, "__await__") else one for one in sent)
    assert (names(first.tasks), names(again.tasks)) == (["0", "1"], ["2"])
    clock.advance(LEASE_SECONDS)  # the first answer was lost
    assert queue.recover_expired().count == 3
    assert [one.attempt for one in queue.claim(5).tasks] == [1, 1, 1]

"""The hold of an endpoint: opens after failures, lets one probe through, closes on success."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncqueue.queue.calls import Enqueued
from tests.contract.drive import LEASE_SECONDS, PROBE_SECONDS, claim_one, names, note, park_many, probes, task
from tests.contract.test_holds import admit, drain, park

HOST = "api.example.org:443"
BREAKER = f"breaker:{HOST}"
RATE = "rate:destination:1"


def fails(queue, token, failures=3):
    return queue.record_failure(
        HOST, failures=failures, open_seconds=30, token=token, reason="refused over IPv4"
    ).opened


@pytest.fixture
def opened(queue):
    """The queue with the breaker open and three tasks parked behind it."""
    for token in "abc":
        fails(queue, token)
    park(queue, BREAKER, "abc")
    return queue


def test_the_breaker_opens_after_so_many_failures(queue, clock):
    assert [fails(queue, token) for token in ("t1", "t2")] == [False, False]
    assert queue.stats().breaker == "closed"
    assert fails(queue, "t3")
    assert queue.stats().breaker == "open"
    [hold] = queue.holds()
    assert (hold.kind, hold.subject, hold.reason) == ("breaker", HOST, "refused over IPv4")
    assert hold.until_at == clock.now() + timedelta(seconds=30)


def test_one_attempt_strikes_once(queue):
    assert [fails(queue, "t1") for _ in range(5)] == [False] * 5


def test_a_success_between_failures_starts_the_count_again(queue):
    fails(queue, "t1")
    fails(queue, "t2")
    queue.lift(BREAKER)
    assert [fails(queue, token) for token in ("t3", "t4")] == [False, False]
    assert fails(queue, "t5")


def test_endpoints_are_counted_apart(queue):
    for token in ("t1", "t2"):
        fails(queue, token)
        queue.record_failure("other:443", failures=3, open_seconds=30, token=token, reason="x")
    assert queue.holds() == []


def test_an_open_breaker_parks_and_hands_out_nothing(opened):
    assert opened.claim(10).tasks == ()
    assert opened.holds()[0].parked_count == 3
    leased = opened.enqueue_leased([task("web", key="w")], [[BREAKER]], token="web")
    assert list(leased.placed) == [Enqueued.PARKED]


def test_half_open_claims_exactly_one_probe_the_oldest(opened, clock):
    clock.advance(30)
    assert opened.stats().breaker == "half-open"
    [probe] = opened.claim(10).tasks
    assert (names([probe]), probes(opened), probe.lane) == (["a"], {BREAKER: probe.task.id}, BREAKER)
    assert opened.claim(10).tasks == ()
    assert opened.stats().breaker == "open"
    [admitted] = admit(opened, [probe], BREAKER)
    assert admitted.admitted
    assert probes(opened) == {BREAKER: probe.task.id}


def test_half_open_admits_exactly_one_probe(queue, clock):
    for token in "abc":
        fails(queue, token)
    clock.advance(30)
    queue.enqueue_many([task(name) for name in "xyz"])
    claimed = queue.claim(10).tasks
    answers = admit(queue, claimed, BREAKER)
    assert [(one.admitted, one.held_by) for one in answers] == [(True, ""), (False, BREAKER), (False, BREAKER)]
    assert probes(queue) == {BREAKER: claimed[0].task.id}


def test_half_open_leases_exactly_one_probe_to_the_web(queue, clock):
    for token in "abc":
        fails(queue, token)
    clock.advance(30)
    leased = queue.enqueue_leased([task("x", key="x"), task("y", key="y")], [[BREAKER]] * 2, token="web")
    assert leased.placed == (Enqueued.LEASED, Enqueued.PARKED)
    assert probes(queue) == {BREAKER: "key:x"}


def test_the_web_does_not_probe_before_an_older_task_that_waits(opened, clock):
    clock.advance(30)
    leased = opened.enqueue_leased(
        [task("x", key="x", created_at=clock.now() + timedelta(days=9999))], [[BREAKER]], token="web"
    )
    assert leased.placed == (Enqueued.PARKED,)
    assert probes(opened) == {}
    assert names(opened.claim(10).tasks) == ["a"]


def test_a_probe_that_succeeds_closes_the_breaker_and_the_lane_leaves_in_order(opened, clock):
    clock.advance(30)
    probe = claim_one(opened)
    opened.ack(probe, endpoints=[HOST])
    assert opened.stats().breaker == "closed"
    opened.enqueue(task("later", created_at=clock.now() + timedelta(days=9999)))
    assert drain(opened, BREAKER) == ["b", "c", "later"]
    assert opened.holds() == []
    assert [fails(opened, token) for token in ("t1", "t2")] == [False, False]


def test_a_probe_that_fails_opens_the_breaker_again_at_the_first_fails(opened, clock):
    clock.advance(30)
    probe = claim_one(opened)
    assert fails(opened, probe.token, failures=100)
    opened.retry(probe, clock.now(), note("unreachable"), counts=False, hold=BREAKER)
    assert opened.holds()[0].until_at == clock.now() + timedelta(seconds=30)
    assert opened.claim(10).tasks == ()
    clock.advance(30)
    [again] = opened.claim(10).tasks
    assert (names([again]), again.attempt) == (["b"], 1)  # another one each time, in the order of the lane


def test_a_probe_that_never_reports_lets_another_one_through_after_a_time(opened, clock):
    clock.advance(30)
    first = claim_one(opened)
    clock.advance(PROBE_SECONDS - 1)
    assert opened.claim(10).tasks == ()
    clock.advance(1)
    [second] = opened.claim(10).tasks
    assert (names([first]), names([second])) == (["a"], ["b"])
    assert probes(opened) == {BREAKER: second.task.id}


def test_a_breaker_that_nobody_waits_for_any_more_takes_a_probe_with_it_that_never_reports(queue, clock):
    for token in "abc":
        fails(queue, token)
    park(queue, BREAKER, "a")
    clock.advance(30)
    probe = claim_one(queue)
    clock.advance(PROBE_SECONDS)
    assert queue.claim(10).tasks == ()  # before anybody has taken it back
    assert (queue.holds(), probes(queue)) == ([], {})
    assert queue.recover_expired().count == 1
    [answer] = admit(queue, [claim_one(queue)], BREAKER)
    assert answer.admitted
    assert probes(queue) == {BREAKER: probe.task.id}


def test_a_probe_that_another_hold_takes_leaves_its_turn_to_the_next(opened, clock):
    opened.hold("stopped:destination:1", None, "kicked")
    clock.advance(30)
    [first] = opened.claim(10).tasks
    [answer] = admit(opened, [first], BREAKER, "stopped:destination:1")
    assert answer.held_by == "stopped:destination:1"
    [second] = opened.claim(10).tasks
    assert (names([second]), probes(opened)) == (["b"], {BREAKER: second.task.id})
    assert admit(opened, [second], BREAKER)[0].admitted


def test_a_probe_stays_one_while_its_lease_is_extended_and_a_crash_is_counted(opened, clock):
    clock.advance(30)
    probe = claim_one(opened)
    opened.extend([probe])
    assert admit(opened, [probe], BREAKER)[0].admitted
    assert probes(opened) == {BREAKER: probe.task.id}
    clock.advance(LEASE_SECONDS)
    assert opened.recover_expired().count == 1
    assert opened.get(probe.task.id).progress.crash_count == 1


def test_a_lane_of_a_breaker_and_one_of_a_rate_limit_empty_together(opened, clock):
    opened.hold(RATE, 30, "slow")
    park(opened, RATE, "uvwxyz")
    clock.advance(30)
    probe = next(one for one in opened.claim(10).tasks if one.lane == BREAKER)
    opened.ack(probe, endpoints=[HOST])
    clock.advance(LEASE_SECONDS)
    opened.recover_expired()
    assert sorted(drain(opened, BREAKER, RATE)) == sorted("bcuvwxyz")


def test_an_open_breaker_says_when_its_probe_is_due(opened, clock):
    assert opened.claim(1).next_at == clock.now() + timedelta(seconds=30)


ENDINGS = {
    "ack": lambda queue, probe, now: queue.ack(probe),
    "retry": lambda queue, probe, now: queue.retry(probe, now + timedelta(hours=1), note()),
    "park": lambda queue, probe, now: queue.retry(probe, now, note(), hold="stopped:destination:1"),
    "fail": lambda queue, probe, now: queue.fail(probe, note("failure")),
    "release": lambda queue, probe, now: queue.release(probe),
}


@pytest.mark.parametrize("end", ENDINGS)
def test_a_probe_that_ends_without_asking_lets_the_next_one_through_at_once(opened, clock, end):
    clock.advance(30)
    first = claim_one(opened)
    opened.hold("stopped:destination:1", None, "stopped")
    ENDINGS[end](opened, first, clock.now())
    assert probes(opened) == {}
    second = next(one for one in opened.claim(10).tasks if one.lane == BREAKER)
    assert probes(opened) == {BREAKER: second.task.id}
    assert opened.stats().breaker == "open"  # while it is under way


def test_five_hundred_tasks_with_nothing_to_send_do_not_keep_an_endpoint_from_the_others(backend, raw, clock):
    queue = backend.queue().without_echo()
    for token in "abc":
        fails(queue, token)
    park_many(queue, raw, BREAKER, 500)
    clock.advance(30)
    for _ in range(500):
        queue.ack(*queue.claim(10).tasks)  # not a second passes
    stats = queue.stats()
    assert (stats.delayed_count, stats.total_processed) == (0, 500)


def test_a_probe_given_back_late_does_not_open_a_breaker_that_was_struck_meanwhile(opened, clock):
    clock.advance(30)
    probe = claim_one(opened)
    fails(opened, "another attempt", failures=100)
    opened.ack(probe)
    assert opened.claim(10).tasks == ()
    assert opened.holds()[0].until_at == clock.now() + timedelta(seconds=30)


@pytest.mark.parametrize("end", ["ack", "retry", "fail"])
def test_an_answer_closes_the_breaker_however_the_attempt_ends(opened, clock, end):
    clock.advance(30)
    probe = claim_one(opened)
    if end == "ack":
        opened.ack(probe, endpoints=[HOST])
    elif end == "retry":
        opened.retry(probe, clock.now() + timedelta(hours=1), note(), endpoint=HOST)
    else:
        opened.fail(probe, note("failure"), endpoint=HOST)
    assert opened.stats().breaker == "closed"
    assert sorted(names(opened.claim(10).tasks)) == ["b", "c"]


def test_half_open_breakers_that_nobody_waits_for_take_no_place_from_others(backend, clock):
    queue = backend.queue().without_echo()
    for n in range(150):
        queue.record_failure(f"host{n}:443", failures=1, open_seconds=1, token="t", reason="away")
    queue.hold("rate:zzz", 30, "slow")
    park(queue, "rate:zzz", "abc")
    clock.advance(31)
    claimed = [*queue.claim(10).tasks, *queue.claim(10).tasks]
    assert names(claimed) == ["a", "b", "c"]
    queue.claim(10)
    assert queue.holds() == []


def test_an_endpoint_whose_half_open_breaker_is_gone_is_still_asked_by_one_first(queue, clock):
    for token in "abc":
        fails(queue, token)
    clock.advance(30)
    assert queue.claim(10).tasks == ()
    assert queue.holds() == []  # nobody waits for it
    queue.enqueue_many([task(name) for name in "xyz"])
    claimed = queue.claim(10)
    assert claimed.holds_active
    assert [one.held_by for one in admit(queue, claimed.tasks, BREAKER)] == ["", BREAKER, BREAKER]
    assert fails(queue, "x", failures=100), "one failure of the probe opens it again"


def test_failures_are_forgotten_a_day_after_the_last(queue, raw):
    fails(queue, "t1")
    assert 86_300 < raw.ttl(queue.calls.keys["strikes"]) <= 86_400


def test_after_each_failed_probe_another_of_the_lane_goes_and_the_others_keep_their_order(opened, clock):
    gone = []
    for _ in range(5):
        clock.advance(30)
        probe = claim_one(opened)
        gone += names([probe])
        fails(opened, probe.token, failures=100)
        opened.retry(probe, clock.now(), note("unavailable"), counts=False, hold=BREAKER)
    assert gone == ["a", "b", "c", "a", "b"]
    clock.advance(30)
    probe = claim_one(opened)
    opened.ack(probe, endpoints=[HOST])
    assert [*names([probe]), *drain(opened, BREAKER)] == ["c", "a", "b"]


def test_a_failure_says_how_often_the_endpoint_has_answered_after_failures(queue):
    def answers():
        return queue.record_failure(HOST, failures=9, open_seconds=30, token="t", reason="x").answer_count

    assert answers() == 0
    queue.enqueue_many([task(name) for name in "abc"])
    first, second, third = queue.claim(3).tasks
    queue.ack(first, endpoints=[HOST])
    queue.ack(second, endpoints=[HOST])  # no failure since the first
    assert answers() == 1
    queue.ack(third)
    assert answers() == 1

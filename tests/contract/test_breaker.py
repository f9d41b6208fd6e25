"""The hold of an endpoint: opens after failures, lets one probe through, closes on success."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncqueue.queue.calls import Enqueued
from tests.contract.drive import LEASE_SECONDS, PROBE_SECONDS, claim_one, names, note, task
from tests.contract.test_holds import admit, drain, park

HOST = "api.example.org:443"
BREAKER = f"breaker:{HOST}"
RATE = "rate:destination:1"


def strike(queue, token, failures=3):
    return queue.strike(HOST, failures=failures, open_seconds=30, token=token, reason="refused over IPv4")


@pytest.fixture
def opened(queue):
    """The queue with the breaker open and three tasks parked behind it."""
    for token in "abc":
        strike(queue, token)
    park(queue, BREAKER, "abc")
    return queue


def test_the_breaker_opens_after_so_many_failures(queue, clock):
    assert [strike(queue, token) for token in ("t1", "t2")] == [False, False]
    assert queue.stats().breaker == "closed"
    assert strike(queue, "t3")
    assert queue.stats().breaker == "open"
    [hold] = queue.holds()
    assert (hold.kind, hold.subject, hold.reason) == ("breaker", HOST, "refused over IPv4")
    assert hold.until_at == clock.now() + timedelta(seconds=30)


def test_one_attempt_strikes_once(queue):
    assert [strike(queue, "t1") for _ in range(5)] == [False] * 5


def test_a_success_between_failures_starts_the_count_again(queue):
    strike(queue, "t1")
    strike(queue, "t2")
    queue.lift(BREAKER)
    assert [strike(queue, token) for token in ("t3", "t4")] == [False, False]
    assert strike(queue, "t5")


def test_endpoints_are_counted_apart(queue):
    for token in ("t1", "t2"):
        strike(queue, token)
        queue.strike("other:443", failures=3, open_seconds=30, token=token, reason="x")
    assert queue.holds() == []


def test_an_open_breaker_parks_and_hands_out_nothing(opened):
    assert opened.claim(10).tasks == ()
    assert opened.holds()[0].parked_count == 3
    leased = opened.enqueue_leased([task("web", key="w")], [[BREAKER]], token="web")
    assert [one.where for one in leased.placed] == [Enqueued.PARKED]


def test_half_open_claims_exactly_one_probe_the_oldest(opened, clock):
    clock.advance(30)
    assert opened.stats().breaker == "half-open"
    [probe] = opened.claim(10).tasks
    assert (names([probe]), probe.probe, probe.lane) == (["a"], True, BREAKER)
    assert opened.claim(10).tasks == ()
    assert opened.stats().breaker == "open"
    [admitted] = admit(opened, [probe], BREAKER)
    assert (admitted.admitted, admitted.probe) == (True, True)


def test_half_open_admits_exactly_one_probe(queue, clock):
    for token in "abc":
        strike(queue, token)
    clock.advance(30)
    queue.enqueue_many([task(name) for name in "xyz"])
    answers = admit(queue, queue.claim(10).tasks, BREAKER)
    assert [(one.admitted, one.probe, one.held_by) for one in answers] == [
        (True, True, ""),
        (False, False, BREAKER),
        (False, False, BREAKER),
    ]


def test_half_open_leases_exactly_one_probe_to_the_web(queue, clock):
    for token in "abc":
        strike(queue, token)
    clock.advance(30)
    leased = queue.enqueue_leased([task("x", key="x"), task("y", key="y")], [[BREAKER]] * 2, token="web")
    assert [(one.where, one.probe) for one in leased.placed] == [(Enqueued.LEASED, True), (Enqueued.PARKED, False)]


def test_the_web_does_not_probe_before_an_older_task_that_waits(opened, clock):
    clock.advance(30)
    leased = opened.enqueue_leased(
        [task("x", key="x", created_at=clock.now() + timedelta(days=9999))], [[BREAKER]], token="web"
    )
    assert [(one.where, one.probe) for one in leased.placed] == [(Enqueued.PARKED, False)]
    assert opened.claim(10).tasks[0].probe


def test_a_probe_that_succeeds_closes_the_breaker_and_the_lane_leaves_in_order(opened, clock):
    clock.advance(30)
    probe = claim_one(opened)
    opened.ack(probe)
    assert opened.lift(BREAKER) == 1
    assert opened.stats().breaker == "closed"
    opened.enqueue(task("later", created_at=clock.now() + timedelta(days=9999)))
    assert drain(opened, BREAKER) == ["b", "c", "later"]
    assert opened.holds() == []
    assert [strike(opened, token) for token in ("t1", "t2")] == [False, False]


def test_a_probe_that_fails_opens_the_breaker_again_at_the_first_strike(opened, clock):
    clock.advance(30)
    probe = claim_one(opened)
    assert strike(opened, probe.token, failures=100)
    opened.retry(probe, clock.now(), note("unreachable"), counts=False, hold=BREAKER)
    assert opened.holds()[0].until_at == clock.now() + timedelta(seconds=30)
    assert opened.claim(10).tasks == ()
    clock.advance(30)
    [again] = opened.claim(10).tasks
    assert (names([again]), again.attempt) == (["a"], 1)


def test_a_probe_that_never_reports_lets_another_one_through_after_a_time(opened, clock):
    clock.advance(30)
    first = claim_one(opened)
    clock.advance(PROBE_SECONDS - 1)
    assert opened.claim(10).tasks == ()
    clock.advance(1)
    [second] = opened.claim(10).tasks
    assert (names([first]), names([second]), second.probe) == (["a"], ["b"], True)


def test_a_probe_that_another_hold_takes_leaves_its_turn_to_the_next(opened, clock):
    opened.hold("broken:destination:1", None, "kicked")
    clock.advance(30)
    [first] = opened.claim(10).tasks
    [answer] = admit(opened, [first], BREAKER, "broken:destination:1")
    assert answer.held_by == "broken:destination:1"
    [second] = opened.claim(10).tasks
    assert (names([second]), second.probe) == (["b"], True)
    assert admit(opened, [second], BREAKER)[0].admitted


def test_a_probe_stays_one_while_its_lease_is_extended_and_a_crash_is_counted(opened, clock):
    clock.advance(30)
    probe = claim_one(opened)
    opened.extend([probe])
    assert admit(opened, [probe], BREAKER)[0].probe
    clock.advance(LEASE_SECONDS)
    assert opened.recover_expired().count == 1
    assert opened.get(probe.task.id).progress.crash_count == 1


def test_a_lane_of_a_breaker_and_one_of_a_rate_limit_empty_together(opened, clock):
    opened.hold(RATE, 30, "slow")
    park(opened, RATE, "uvwxyz")
    clock.advance(30)
    probe = next(one for one in opened.claim(10).tasks if one.probe)
    opened.ack(probe)
    opened.lift(BREAKER)
    clock.advance(LEASE_SECONDS)
    opened.recover_expired()
    assert sorted(drain(opened, BREAKER, RATE)) == sorted("bcuvwxyz")


def test_an_open_breaker_says_when_its_probe_is_due(opened, clock):
    assert opened.claim(1).next_at == clock.now() + timedelta(seconds=30)

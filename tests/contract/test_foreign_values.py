"""Values that another version, or a person, has written into a queue: each operation passes them by."""

from __future__ import annotations

import pytest

from syncqueue.core.task import TaskState
from syncqueue.queue.calls import AdmissionRequest
from tests.contract.drive import Backend, Face, claim_one, note, task

ENDPOINT = "host:443"
BREAKER = f"breaker:{ENDPOINT}"
RATE = "rate:destination:1"
MINUTE = "29538000"
JUNK = ("", "junk", "1.5", "1e300", "nan", "[]", "9" * 30)
# Hashes of figures, and fields that the operations below meet.
FIELDS = {
    "counters": (
        "processed", "failed", "retried", "last_processed_at", "last_failed_at", "tick", "turn", f"answers {ENDPOINT}",
        "took 50", "took_ms", "waited 50", "waited_ms", "of another version",
    ),
    "history": (f"{MINUTE} processed", f"{MINUTE} failed", "of another version"),
    "reasons": (RATE, BREAKER, "of another version"),
    "strikes": (ENDPOINT, "of another version"),
    "outages": (
        f"{BREAKER} since", f"{BREAKER} until", f"{BREAKER} delivered", f"{BREAKER} doubtful", "another version's since"
    ),
    "probes": (BREAKER, "of another version"),
    "lanes": ("of another version",),
}  # fmt: skip


def live_a_day(queue: Face, backend: Backend) -> None:
    """Every operation of a queue, in the order of a day with a rate limit, an outage and a killed worker."""
    clock = backend.clock
    queue.enqueue_many([task(name, key=name) for name in "abcdef"])
    a, b, c = queue.claim(3).tasks
    queue.extend([a, b, c])
    queue.ack(a, seconds=[0.01], endpoints=[ENDPOINT])
    queue.hold(RATE, 10, "slow")
    queue.retry(b, clock.now(), note(), hold=RATE)
    queue.fail(c, note("failure"), endpoint=ENDPOINT)
    d, e, f = queue.claim(5).tasks
    queue.record_failure(ENDPOINT, failures=1, open_seconds=1, token="d", reason="no route")
    queue.retry(d, clock.now(), note(), hold=BREAKER, counts=False)
    queue.extend([e])
    queue.release(f)
    clock.advance(61)
    queue.recover_expired()
    probe = queue.claim(10).tasks
    queue.admit([AdmissionRequest(claimed=one, holds=[BREAKER, RATE]) for one in probe])
    queue.ack(*probe, seconds=[0.01] * len(probe), endpoints=[ENDPOINT] * len(probe))
    clock.advance(61)
    for _ in range(3):
        queue.recover_expired()
        queue.ack(*queue.claim(10).tasks)
    queue.retry_failed()
    queue.ack(claim_one(queue))
    queue.trim(1)


def look_at_all(queue: Face) -> None:
    """Everything that is read for pages and figures."""
    queue.stats()
    queue.measures()
    queue.holds()
    queue.history(60)
    for state in TaskState:
        queue.page(state)


@pytest.fixture
def queue(backend: Backend) -> Face:
    """A queue whose scripts are sent once: the invariants are asked at the end."""
    return backend.queue().without_echo()


@pytest.mark.parametrize("junk", JUNK)
def test_no_value_of_a_figure_stops_the_queue(queue: Face, backend: Backend, junk: str) -> None:
    for key, fields in FIELDS.items():
        backend.raw.hset(queue.calls.keys[key], mapping=dict.fromkeys(fields, junk))
    look_at_all(queue)
    live_a_day(queue, backend)
    look_at_all(queue)
    stats = queue.stats()
    assert (stats.pending_count, stats.processing_count, stats.delayed_count, stats.failed_count) == (0, 0, 0, 0)


@pytest.mark.parametrize("member", ["junk", "junk ", f"{RATE} junk", f"{RATE} x 1", " ", "zzz"])
def test_no_member_of_a_lane_or_of_the_holds_stops_the_queue(queue: Face, backend: Backend, member: str) -> None:
    for key in ("parked", "holds"):
        backend.raw.zadd(queue.calls.keys[key], {member: 0, f"a{member}": 1})
    look_at_all(queue)
    live_a_day(queue, backend)
    look_at_all(queue)
    stats = queue.stats()
    assert (stats.pending_count, stats.processing_count, stats.delayed_count, stats.failed_count) == (0, 0, 0, 0)


@pytest.mark.parametrize("junk", JUNK)
def test_a_lease_and_a_successor_of_another_form_come_back_like_others(
    queue: Face, backend: Backend, junk: str
) -> None:
    queue.enqueue_many([task(name, key=name) for name in "ab"])
    first, second = queue.claim(2).tasks
    backend.raw.hset(queue.calls.keys["leases"], first.task.id, junk)
    backend.raw.hset(queue.calls.keys["behind"], second.task.id, junk)
    backend.raw.hset(queue.calls.keys["progress"], second.task.id, junk)
    backend.clock.advance(61)
    assert queue.recover_expired().count == 2
    queue.claim(5)
    look_at_all(queue)

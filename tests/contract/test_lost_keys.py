"""One key of the queue is lost, as by a DEL: nothing is lost with it, and nothing is worked on twice at once.

The database is played by `Site`: it knows what still has to go out. Whatever key is gone, the reconciler's round (what
is absent is enqueued again) and a new save both bring everything out. Only dead letters need the save.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from syncqueue.core.task import ClaimedTask, SyncTask, TaskState
from syncqueue.queue.calls import AdmissionRequest, Enqueued, Presence
from syncqueue.queue.keys import ORDER
from tests.contract.drive import LEASE_SECONDS, claim_one, note, task
from tests.contract.invariants import assert_each_task_in_one_place

RATE = "rate:destination:1"
ROUND_SECONDS = 15


@dataclass
class Site:
    """What a site's database knows, and who is at work right now."""

    queue: Any
    clock: Any
    wanted: dict[str, str] = field(default_factory=dict)  # key -> what still has to go out
    working: dict[str, ClaimedTask] = field(default_factory=dict)  # attempts under way, by id
    leased_until: dict[str, float] = field(default_factory=dict)

    def make(self, key: str, content: str, **fields: Any) -> SyncTask:
        self.wanted[key] = content
        return task(content, key=key, created_at=self.clock.now(), **fields)

    def begin(self, claimed: ClaimedTask) -> None:
        id_, now = claimed.task.id, self.clock.now().timestamp()
        assert self.leased_until.get(id_, 0) <= now, f"{id_} is worked on twice at once"
        self.working[id_], self.leased_until[id_] = claimed, now + LEASE_SECONDS

    def end(self, claimed: ClaimedTask) -> None:
        key, content = claimed.task.key or "", claimed.task.payload["name"]
        if self.wanted.get(key) == content:
            del self.wanted[key]
        self.queue.ack(claimed)
        self.leased_until.pop(claimed.task.id, None)
        self.working.pop(claimed.task.id, None)

    def reconcile(self) -> None:
        waiting = {f"key:{key}": key for key in self.wanted}
        places = self.queue.presence(list(waiting))
        for key, place in zip(waiting.values(), places, strict=True):
            if place is Presence.ABSENT:
                self.queue.enqueue(self.make(key, self.wanted[key]))

    def save(self, key: str) -> None:
        sent = self.make(key, f"{key}, saved again")
        [placed] = self.queue.enqueue_leased([sent], [[RATE]], token=f"web-{key}").placed
        if placed is Enqueued.LEASED:
            claimed = ClaimedTask(task=sent, token=f"web-{key}", progress=self.queue.get(sent.id).progress)
            self.begin(claimed)
            self.end(claimed)

    def work(self) -> None:
        """A worker's round: recover, claim, ask the holds, deliver."""
        self.queue.recover_expired()
        while claimed := self.queue.claim(2).tasks:
            answers = self.queue.admit([AdmissionRequest(claimed=one, holds=[RATE]) for one in claimed])
            for one, answer in zip(claimed, answers, strict=True):
                if answer.admitted:
                    self.begin(one)
                    self.end(one)


@pytest.fixture
def site(queue, clock):
    """A task in every state, and an attempt under way with newer content behind it."""
    queue = queue.without_echo()
    found = Site(queue, clock)
    for state in ("busy", "failed", "parked"):
        queue.enqueue(found.make(state, state))
        claimed = claim_one(queue)
        if state == "busy":
            queue.extend([claimed])
            found.begin(claimed)
        elif state == "failed":
            queue.fail(claimed, note("failure"))
        else:
            queue.hold(RATE, 40, "slow")
            queue.retry(claimed, clock.now(), note("rate_limited"), counts=False, hold=RATE)
    queue.enqueue(found.make("busy", "busy, newer"))
    queue.record_failure("host:443", failures=5, open_seconds=30, token="t", reason="away")
    queue.enqueue(found.make("delayed", "delayed", run_at=clock.now() + timedelta(seconds=20)))
    queue.enqueue_many([found.make("pending", "pending"), found.make("other", "other")])
    return found


def let_time_pass(site: Site, heal: Callable[[], None]) -> None:
    for _ in range(10):
        heal()
        site.work()
        site.clock.advance(ROUND_SECONDS)


@pytest.mark.parametrize("ends", [True, False], ids=["owner-ends", "owner-died"])
@pytest.mark.parametrize("key", ORDER)
def test_the_reconciler_heals_the_loss_of_a_key(site, raw, key, ends):
    raw.delete(site.queue.calls.keys[key])
    site.work()
    site.reconcile()
    if ends:
        for claimed in list(site.working.values()):
            site.end(claimed)
    let_time_pass(site, site.reconcile)
    assert set(site.wanted) <= {"failed"}
    if key not in ("failed", "bodies"):
        assert site.queue.get("key:failed").state is TaskState.FAILED
    assert_nothing_is_left(site, raw)


@pytest.mark.parametrize("ends", [True, False], ids=["owner-ends", "owner-died"])
@pytest.mark.parametrize("key", ORDER)
def test_a_new_save_heals_the_loss_of_a_key(site, raw, key, ends):
    raw.delete(site.queue.calls.keys[key])
    for name in ("busy", "failed", "parked", "delayed", "pending", "other"):
        site.save(name)
    if ends:
        for claimed in list(site.working.values()):
            site.end(claimed)
    let_time_pass(site, lambda: None)
    if key == "behind":  # the database knows of it
        let_time_pass(site, site.reconcile)
    assert site.wanted == {}
    assert_nothing_is_left(site, raw)


def assert_nothing_is_left(site: Site, raw: Any) -> None:
    stats = site.queue.stats()
    assert (stats.pending_count, stats.delayed_count, stats.processing_count) == (0, 0, 0)
    site.queue.clear([TaskState.FAILED])
    left = assert_each_task_in_one_place(raw, site.queue.calls.keys)
    assert not left.get(site.queue.calls.keys["bodies"])


def test_what_waited_in_a_lost_pending_set_is_absent_and_enqueued_again(queue, raw):
    queue = queue.without_echo()
    sent = task("waits", key="record-1")
    queue.enqueue(sent)
    raw.delete(queue.calls.keys["queue"])
    assert queue.presence([sent.id]) == [Presence.ABSENT]
    assert queue.get(sent.id) is None
    assert queue.enqueue(replace(sent)) is Enqueued.NEW
    assert claim_one(queue).task.id == sent.id


def test_a_task_whose_place_was_lost_begins_with_fresh_attempts(queue, raw, clock):
    queue = queue.without_echo()
    sent = task("waits", key="record-1")
    queue.enqueue(sent)
    queue.retry(claim_one(queue), clock.now() + timedelta(hours=1), note())
    raw.delete(queue.calls.keys["delayed"])
    queue.enqueue(sent)
    assert claim_one(queue).attempt == 1

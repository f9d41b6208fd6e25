"""The queue against a plain model: whatever is done to it, in whatever order, nothing is lost and nothing is doubled.

After every step the invariants hold and the script sent again changes nothing (drive.py). At the end the outages are
over, and everything that waits must come out, once, with its newest content.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from syncqueue.core.errors import LeaseLost, TaskInProcessing
from syncqueue.core.task import ClaimedTask, TaskState
from syncqueue.queue.calls import AdmissionRequest, Enqueued, Presence
from tests.contract.drive import LEASE_SECONDS, Backend, Face, note, probes, task

ENDPOINT = "host:443"
BREAKER = f"breaker:{ENDPOINT}"
RATES = ("rate:destination:0", "rate:destination:1")
HOLDS = (BREAKER, *RATES, "pause")
KEYS = st.sampled_from([None, "a", "b", "c", "d", "e", "f"])
SECONDS = st.sampled_from([0, 0, 0, 1, 30, 90])
PICKS = st.integers(0, 10**6)


@dataclass
class Entry:
    """What the model knows of a live task."""

    name: str  # the newest content
    behind: str | None = None
    state: str = "waiting"  # "processing" or "failed"
    token: str = ""
    lease_end: float = 0.0

    def give_back(self, state: str = "waiting") -> None:
        """Out of processing: what waits behind takes its place."""
        if self.behind is not None:
            self.name, self.behind, state = self.behind, None, "waiting"
        self.state, self.token = state, ""


def holds_of(task_id: str) -> tuple[str, ...]:
    """The holds that apply to a task: the endpoint's breaker and its destination's rate limit."""
    return (BREAKER, RATES[crc32(task_id.encode()) % 2])


class QueueMachine(RuleBasedStateMachine):
    """Random moves of web, workers, people and time."""

    kind = ""
    url: Any = None

    @initialize()
    def begin(self) -> None:
        self.backend = Backend(self.kind, self.url() if self.url else "")
        # Two workers, and the web and people between them: each move is made by one of them.
        self.queues: tuple[Face, ...] = (self.backend.queue(), self.backend.queue())
        self.live: dict[str, Entry] = {}
        self.claims: list[ClaimedTask] = []  # also those whose lease is lost
        self.numbers = count()
        self.turns = count()

    @property
    def queue(self) -> Face:
        """Each time the other one: a lease counts by its token, not by who brings it."""
        return self.queues[next(self.turns) % len(self.queues)]

    def _pick(self, number: int) -> ClaimedTask | None:
        return self.claims[number % len(self.claims)] if self.claims else None

    def _held(self, claimed: ClaimedTask) -> Entry | None:
        entry = self.live.get(claimed.task.id)
        return entry if entry is not None and entry.token == claimed.token else None

    def _now(self) -> float:
        return self.backend.clock.now().timestamp()

    def _arrive(self, task_id: str, name: str) -> Entry:
        entry = self.live.get(task_id)
        if entry is None:
            self.live[task_id] = entry = Entry(name)
        elif entry.state == "processing":
            entry.behind = name
        else:
            entry.name, entry.state = name, "waiting"
        return entry

    @rule(key=KEYS, priority=st.sampled_from(["high", "normal", "low"]), seconds=SECONDS)
    def enqueue(self, key, priority, seconds):
        name = str(next(self.numbers))
        due = self.backend.clock.now() + timedelta(seconds=seconds) if seconds else None
        sent = task(name, key=key, priority=priority, run_at=due, created_at=self.backend.clock.now())
        self.queue.enqueue(sent)
        self._arrive(sent.id, name)

    @rule(key=KEYS.filter(bool))
    def save(self, key):
        name = str(next(self.numbers))
        sent = task(name, key=key, created_at=self.backend.clock.now())
        token = f"web-{name}"
        [placed] = self.queue.enqueue_leased([sent], [holds_of(sent.id)], token=token).placed
        entry = self._arrive(sent.id, name)
        if placed is Enqueued.LEASED:
            entry.state, entry.token, entry.lease_end = "processing", token, self._now() + LEASE_SECONDS
            self.claims.append(ClaimedTask(task=sent, token=token, progress=self._progress(sent.id)))

    def _progress(self, task_id: str) -> Any:
        return self.queue.get(task_id).progress

    @rule(limit=st.integers(1, 4))
    def claim(self, limit):
        self._take(limit)

    def _take(self, limit: int) -> list[ClaimedTask]:
        found = self.queue.claim(limit)
        assert not found.unreadable and len(found.tasks) <= limit
        for claimed in found.tasks:
            entry = self.live[claimed.task.id]
            assert (entry.state, entry.name) == ("waiting", claimed.task.payload["name"])
            entry.state, entry.token, entry.lease_end = "processing", claimed.token, self._now() + LEASE_SECONDS
        self.claims += found.tasks
        return list(found.tasks)

    @rule(number=PICKS)
    def admit(self, number):
        if claimed := self._pick(number):
            self._admit(claimed)

    def _admit(self, claimed: ClaimedTask) -> bool:
        entry = self._held(claimed)
        [answer] = self.queue.admit([AdmissionRequest(claimed=claimed, holds=holds_of(claimed.task.id))])
        if entry is None:
            assert (answer.admitted, answer.held_by) == (False, "")
        elif not answer.admitted:
            assert answer.held_by in HOLDS
            entry.give_back()
        return bool(answer.admitted)

    @rule(number=PICKS)
    def extend(self, number):
        if claimed := self._pick(number):
            entry = self._held(claimed)
            assert self.queue.extend([claimed]) == [entry is not None]
            if entry:
                entry.lease_end = self._now() + LEASE_SECONDS

    @rule(number=PICKS, answered=st.booleans())
    def ack(self, number, answered):
        if claimed := self._pick(number):
            self._ack(claimed, answered=answered)

    def _ack(self, claimed: ClaimedTask, *, answered: bool) -> None:
        entry = self._held(claimed)
        was_probe = claimed.task.id in probes(self.queue).values()
        assert self.queue.ack(claimed, endpoints=[ENDPOINT if answered else ""]) == [entry is not None]
        if entry and answered:
            assert self.queue.stats().breaker == "closed"
        elif entry and was_probe:
            assert probes(self.queue) == {}  # given back
        if entry and entry.behind is None:
            del self.live[claimed.task.id]
        elif entry:
            entry.give_back()

    @rule(number=PICKS, seconds=SECONDS, parked=st.booleans(), endpoint=st.sampled_from(["", ENDPOINT]))
    def retry(self, number, seconds, parked, endpoint):
        if claimed := self._pick(number):
            due = self.backend.clock.now() + timedelta(seconds=seconds)
            hold = holds_of(claimed.task.id)[number % 2] if parked else ""
            move = lambda: self.queue.retry(claimed, due, note(), hold=hold, endpoint=endpoint)  # noqa: E731
            self._finish(claimed, move, "waiting")

    @rule(number=PICKS, endpoint=st.sampled_from(["", ENDPOINT]))
    def fail(self, number, endpoint):
        if claimed := self._pick(number):
            self._finish(claimed, lambda: self.queue.fail(claimed, note("failure"), endpoint=endpoint), "failed")

    def _finish(self, claimed: ClaimedTask, move: Any, state: str) -> None:
        entry = self._held(claimed)
        if entry is None:
            with pytest.raises(LeaseLost):
                move()
        else:
            move()
            entry.give_back(state)

    @rule(number=PICKS)
    def release(self, number):
        if claimed := self._pick(number):
            entry = self._held(claimed)
            assert self.queue.release(claimed) == [entry is not None]
            if entry:
                entry.give_back()

    @rule(seconds=st.sampled_from([1, 20, 61]))
    def time_passes(self, seconds):
        self.backend.clock.advance(seconds)

    @rule()
    def recover(self):
        expired = {
            id_
            for id_, entry in self.live.items()
            if entry.state == "processing" and round(entry.lease_end * 1000) <= self.backend.clock.now_ms()
        }
        answer = self.queue.recover_expired()
        assert answer.count == len(expired) and set(answer.failed_ids) <= expired
        for id_ in expired:
            self.live[id_].give_back("failed" if id_ in answer.failed_ids else "waiting")

    @rule()
    def promote(self):
        self.queue.promote_due()

    @rule(number=PICKS)
    def run_now(self, number):
        if self.live:
            self.queue.run_now([sorted(self.live)[number % len(self.live)]])

    @rule()
    def retry_failed(self):
        failed = [entry for entry in self.live.values() if entry.state == "failed"]
        assert self.queue.retry_failed() == len(failed)
        for entry in failed:
            entry.state = "waiting"

    @rule(number=PICKS)
    def delete(self, number):
        if self.live:
            id_ = sorted(self.live)[number % len(self.live)]
            if self.live[id_].state == "processing":
                with pytest.raises(TaskInProcessing):
                    self.queue.delete(id_)
            else:
                assert self.queue.delete(id_)
                del self.live[id_]

    @rule(state=st.sampled_from([TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED]))
    def clear(self, state):
        gone = {one.id for one in self.queue.tasks(state, limit=1000)}
        assert gone <= {id_ for id_, entry in self.live.items() if entry.state != "processing"}
        assert self.queue.clear([state])[state] == len(gone)
        for id_ in gone:
            del self.live[id_]

    @rule(name=st.sampled_from(HOLDS), seconds=st.sampled_from([5, 30, None]), forced=st.booleans())
    def hold(self, name, seconds, forced):
        self.queue.hold(name, seconds, "a reason", forced=forced)

    @rule(name=st.sampled_from(HOLDS))
    def park(self, name):
        self.queue.park(name, [view.task for view in self.queue.tasks(TaskState.PENDING, limit=2)])

    @rule(name=st.sampled_from(HOLDS))
    def lift(self, name):
        self.queue.lift(name)

    @rule(token=st.sampled_from("xyz"))
    def strike(self, token):
        self.queue.record_failure("host:443", failures=2, open_seconds=10, token=token, reason="away")

    @rule(key=st.sampled_from(["holds", "strikes", "probes", "counters", "reasons", "outages", "wake"]))
    def lose_a_key(self, key):
        """A key that says nothing about where tasks are is lost, and what it said is healed."""
        raw, keys = self.backend.raw, self.queues[0].calls.keys
        raw.delete(keys[key])
        if key == "holds":
            raw.delete(keys["reasons"], keys["probes"])
        self.recover()

    @invariant()
    def figures_agree(self):
        if not hasattr(self, "live"):
            return
        stats = self.queue.stats()
        states = [entry.state for entry in self.live.values()]
        assert stats.pending_count + stats.delayed_count == states.count("waiting")
        assert (stats.processing_count, stats.failed_count) == (states.count("processing"), states.count("failed"))
        known = {id_: Presence.FAILED if e.state == "failed" else Presence.LIVE for id_, e in self.live.items()}
        assert self.queue.presence(list(known)) == list(known.values())

    def teardown(self):
        if not hasattr(self, "live"):
            return
        try:
            self._everything_comes_out()
        finally:
            self.backend.close()

    def _everything_comes_out(self) -> None:
        for hold in self.queue.holds():
            if hold.until_at is None:
                self.queue.lift(hold.name)
        self.backend.clock.advance(3600)
        self.recover()
        for _ in range(10 + 4 * len(self.live)):
            for claimed in self._take(2):
                if self._admit(claimed):
                    self._ack(claimed, answered=True)
        assert {entry.state for entry in self.live.values()} <= {"failed"}
        self.queue.clear([TaskState.FAILED])
        stats = self.queue.stats()
        assert stats.pending_count + stats.delayed_count + stats.processing_count + stats.failed_count == 0


@pytest.mark.parametrize("kind", ["fakeredis-sync", "valkey-sync", "valkey-async"])
def test_nothing_is_lost_or_doubled_whatever_happens(kind, redis_server):
    machine = type("Machine", (QueueMachine,), {"kind": kind, "url": staticmethod(redis_server.fresh_url)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=6 if kind == "fakeredis-sync" else 15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

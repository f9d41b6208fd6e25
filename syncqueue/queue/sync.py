"""The queue of one service for synchronous code: web processes, commands, and anybody's own tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import redis

from syncqueue import signals
from syncqueue.core.errors import ForeignQueue
from syncqueue.core.task import AttemptNote, ClaimedTask, QueueStats, SyncTask, TaskState, TaskView
from syncqueue.queue import pages, steps
from syncqueue.queue.calls import (
    Admission,
    AdmissionRequest,
    Call,
    Calls,
    Claim,
    EndpointFailure,
    Enqueued,
    Leased,
    Measures,
    Presence,
    Recovered,
    Restored,
)
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.inspect import HoldView, Outage, PeriodCount
from syncqueue.queue.keys import WEEK_MINUTES
from syncqueue.queue.pages import TaskPage

T = TypeVar("T")
DAY_MINUTES = 24 * 60


class SyncQueue:
    """One service's queue. Thin: what the operations do stands in steps.py, calls.py and scripts/.

    All methods raise `QueueUnavailable` when Redis does not answer. Times come from Redis.
    """

    def __init__(self, client: redis.Redis, calls: Calls, *, lease_seconds: float, probe_seconds: float) -> None:
        """See `syncqueue.queue.open_queue`, which makes one from the settings."""
        self.client = client
        self.calls = calls
        self.service = calls.keys.service
        self._lease_seconds = lease_seconds
        self._probe_seconds = probe_seconds

    def _send(self, call: Call[T]) -> T:
        script, keys = call.script, call.keys
        try:
            with redis_errors(self.service):
                try:
                    answer = self.client.evalsha(script.sha, len(keys), *keys, *call.args)
                except redis.exceptions.NoScriptError:
                    answer = self.client.eval(script.text, len(keys), *keys, *call.args)
        except ForeignQueue as error:
            raise foreign_queue(self.calls, str(error)) from error
        return call.read(answer)

    def run(self, operation: steps.Steps[T]) -> T:
        """Drive an operation of steps.py to its end."""
        try:
            call = next(operation)
            while True:
                call = operation.send(self._send(call))
        except StopIteration as end:
            result: T = end.value
            return result

    def _announce(self, tasks: Iterable[SyncTask]) -> None:
        if not signals.task_enqueued.receivers:
            return
        for task in tasks:  # what a receiver raises is logged by Django
            signals.task_enqueued.send_robust(None, service=self.service, task=task)

    def enqueue(self, task: SyncTask) -> Enqueued:
        """Put a task into pending, or into delayed until its `run_at`. Raises `InvalidTask` and `QueueFull`."""
        answer = self._send(self.calls.enqueue([task]))[0]
        self._announce([task])
        return answer

    def enqueue_many(self, tasks: Iterable[SyncTask]) -> list[Enqueued]:
        """Enqueue any number of tasks, in chunks."""
        given = list(tasks) if signals.task_enqueued.receivers else tasks
        answers = self.run(steps.enqueue_many(self.calls, given))
        self._announce(given)
        return answers

    def enqueue_leased(self, tasks: Sequence[SyncTask], holds: Sequence[Sequence[str]], *, token: str) -> Leased:
        """Put keyed tasks into processing under a lease of the caller, where no hold of theirs stands against it."""
        leased = self._send(
            self.calls.enqueue_leased(
                tasks,
                holds,
                token=token,
                lease_seconds=self._lease_seconds,
                probe_seconds=self._probe_seconds,
            )
        )
        self._announce(tasks)
        return leased

    def claim(self, limit: int = 1) -> Claim:
        """Lease up to `limit` tasks, at most 1000; unreadable ones go to the dead letters."""
        return self.run(
            steps.claim(self.calls, limit, lease_seconds=self._lease_seconds, probe_seconds=self._probe_seconds)
        )

    def extend(self, claimed: Sequence[ClaimedTask]) -> list[bool]:
        """Renew leases and mark the work as begun; returns for each whether it was still held."""
        return self._send(self.calls.extend([(one.task.id, one.token) for one in claimed], self._lease_seconds))

    def admit(self, requests: Sequence[AdmissionRequest]) -> list[Admission]:
        """Ask for claimed tasks whether a hold applies; those are parked."""
        return self._send(self.calls.admit(requests, probe_seconds=self._probe_seconds))

    def park(self, hold: str, tasks: Sequence[SyncTask]) -> int:
        """Park those of these tasks that are pending behind a hold; returns how many."""
        return self._send(self.calls.park(hold, tasks))

    def ack(self, *claimed: ClaimedTask, seconds: Sequence[float] = (), endpoints: Sequence[str] = ()) -> list[bool]:
        """End tasks that are done. Returns for each whether its lease was still valid.

        `seconds`: how long the attempt at each took, for the metrics. `endpoints`: which endpoint answered each, or "";
        an answer closes the endpoint's breaker.
        """
        return self.run(steps.ack(self.calls, claimed, seconds, endpoints))

    def retry(
        self,
        claimed: ClaimedTask,
        due: datetime | timedelta,
        note: AttemptNote,
        *,
        counts: bool = True,
        hold: str = "",
        endpoint: str = "",
        answer_count: int | None = None,
    ) -> None:
        """Set a task aside until `due` (a timedelta: from now), or park it behind `hold`. Raises `LeaseLost`.

        `endpoint`: the one that answered the attempt, if any did. `answer_count`: after a failure of the endpoint, what
        `record_failure` returned.
        """
        progress = claimed.progress.after(note, counts=counts, answer_count=answer_count)
        self.run(steps.must_hold(self.calls.retry(claimed, due, progress, hold, note.seconds, endpoint), claimed))

    def fail(self, claimed: ClaimedTask, note: AttemptNote, *, endpoint: str = "") -> None:
        """Move a task to the dead letters. `endpoint`: as in `retry`. Raises `LeaseLost`."""
        progress = claimed.progress.after(note, counts=True)
        call = self.calls.fail(claimed, progress, note.seconds, endpoint)
        self.run(steps.must_hold(call, claimed))

    def release(self, *claimed: ClaimedTask) -> list[bool]:
        """Give tasks back untried; returns for each whether it was still held."""
        return self._send(self.calls.release(claimed))

    def promote_due(self) -> int:
        """Move everything that is due to pending; returns how many."""
        return self.run(steps.promote_due(self.calls))

    def run_now(self, ids: Sequence[str]) -> int:
        """Move these delayed tasks to pending; returns how many."""
        return self._send(self.calls.promote(len(ids), ids)) if ids else 0

    def recover_expired(self, limit: int = 500) -> Recovered:
        """Take back at most `limit` tasks whose lease ran out."""
        return self._send(self.calls.recover(limit, lease_seconds=self._lease_seconds))

    def requeue(self, ids: Sequence[str]) -> int:
        """Bring these dead letters back to pending; returns how many."""
        return self.run(steps.requeue(self.calls, ids))

    def retry_failed(self) -> int:
        """Bring all dead letters back to pending; returns how many."""
        return self.run(steps.retry_failed(self.calls))

    def clear(self, states: Sequence[TaskState] = steps.CLEARABLE) -> dict[TaskState, int]:
        """Remove all tasks in the states; returns how many of each. Raises `TaskInProcessing`."""
        return self.run(steps.clear(self.calls, states))

    def remove(self, state: TaskState, ids: Sequence[str]) -> list[bool]:
        """Remove these tasks (at most a chunk) if they are in `state`."""
        return self._send(self.calls.remove(state, ids))

    def discard(self, state: TaskState, ids: Sequence[str], clearing: int) -> list[bool]:
        """Remove these tasks (at most a chunk) if they are in `state`; `restore` can bring them back for a week."""
        return self._send(self.calls.remove(state, ids, clearing))

    def restore(self, clearing: int, limit: int, state: TaskState = TaskState.PENDING) -> Restored:
        """Bring back up to `limit` tasks that `discard` took out, to pending or failed."""
        return self._send(self.calls.restore(clearing, limit, state))

    def delete(self, task_id: str) -> bool:
        """Remove one task; False when there is none. Raises `TaskInProcessing`."""
        return self.run(steps.delete(self.calls, task_id))

    def hold(self, name: str, seconds: float | None, reason: str, *, forced: bool = False) -> None:
        """Set a hold for so many seconds, or until it is lifted."""
        self._send(self.calls.hold(name, seconds, reason, forced=forced))

    def lift(self, *names: str) -> int:
        """Lift holds; returns how many were set."""
        return self._send(self.calls.lift(names))

    def record_failure(
        self, endpoint: str, *, failures: int, open_seconds: float, token: str, reason: str
    ) -> EndpointFailure:
        """Count a failure of an endpoint. Returns whether its breaker is open now.

        `failures` in a row open it; `token` names the attempt, which counts once.
        """
        return self._send(
            self.calls.record_failure(
                endpoint, failures=failures, open_seconds=open_seconds, token=token, reason=reason
            )
        )

    def presence(self, ids: Sequence[str]) -> list[Presence]:
        """Ask where tasks are."""
        return self._send(self.calls.presence(ids))

    def stats(self) -> QueueStats:
        """All figures at one moment."""
        return self._send(self.calls.stats())

    def measures(self) -> Measures:
        """All figures at one moment, with those that only the metrics show."""
        return self._send(self.calls.measures())

    def holds(self) -> list[HoldView]:
        """The holds that are set."""
        found = self._send(self.calls.holds())
        return list(found.values)

    def outages(self) -> list[Outage]:
        """The last outage of each endpoint."""
        found = self._send(self.calls.outages())
        return list(found.values)

    def unreadable_count(self) -> int:
        """How many holds, outages and counters cannot be read; they are left out everywhere."""
        readable = (self._send(self.calls.holds()), self._send(self.calls.outages()), self.measures())
        return sum(one.unreadable_count for one in readable)

    def history(self, count: int = 60, minutes: int = 1) -> list[PeriodCount]:
        """What was processed, retried and failed in the last periods of so many minutes (at most 60), oldest first."""
        wanted, most = min(count, WEEK_MINUTES // minutes), max(1, DAY_MINUTES // minutes)
        found: list[PeriodCount] = []
        for before in range(0, wanted, most):  # a day at a time: a week at once would hold Redis up
            found = self._send(self.calls.history(min(most, wanted - before), minutes, before=before)) + found
        return found

    def ids(self, state: TaskState, limit: int) -> list[str]:
        """The ids of the first tasks of a state, oldest first."""
        return self._send(self.calls.ids(state, limit))

    def tasks(self, state: TaskState, *, start: int = 0, limit: int = 50) -> list[TaskView]:
        """A page of a state, oldest first."""
        return self._send(self.calls.page(state, start, limit))

    def page(
        self, state: TaskState, *, cursor: str = "", search: str = "", limit: int = 50, start: int = 0
    ) -> TaskPage:
        """A page of a state after a cursor, or from rank `start` on, oldest first. Raises `InvalidCursor`."""
        at = pages.read_cursor(cursor, state) if cursor else pages.Cursor(state=state, rank=start)
        return self.run(pages.page(self.calls, at, limit=limit, search=search))

    def get(self, task_id: str) -> TaskView | None:
        """One task, wherever it is, or None."""
        return self._send(self.calls.find(task_id))

    def adopt(self) -> None:
        """Stamp this queue as this database's own."""
        with redis_errors(self.service):
            self.client.set(self.calls.keys["site"], self.calls.site_id)

    def trim(self, days: float) -> int:
        """Remove dead letters older than so many days; returns how many."""
        return self.run(steps.trim(self.calls, days))


def foreign_queue(calls: Calls, stamp: str) -> ForeignQueue:
    """The error for a queue of another database, with what to do."""
    prefix = calls.keys.all[0].partition(":{")[0]
    return ForeignQueue(
        f"The queue of {calls.keys.service!r} in this Redis belongs to another database (site {stamp}; this database "
        f"is site {calls.site_id}). Give each site its own SYNCQUEUE['KEY_PREFIX'] (now {prefix!r}) or its own Redis "
        f"database; if this database is meant to take the queue over, run: manage.py syncqueue adopt-queue"
    )

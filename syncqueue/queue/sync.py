"""The queue of one service for synchronous code: web processes, commands, and a site's own code."""

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
    """One service's queue. The operations are implemented in steps.py, calls.py and scripts/; this class sends them.

    All methods raise `QueueUnavailable` if Redis cannot be reached. Times come from Redis.
    """

    def __init__(self, client: redis.Redis, calls: Calls, *, lease_seconds: float, probe_seconds: float) -> None:
        """Called by `syncqueue.queue.make_queue`, which reads the settings."""
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
        """Run an operation of steps.py and return its result."""
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
        for task in tasks:  # Django logs what a receiver raises
            signals.task_enqueued.send_robust(None, service=self.service, task=task)

    def enqueue(self, task: SyncTask) -> Enqueued:
        """Put a task into pending, or into delayed until its `run_at`. Raises `InvalidTask` and `QueueFull`."""
        answer = self._send(self.calls.enqueue([task]))[0]
        self._announce([task])
        return answer

    def enqueue_many(self, tasks: Iterable[SyncTask]) -> list[Enqueued]:
        """Enqueue any number of tasks, in chunks; returns for each where it went."""
        given = list(tasks) if signals.task_enqueued.receivers else tasks
        answers = self.run(steps.enqueue_many(self.calls, given))
        self._announce(given)
        return answers

    def enqueue_leased(self, tasks: Sequence[SyncTask], holds: Sequence[Sequence[str]], *, token: str) -> Leased:
        """Put keyed tasks into processing under a lease of the caller, unless one of their `holds` applies."""
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
        """Lease up to `limit` tasks (at most 1000); unreadable ones become dead letters."""
        return self.run(
            steps.claim(self.calls, limit, lease_seconds=self._lease_seconds, probe_seconds=self._probe_seconds)
        )

    def extend(self, claimed: Sequence[ClaimedTask]) -> list[bool]:
        """Renew leases and mark the work as begun; returns for each whether the lease was still valid."""
        return self._send(self.calls.extend([(one.task.id, one.token) for one in claimed], self._lease_seconds))

    def admit(self, requests: Sequence[AdmissionRequest]) -> list[Admission]:
        """Check whether holds apply to claimed tasks; tasks that a hold applies to are parked."""
        return self._send(self.calls.admit(requests, probe_seconds=self._probe_seconds))

    def park(self, hold: str, tasks: Sequence[SyncTask]) -> int:
        """Park the pending ones of these tasks behind a hold; returns how many were parked."""
        return self._send(self.calls.park(hold, tasks))

    def ack(self, *claimed: ClaimedTask, seconds: Sequence[float] = (), endpoints: Sequence[str] = ()) -> list[bool]:
        """Finish tasks as done; returns for each whether its lease was still valid.

        `seconds`: duration of each attempt, for the metrics. `endpoints`: for each the endpoint that responded, or "";
        a response closes the breaker of the endpoint.
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
        """Delay a task until `due` (a timedelta: from now), or park it behind `hold`. Raises `LeaseLost`.

        `endpoint`: the endpoint that responded to the attempt, or "". `answer_count`: after an endpoint failure, the
        `answer_count` that `record_failure` returned.
        """
        progress = claimed.progress.after(note, counts=counts, answer_count=answer_count)
        call = self.calls.retry(claimed, due, progress, hold, note.seconds, endpoint)
        self.run(steps.require_lease(call, claimed))

    def fail(self, claimed: ClaimedTask, note: AttemptNote, *, endpoint: str = "") -> None:
        """Move a task to the dead letters. `endpoint`: as in `retry`. Raises `LeaseLost`."""
        progress = claimed.progress.after(note, counts=True)
        call = self.calls.fail(claimed, progress, note.seconds, endpoint)
        self.run(steps.require_lease(call, claimed))

    def release(self, *claimed: ClaimedTask) -> list[bool]:
        """Return tasks to pending without an attempt; returns for each whether its lease was still valid."""
        return self._send(self.calls.release(claimed))

    def promote_due(self) -> int:
        """Move all due tasks to pending; returns how many."""
        return self.run(steps.promote_due(self.calls))

    def run_now(self, ids: Sequence[str]) -> int:
        """Move these delayed tasks to pending; returns how many were delayed."""
        return self._send(self.calls.promote(len(ids), ids)) if ids else 0

    def recover_expired(self, limit: int = 500) -> Recovered:
        """Recover at most `limit` tasks whose lease has expired."""
        return self._send(self.calls.recover(limit, lease_seconds=self._lease_seconds))

    def requeue(self, ids: Sequence[str]) -> int:
        """Move these dead letters to pending; returns how many."""
        return self.run(steps.requeue(self.calls, ids))

    def retry_failed(self) -> int:
        """Move all dead letters to pending; returns how many."""
        return self.run(steps.retry_failed(self.calls))

    def clear(self, states: Sequence[TaskState] = steps.CLEARABLE) -> dict[TaskState, int]:
        """Remove all tasks in the states; returns the number for each state. Raises `TaskInProcessing`."""
        return self.run(steps.clear(self.calls, states))

    def remove(self, state: TaskState, ids: Sequence[str]) -> list[bool]:
        """Remove these tasks (at most a chunk) if they are in `state`; returns for each whether it was."""
        return self._send(self.calls.remove(state, ids))

    def discard(self, state: TaskState, ids: Sequence[str], clearing: int) -> list[bool]:
        """Like `remove`, but `restore` can bring the tasks back for a week."""
        return self._send(self.calls.remove(state, ids, clearing))

    def restore(self, clearing: int, limit: int, state: TaskState = TaskState.PENDING) -> Restored:
        """Move up to `limit` tasks that `discard` removed back, to pending or failed."""
        return self._send(self.calls.restore(clearing, limit, state))

    def delete(self, task_id: str) -> bool:
        """Remove one task; returns False if there is none. Raises `TaskInProcessing`."""
        return self.run(steps.delete(self.calls, task_id))

    def hold(self, name: str, seconds: float | None, reason: str, *, forced: bool = False) -> None:
        """Set a hold for `seconds`; None: until it is lifted. `forced`: even if it then ends earlier."""
        self._send(self.calls.hold(name, seconds, reason, forced=forced))

    def lift(self, *names: str) -> int:
        """Lift holds; returns how many of them were set."""
        return self._send(self.calls.lift(names))

    def record_failure(
        self, endpoint: str, *, failures: int, open_seconds: float, token: str, reason: str
    ) -> EndpointFailure:
        """Count a failure of an endpoint; returns whether its breaker is open now.

        `failures` in a row open the breaker. `token` identifies the attempt, which counts once.
        """
        return self._send(
            self.calls.record_failure(
                endpoint, failures=failures, open_seconds=open_seconds, token=token, reason=reason
            )
        )

    def presence(self, ids: Sequence[str]) -> list[Presence]:
        """Return for each task whether the queue has it."""
        return self._send(self.calls.presence(ids))

    def stats(self) -> QueueStats:
        """Return all figures, read at one moment."""
        return self._send(self.calls.stats())

    def measures(self) -> Measures:
        """Return all figures, read at one moment, including those that only the metrics show."""
        return self._send(self.calls.measures())

    def holds(self) -> list[HoldView]:
        """Return the holds that are set."""
        found = self._send(self.calls.holds())
        return list(found.values)

    def outages(self) -> list[Outage]:
        """Return the last outage of each endpoint."""
        found = self._send(self.calls.outages())
        return list(found.values)

    def unreadable_count(self) -> int:
        """Return how many holds, outages and counters cannot be read; they are skipped everywhere."""
        readable = (self._send(self.calls.holds()), self._send(self.calls.outages()), self.measures())
        return sum(one.unreadable_count for one in readable)

    def history(self, count: int = 60, minutes: int = 1) -> list[PeriodCount]:
        """Return the counts of the last `count` periods of `minutes` each (at most 60), oldest first."""
        wanted, most = min(count, WEEK_MINUTES // minutes), max(1, DAY_MINUTES // minutes)
        found: list[PeriodCount] = []
        for before in range(0, wanted, most):  # a day per call: a week in one call would block Redis
            found = self._send(self.calls.history(min(most, wanted - before), minutes, before=before)) + found
        return found

    def ids(self, state: TaskState, limit: int) -> list[str]:
        """Return the ids of the first tasks of a state, oldest first."""
        return self._send(self.calls.ids(state, limit))

    def tasks(self, state: TaskState, *, start: int = 0, limit: int = 50) -> list[TaskView]:
        """Return a page of the tasks in a state, oldest first."""
        return self._send(self.calls.page(state, start, limit))

    def page(
        self, state: TaskState, *, cursor: str = "", search: str = "", limit: int = 50, start: int = 0
    ) -> TaskPage:
        """Return the page of a state after a cursor, or from rank `start`, oldest first. Raises `InvalidCursor`."""
        at = pages.read_cursor(cursor, state) if cursor else pages.Cursor(state=state, rank=start)
        return self.run(pages.page(self.calls, at, limit=limit, search=search))

    def get(self, task_id: str) -> TaskView | None:
        """Return a task in any state, or None."""
        return self._send(self.calls.find(task_id))

    def adopt(self) -> None:
        """Stamp this queue with the site id of this database."""
        with redis_errors(self.service):
            self.client.set(self.calls.keys["site"], self.calls.site_id)

    def trim(self, days: float) -> int:
        """Remove dead letters that are older than `days`; returns how many."""
        return self.run(steps.trim(self.calls, days))


def foreign_queue(calls: Calls, stamp: str) -> ForeignQueue:
    """Return the exception for a queue of another database; its message says what to do."""
    prefix = calls.keys.all[0].partition(":{")[0]
    return ForeignQueue(
        f"The queue of {calls.keys.service!r} in this Redis belongs to another database (site {stamp}; this database "
        f"is site {calls.site_id}). Give each site its own SYNCQUEUE['KEY_PREFIX'] (now {prefix!r}) or its own Redis "
        f"database; if this database is meant to take the queue over, run: manage.py syncqueue adopt-queue"
    )

"""The queue of one service for asynchronous code: the worker. As sync.py; only sending differs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import redis.asyncio

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
)
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.inspect import HoldView, PeriodCount
from syncqueue.queue.pages import TaskPage
from syncqueue.queue.sync import foreign_queue

T = TypeVar("T")

# Maximum concurrent calls of one queue: a thousand attempts that end together do not need a thousand connections.
CALLS_AT_ONCE = 16


class AsyncSyncQueue:
    """One service's queue. The operations are implemented in steps.py, calls.py and scripts/; this class sends them.

    All methods raise `QueueUnavailable` if Redis cannot be reached. Times come from Redis.
    """

    def __init__(
        self, client: redis.asyncio.Redis, calls: Calls, *, lease_seconds: float, probe_seconds: float
    ) -> None:
        """Called by `syncqueue.queue.make_async_queue`, which reads the settings."""
        self.client = client
        self.calls = calls
        self.service = calls.keys.service
        self._lease_seconds = lease_seconds
        self._probe_seconds = probe_seconds
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)

    async def _send(self, call: Call[T]) -> T:
        script, keys = call.script, call.keys
        try:
            async with self._slots:
                with redis_errors(self.service):
                    try:
                        answer = await self.client.evalsha(script.sha, len(keys), *keys, *call.args)
                    except redis.exceptions.NoScriptError:
                        answer = await self.client.eval(script.text, len(keys), *keys, *call.args)
        except ForeignQueue as error:
            raise foreign_queue(self.calls, str(error)) from error
        return call.read(answer)

    async def run(self, operation: steps.Steps[T]) -> T:
        """Run an operation of steps.py and return its result."""
        try:
            call = next(operation)
            while True:
                call = operation.send(await self._send(call))
        except StopIteration as end:
            result: T = end.value
            return result

    async def enqueue(self, task: SyncTask) -> Enqueued:
        """Put a task into pending, or into delayed until its `run_at`. Raises `InvalidTask` and `QueueFull`."""
        return (await self._send(self.calls.enqueue([task])))[0]

    async def enqueue_many(self, tasks: Iterable[SyncTask]) -> list[Enqueued]:
        """Enqueue any number of tasks, in chunks; returns for each where it went."""
        return await self.run(steps.enqueue_many(self.calls, tasks))

    async def enqueue_leased(self, tasks: Sequence[SyncTask], holds: Sequence[Sequence[str]], *, token: str) -> Leased:
        """Put keyed tasks into processing under a lease of the caller, unless one of their `holds` applies."""
        return await self._send(
            self.calls.enqueue_leased(
                tasks,
                holds,
                token=token,
                lease_seconds=self._lease_seconds,
                probe_seconds=self._probe_seconds,
            )
        )

    async def claim(self, limit: int = 1) -> Claim:
        """Lease up to `limit` tasks (at most 1000); unreadable ones become dead letters."""
        return await self.run(
            steps.claim(self.calls, limit, lease_seconds=self._lease_seconds, probe_seconds=self._probe_seconds)
        )

    async def extend(self, claimed: Sequence[ClaimedTask]) -> list[bool]:
        """Renew leases and mark the work as begun; returns for each whether the lease was still valid."""
        return await self._send(self.calls.extend([(one.task.id, one.token) for one in claimed], self._lease_seconds))

    async def admit(self, requests: Sequence[AdmissionRequest]) -> list[Admission]:
        """Check whether holds apply to claimed tasks; tasks that a hold applies to are parked."""
        return await self._send(self.calls.admit(requests, probe_seconds=self._probe_seconds))

    async def park(self, hold: str, tasks: Sequence[SyncTask]) -> int:
        """Park the pending ones of these tasks behind a hold; returns how many were parked."""
        return await self._send(self.calls.park(hold, tasks))

    async def ack(
        self, *claimed: ClaimedTask, seconds: Sequence[float] = (), endpoints: Sequence[str] = ()
    ) -> list[bool]:
        """Finish tasks as done; returns for each whether its lease was still valid.

        `seconds`: duration of each attempt, for the metrics. `endpoints`: for each the endpoint that responded, or "";
        a response closes the breaker of the endpoint.
        """
        return await self.run(steps.ack(self.calls, claimed, seconds, endpoints))

    async def retry(
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
        await self.run(steps.require_lease(call, claimed))

    async def fail(self, claimed: ClaimedTask, note: AttemptNote, *, endpoint: str = "") -> None:
        """Move a task to the dead letters. `endpoint`: as in `retry`. Raises `LeaseLost`."""
        progress = claimed.progress.after(note, counts=True)
        call = self.calls.fail(claimed, progress, note.seconds, endpoint)
        await self.run(steps.require_lease(call, claimed))

    async def release(self, *claimed: ClaimedTask) -> list[bool]:
        """Return tasks to pending without an attempt; returns for each whether its lease was still valid."""
        return await self._send(self.calls.release(claimed))

    async def promote_due(self) -> int:
        """Move all due tasks to pending; returns how many."""
        return await self.run(steps.promote_due(self.calls))

    async def run_now(self, ids: Sequence[str]) -> int:
        """Move these delayed tasks to pending; returns how many were delayed."""
        return await self._send(self.calls.promote(len(ids), ids)) if ids else 0

    async def recover_expired(self, limit: int = 500) -> Recovered:
        """Recover at most `limit` tasks whose lease has expired."""
        return await self._send(self.calls.recover(limit, lease_seconds=self._lease_seconds))

    async def requeue(self, ids: Sequence[str]) -> int:
        """Move these dead letters to pending; returns how many."""
        return await self.run(steps.requeue(self.calls, ids))

    async def retry_failed(self) -> int:
        """Move all dead letters to pending; returns how many."""
        return await self.run(steps.retry_failed(self.calls))

    async def clear(self, states: Sequence[TaskState] = steps.CLEARABLE) -> dict[TaskState, int]:
        """Remove all tasks in the states; returns the number for each state. Raises `TaskInProcessing`."""
        return await self.run(steps.clear(self.calls, states))

    async def remove(self, state: TaskState, ids: Sequence[str]) -> list[bool]:
        """Remove these tasks (at most a chunk) if they are in `state`; returns for each whether it was."""
        return await self._send(self.calls.remove(state, ids))

    async def delete(self, task_id: str) -> bool:
        """Remove one task; returns False if there is none. Raises `TaskInProcessing`."""
        return await self.run(steps.delete(self.calls, task_id))

    async def hold(self, name: str, seconds: float | None, reason: str, *, forced: bool = False) -> None:
        """Set a hold for `seconds`; None: until it is lifted. `forced`: even if it then ends earlier."""
        await self._send(self.calls.hold(name, seconds, reason, forced=forced))

    async def lift(self, *names: str) -> int:
        """Lift holds; returns how many of them were set."""
        return await self._send(self.calls.lift(names))

    async def record_failure(
        self, endpoint: str, *, failures: int, open_seconds: float, token: str, reason: str
    ) -> EndpointFailure:
        """Count a failure of an endpoint; returns whether its breaker is open now.

        `failures` in a row open the breaker. `token` identifies the attempt, which counts once.
        """
        return await self._send(
            self.calls.record_failure(
                endpoint, failures=failures, open_seconds=open_seconds, token=token, reason=reason
            )
        )

    async def presence(self, ids: Sequence[str]) -> list[Presence]:
        """Return for each task whether the queue has it."""
        return await self._send(self.calls.presence(ids))

    async def stats(self) -> QueueStats:
        """Return all figures, read at one moment."""
        return await self._send(self.calls.stats())

    async def measures(self) -> Measures:
        """Return all figures, read at one moment, including those that only the metrics show."""
        return await self._send(self.calls.measures())

    async def holds(self) -> list[HoldView]:
        """Return the holds that are set."""
        found = await self._send(self.calls.holds())
        return list(found.values)

    async def history(self, count: int = 60, minutes: int = 1) -> list[PeriodCount]:
        """Return the counts of the last `count` periods of `minutes` each (at most 60), oldest first."""
        return await self._send(self.calls.history(count, minutes))

    async def tasks(self, state: TaskState, *, start: int = 0, limit: int = 50) -> list[TaskView]:
        """Return a page of the tasks in a state, oldest first."""
        return await self._send(self.calls.page(state, start, limit))

    async def page(self, state: TaskState, *, cursor: str = "", search: str = "", limit: int = 50) -> TaskPage:
        """Return the page of a state after a cursor, oldest first. Raises `InvalidCursor`."""
        return await self.run(pages.page(self.calls, pages.read_cursor(cursor, state), limit=limit, search=search))

    async def get(self, task_id: str) -> TaskView | None:
        """Return a task in any state, or None."""
        return await self._send(self.calls.find(task_id))

    async def wait_for_work(self, seconds: float) -> None:
        """Wait until there may be something to claim, at most `seconds`."""
        with redis_errors(self.service):
            await self.client.blpop([self.calls.keys["wake"]], timeout=seconds)

    async def trim(self, days: float) -> int:
        """Remove dead letters that are older than `days`; returns how many."""
        return await self.run(steps.trim(self.calls, days))

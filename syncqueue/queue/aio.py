"""The queue of one service for asynchronous code: the worker. The same operations as sync.py; only sending differs."""

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

# Of one queue. A thousand attempts may end at one moment, and need no thousand connections for that.
CALLS_AT_ONCE = 16


class AsyncSyncQueue:
    """One service's queue. Thin: what the operations do stands in steps.py, calls.py and scripts/.

    All methods raise `QueueUnavailable` when Redis does not answer. Times come from Redis.
    """

    def __init__(
        self, client: redis.asyncio.Redis, calls: Calls, *, lease_seconds: float, probe_seconds: float
    ) -> None:
        """See `syncqueue.queue.open_queue`, which makes one from the settings."""
        self.client = client
        self.calls = calls
        self.service = calls.keys.service
        self._lease_seconds = lease_seconds
        self._probe_seconds = probe_seconds
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)

    async def _send(self, call: Call[T]) -> T:
        script, keys = call.script, call.keys
        try:
            async with self._places:
                with redis_errors(self.service):
                    try:
                        answer = await self.client.evalsha(script.sha, len(keys), *keys, *call.args)
                    except redis.exceptions.NoScriptError:
                        answer = await self.client.eval(script.text, len(keys), *keys, *call.args)
        except ForeignQueue as error:
            raise foreign_queue(self.calls, str(error)) from error
        return call.read(answer)

    async def run(self, operation: steps.Steps[T]) -> T:
        """Drive an operation of steps.py to its end."""
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
        """Enqueue any number of tasks, in chunks."""
        return await self.run(steps.enqueue_many(self.calls, tasks))

    async def enqueue_leased(self, tasks: Sequence[SyncTask], holds: Sequence[Sequence[str]], *, token: str) -> Leased:
        """Put keyed tasks into processing under a lease of the caller, where no hold of theirs stands against it."""
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
        """Lease up to `limit` tasks, at most 1000; unreadable ones go to the dead letters."""
        return await self.run(
            steps.claim(self.calls, limit, lease_seconds=self._lease_seconds, probe_seconds=self._probe_seconds)
        )

    async def extend(self, claimed: Sequence[ClaimedTask]) -> list[bool]:
        """Renew leases and mark the work as begun; returns for each whether it was still held."""
        return await self._send(self.calls.extend([(one.task.id, one.token) for one in claimed], self._lease_seconds))

    async def admit(self, requests: Sequence[AdmissionRequest]) -> list[Admission]:
        """Ask for claimed tasks whether a hold applies; those are parked."""
        return await self._send(self.calls.admit(requests, probe_seconds=self._probe_seconds))

    async def park(self, hold: str, tasks: Sequence[SyncTask]) -> int:
        """Park those of these tasks that are pending behind a hold; returns how many."""
        return await self._send(self.calls.park(hold, tasks))

    async def ack(
        self, *claimed: ClaimedTask, seconds: Sequence[float] = (), endpoints: Sequence[str] = ()
    ) -> list[bool]:
        """End tasks that are done. Returns for each whether its lease was still valid.

        `seconds`: how long the attempt at each took, for the metrics. `endpoints`: which endpoint answered each, or "";
        an answer closes the endpoint's breaker.
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
        """Set a task aside until `due` (a timedelta: from now), or park it behind `hold`. Raises `LeaseLost`.

        `endpoint`: the one that answered the attempt, if any did. `answer_count`: after a failure of the endpoint, what
        `record_failure` returned.
        """
        progress = claimed.progress.after(note, counts=counts, answer_count=answer_count)
        await self.run(steps.must_hold(self.calls.retry(claimed, due, progress, hold, note.seconds, endpoint), claimed))

    async def fail(self, claimed: ClaimedTask, note: AttemptNote, *, endpoint: str = "") -> None:
        """Move a task to the dead letters. `endpoint`: as in `retry`. Raises `LeaseLost`."""
        progress = claimed.progress.after(note, counts=True)
        call = self.calls.fail(claimed, progress, note.seconds, endpoint)
        await self.run(steps.must_hold(call, claimed))

    async def release(self, *claimed: ClaimedTask) -> list[bool]:
        """Give tasks back untried; returns for each whether it was still held."""
        return await self._send(self.calls.release(claimed))

    async def promote_due(self) -> int:
        """Move everything that is due to pending; returns how many."""
        return await self.run(steps.promote_due(self.calls))

    async def run_now(self, ids: Sequence[str]) -> int:
        """Move these delayed tasks to pending; returns how many."""
        return await self._send(self.calls.promote(len(ids), ids)) if ids else 0

    async def recover_expired(self, limit: int = 500) -> Recovered:
        """Take back at most `limit` tasks whose lease ran out."""
        return await self._send(self.calls.recover(limit, lease_seconds=self._lease_seconds))

    async def requeue(self, ids: Sequence[str]) -> int:
        """Bring these dead letters back to pending; returns how many."""
        return await self.run(steps.requeue(self.calls, ids))

    async def retry_failed(self) -> int:
        """Bring all dead letters back to pending; returns how many."""
        return await self.run(steps.retry_failed(self.calls))

    async def clear(self, states: Sequence[TaskState] = steps.CLEARABLE) -> dict[TaskState, int]:
        """Remove all tasks in the states; returns how many of each. Raises `TaskInProcessing`."""
        return await self.run(steps.clear(self.calls, states))

    async def remove(self, state: TaskState, ids: Sequence[str]) -> list[bool]:
        """Remove these tasks (at most a chunk) if they are in `state`."""
        return await self._send(self.calls.remove(state, ids))

    async def delete(self, task_id: str) -> bool:
        """Remove one task; False when there is none. Raises `TaskInProcessing`."""
        return await self.run(steps.delete(self.calls, task_id))

    async def hold(self, name: str, seconds: float | None, reason: str, *, forced: bool = False) -> None:
        """Set a hold for so many seconds, or until it is lifted."""
        await self._send(self.calls.hold(name, seconds, reason, forced=forced))

    async def lift(self, *names: str) -> int:
        """Lift holds; returns how many were set."""
        return await self._send(self.calls.lift(names))

    async def record_failure(
        self, endpoint: str, *, failures: int, open_seconds: float, token: str, reason: str
    ) -> EndpointFailure:
        """Count a failure of an endpoint. Returns whether its breaker is open now.

        `failures` in a row open it; `token` names the attempt, which counts once.
        """
        return await self._send(
            self.calls.record_failure(
                endpoint, failures=failures, open_seconds=open_seconds, token=token, reason=reason
            )
        )

    async def presence(self, ids: Sequence[str]) -> list[Presence]:
        """Ask where tasks are."""
        return await self._send(self.calls.presence(ids))

    async def stats(self) -> QueueStats:
        """All figures at one moment."""
        return await self._send(self.calls.stats())

    async def measures(self) -> Measures:
        """All figures at one moment, with those that only the metrics show."""
        return await self._send(self.calls.measures())

    async def holds(self) -> list[HoldView]:
        """The holds that are set."""
        found = await self._send(self.calls.holds())
        return list(found.values)

    async def history(self, count: int = 60, minutes: int = 1) -> list[PeriodCount]:
        """What was processed, retried and failed in the last periods of so many minutes (at most 60), oldest first."""
        return await self._send(self.calls.history(count, minutes))

    async def tasks(self, state: TaskState, *, start: int = 0, limit: int = 50) -> list[TaskView]:
        """A page of a state, oldest first."""
        return await self._send(self.calls.page(state, start, limit))

    async def page(self, state: TaskState, *, cursor: str = "", search: str = "", limit: int = 50) -> TaskPage:
        """A page of a state after a cursor, oldest first. Raises `InvalidCursor`."""
        return await self.run(pages.page(self.calls, pages.read_cursor(cursor, state), limit=limit, search=search))

    async def get(self, task_id: str) -> TaskView | None:
        """One task, wherever it is, or None."""
        return await self._send(self.calls.find(task_id))

    async def wait_for_work(self, seconds: float) -> None:
        """Sleep until something may be there to claim, at most so long."""
        with redis_errors(self.service):
            await self.client.blpop([self.calls.keys["wake"]], timeout=seconds)

    async def trim(self, days: float) -> int:
        """Remove dead letters older than so many days; returns how many."""
        return await self.run(steps.trim(self.calls, days))

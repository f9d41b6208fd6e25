"""Operations of one or more calls, written once for the sync and the async queue.

Each operation is a generator that yields calls and receives their results; the queue that drives it does the I/O.
Operations on many tasks work in bounded chunks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from syncqueue.core.chunks import chunks
from syncqueue.core.errors import LeaseLost, TaskInProcessing
from syncqueue.core.result import Outcome
from syncqueue.core.task import AttemptNote, ClaimedTask, SyncTask, TaskState
from syncqueue.queue.calls import CHUNK, HEAVY_CHUNK, Call, Calls, Claim, Enqueued

T = TypeVar("T")
Steps: TypeAlias = Generator[Call[Any], Any, T]

# 64 characters and the digit in front exceed `hash-max-listpack-value`, so Redis keeps the leases in a hash table: to
# set one of 500 leases costs 10 µs in a listpack and 1 µs in a hash table.
TOKEN_BYTES = 32

CLEARABLE = (TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED)


def one(call: Call[T]) -> Steps[T]:
    """Make a single call."""
    answer: T = yield call
    return answer


def enqueue_many(calls: Calls, tasks: Iterable[SyncTask]) -> Steps[list[Enqueued]]:
    """Enqueue any number of tasks. Each call has an id at most once, so that a later task replaces an earlier one."""
    answers: list[Enqueued] = []
    piece: dict[str, SyncTask] = {}
    for task in tasks:
        if len(piece) == CHUNK or task.id in piece:
            answers += yield calls.enqueue(list(piece.values()))
            piece = {}
        piece[task.id] = task
    if piece:
        answers += yield calls.enqueue(list(piece.values()))
    return answers


def claim(calls: Calls, limit: int, *, lease_seconds: float, probe_seconds: float) -> Steps[Claim]:
    """Lease up to `limit` tasks; unreadable ones become dead letters with their raw text."""
    found: Claim = yield calls.claim(
        limit,
        token=secrets.token_hex(TOKEN_BYTES),
        lease_seconds=lease_seconds,
        probe_seconds=probe_seconds,
    )
    for broken in found.unreadable:
        note = AttemptNote(
            at=datetime.now(UTC),
            seconds=0,
            outcome=Outcome.FAILURE,
            error=f"The task cannot be read: {broken.reason}",
        )
        yield calls.fail_unreadable(broken, broken.progress.after(note, counts=False))
    return found


def ack(
    calls: Calls, claimed: Sequence[ClaimedTask], seconds: Sequence[float] = (), endpoints: Sequence[str] = ()
) -> Steps[list[bool]]:
    """Finish tasks as done; returns for each whether its lease was still valid."""
    valid: list[bool] = []
    for start in range(0, len(claimed), CHUNK):
        piece = slice(start, start + CHUNK)
        valid += yield calls.ack(claimed[piece], seconds[piece], endpoints[piece])
    return valid


def require_lease(call: Call[bool], claimed: ClaimedTask) -> Steps[None]:
    """Make a call that needs a valid lease; raises `LeaseLost` if the lease has ended."""
    valid = yield call
    if not valid:
        raise LeaseLost(f"The lease of {claimed.task.id} ran out and the task was taken back.")


def promote_due(calls: Calls) -> Steps[int]:
    """Move all due tasks to pending."""
    return (yield from _until_done(lambda: calls.promote(CHUNK)))


def trim(calls: Calls, days: float) -> Steps[int]:
    """Remove dead letters that are older than `days` by the Redis clock, and history older than a week."""
    yield calls.trim_history()
    return (yield from _until_done(lambda: calls.trim(days)))


def _until_done(call: Callable[[], Call[int]]) -> Steps[int]:
    total = 0
    while True:
        done: int = yield call()
        total += done
        if done < CHUNK:
            return total


def requeue(calls: Calls, ids: Sequence[str]) -> Steps[int]:
    """Move dead letters to pending."""
    total = 0
    for piece in chunks(ids, HEAVY_CHUNK):
        total += yield calls.requeue(piece)
    return total


def retry_failed(calls: Calls) -> Steps[int]:
    """Move all present dead letters to pending, but not those that fail again meanwhile."""
    stats = yield calls.stats()
    total = 0
    for _ in range(0, stats.failed_count, HEAVY_CHUNK):
        ids = yield calls.ids(TaskState.FAILED, HEAVY_CHUNK)
        total += yield calls.requeue(ids)
    return total


def clear(calls: Calls, states: Sequence[TaskState]) -> Steps[dict[TaskState, int]]:
    """Remove all tasks in the states; raises `TaskInProcessing` if `processing` is among them."""
    if TaskState.PROCESSING in states:
        raise TaskInProcessing("Tasks in processing are left alone; they end or their lease runs out.")
    removed: dict[TaskState, int] = {}
    for state in states:
        removed[state] = 0
        while ids := (yield calls.ids(state, CHUNK)):
            gone = yield calls.remove(state, ids)
            removed[state] += sum(gone)
    return removed


def delete(calls: Calls, task_id: str) -> Steps[bool]:
    """Remove one task; returns False if there is none. Raises `TaskInProcessing`."""
    view = yield calls.find(task_id)
    if view is None:
        return False
    if view.state is TaskState.PROCESSING:
        raise TaskInProcessing(f"{task_id} is being worked on; try again when it is done.")
    gone = yield calls.remove(view.state, [task_id])
    return bool(gone[0])

"""Operations of one or more calls, written once for the sync and the async queue.

Each is a generator that yields calls and is sent their answers; whoever drives it does the I/O. Bounded chunks in
everything that touches many tasks.
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

# Written as 64 characters, and with a digit in front beyond what Redis packs into one flat list: walking through the
# leases of 500 tasks under way costs 10 µs for each that is set, a hash table 1 µs.
TOKEN_BYTES = 32

CLEARABLE = (TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED)


def one(call: Call[T]) -> Steps[T]:
    """A single call."""
    answer: T = yield call
    return answer


def enqueue_many(calls: Calls, tasks: Iterable[SyncTask]) -> Steps[list[Enqueued]]:
    """Enqueue any number of tasks. Each call names an id once, so that later tasks meet those before them."""
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
    """Lease up to `limit` tasks; what cannot be read goes to the dead letters with its raw text."""
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
    """End tasks that are done; returns for each whether it was still held."""
    held: list[bool] = []
    for start in range(0, len(claimed), CHUNK):
        piece = slice(start, start + CHUNK)
        held += yield calls.ack(claimed[piece], seconds[piece], endpoints[piece])
    return held


def must_hold(call: Call[bool], claimed: ClaimedTask) -> Steps[None]:
    """A call that changes a held task; raises `LeaseLost` when it is not held any more."""
    held = yield call
    if not held:
        raise LeaseLost(f"The lease of {claimed.task.id} ran out and the task was taken back.")


def promote_due(calls: Calls) -> Steps[int]:
    """Move everything that is due to pending."""
    return (yield from _until_done(lambda: calls.promote(CHUNK)))


def trim(calls: Calls, days: float) -> Steps[int]:
    """Remove dead letters older than so many days, by Redis's own time, and history older than a week."""
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
    """Bring dead letters back to pending."""
    total = 0
    for piece in chunks(ids, HEAVY_CHUNK):
        total += yield calls.requeue(piece)
    return total


def retry_failed(calls: Calls) -> Steps[int]:
    """Bring back all dead letters there are now: not those that fail again meanwhile."""
    stats = yield calls.stats()
    total = 0
    for _ in range(0, stats.failed_count, HEAVY_CHUNK):
        ids = yield calls.ids(TaskState.FAILED, HEAVY_CHUNK)
        total += yield calls.requeue(ids)
    return total


def clear(calls: Calls, states: Sequence[TaskState]) -> Steps[dict[TaskState, int]]:
    """Remove all tasks there are now in the states; raises `TaskInProcessing` for that one."""
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
    """Remove one task; raises `TaskInProcessing` while it is worked on, returns False when there is none."""
    view = yield calls.find(task_id)
    if view is None:
        return False
    if view.state is TaskState.PROCESSING:
        raise TaskInProcessing(f"{task_id} is being worked on; try again when it is done.")
    gone = yield calls.remove(view.state, [task_id])
    return bool(gone[0])

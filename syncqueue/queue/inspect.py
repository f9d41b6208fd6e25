"""The read side of a queue: pages of tasks, single tasks, holds. No I/O, as in calls.py.

Unreadable parts of a reply are skipped and counted (core/foreign.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncqueue.core.errors import InvalidTask
from syncqueue.core.foreign import Readable, read_each, read_one
from syncqueue.core.hold import Hold
from syncqueue.core.task import SyncTask, TaskState, TaskView, decode_body, decode_progress, from_ms

_PRIORITY = 10**15  # scripts/_prelude.lua
_PARKED = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """A hold as people see it."""

    name: str
    kind: str  # core/hold.py: KINDS
    subject: str  # what is held: a host and port, "destination:7", "credential:1f..."
    reason: str
    since_at: datetime | None
    until_at: datetime | None  # None: until it is lifted, or it is lifted already
    lifted: bool  # True: over, but its lane is not empty yet
    parked_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodCount:
    """The counts of one period, of one or more minutes, of a service's queue."""

    at: datetime  # beginning of the period
    processed_count: int
    retried_count: int
    failed_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which an endpoint was unreachable or out of order, and what happened to the messages that waited."""

    endpoint: str  # a host and port; the service for its own tasks
    since_at: datetime  # when its breaker opened
    until_at: datetime | None  # when it responded again; None: it has not yet
    waiting_count: int  # tasks that are still in its lane
    delivered_count: int  # messages sent since; tasks with nothing to send do not count
    failed_count: int
    doubtful_count: int  # delivered after an earlier response was lost: these may exist twice

    @property
    def waited_count(self) -> int:
        """The number of all messages that had to wait."""
        return self.waiting_count + self.delivered_count + self.failed_count


def read_outages(answer: Sequence[Any]) -> Readable[Outage]:
    """Read the reply of outages.lua."""
    return read_each(_outage, answer)


def _outage(row: Sequence[Any]) -> Outage:
    hold, since, until, *counts = row
    delivered, failed, doubtful, waiting = (int(count) for count in counts)
    return Outage(
        endpoint=Hold.parse(hold).subject,
        since_at=from_ms(int(since)),
        until_at=from_ms(int(until)) if until else None,
        waiting_count=waiting,
        delivered_count=delivered,
        failed_count=failed,
        doubtful_count=doubtful,
    )


def read_counters(flat: Sequence[Any]) -> tuple[dict[str, int], int]:
    """Return the counters of stats.lua by name, and the number of unreadable ones."""
    found = read_each(lambda pair: (str(pair[0]), int(pair[1])), zip(flat[::2], flat[1::2], strict=True))
    return dict(found.values), found.unreadable_count


def read_history(answer: Sequence[Any]) -> list[PeriodCount]:
    """Read the rows of history.lua."""
    return [
        PeriodCount(
            at=from_ms(int(minute) * 60_000),
            processed_count=int(processed),
            retried_count=int(retried),
            failed_count=int(failed),
        )
        for minute, processed, retried, failed in answer
    ]


def read_page(service: str, state: TaskState, answer: Sequence[Any]) -> list[TaskView]:
    """Read the rows of scan.lua."""
    return [_view(service, state, *row) for row in answer]


def read_found(service: str, answer: Sequence[Any]) -> TaskView | None:
    """Read the reply of find.lua; None if there is no such task."""
    return _view(service, TaskState(answer[0]), *answer[1]) if answer else None


def _view(service: str, state: TaskState, id_: str, score: str, body: str, progress: str, hold: str) -> TaskView:
    task: SyncTask | None = None
    unreadable = ""
    try:
        task = decode_body(service, id_, body)
    except InvalidTask as error:
        unreadable = str(error)
    return TaskView(
        id=id_,
        service=service,
        state=state,
        task=task,
        raw=body,
        progress=decode_progress(progress),
        due_at=read_one(lambda text: _due(state, float(text)), score),
        held_by=hold or None,
        unreadable=unreadable,
    )


def _due(state: TaskState, score: float) -> datetime | None:
    if state is TaskState.PENDING:
        return from_ms(score % _PRIORITY / 100)
    if state is TaskState.DELAYED and score >= _PARKED:
        return None
    return from_ms(score)


def read_holds(answer: Sequence[Any]) -> Readable[HoldView]:
    """Read the reply of holds.lua."""
    found = read_each(_hold, answer)
    # A hold whose reason has no time is still a hold.
    doubtful = sum(bool(row[3]) and read_one(_since, row[3]) is None for row in answer)
    return Readable(values=found.values, unreadable_count=found.unreadable_count + doubtful)


def _since(reason: str) -> datetime:
    return from_ms(int(reason[:13]))


def _hold(row: Sequence[Any]) -> HoldView:
    name, phase, until, reason, parked = row
    hold, since = Hold.parse(name), read_one(_since, reason)
    return HoldView(
        name=name,
        kind=hold.kind,
        subject=hold.subject,
        reason=reason if since is None else reason[13:],
        since_at=since,
        until_at=from_ms(int(until)) if until else None,
        lifted=phase != "set",
        parked_count=int(parked),
    )

"""Pages of the tasks in a state: cursors that stay valid while tasks come and go, and a bounded search.

A cursor names the last task of its page, so the next page begins after that task, whatever its rank is by then.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from syncqueue.core.errors import InvalidCursor
from syncqueue.core.task import TaskState, TaskView
from syncqueue.queue import inspect
from syncqueue.queue.calls import CHUNK, Calls
from syncqueue.queue.steps import Steps

# Maximum number of tasks that one search reads; then it returns its matches and a cursor.
SEARCHED = 20_000
_CURSOR_CHARACTERS = 600
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A position in a state: after the task `id`, which had the rank `rank` - 1. Without an id: from `rank` on."""

    state: TaskState
    rank: int = 0
    id: str = ""
    score: str = ""  # as Redis formats it

    def text(self) -> str:
        """Return the cursor as opaque text."""
        raw = json.dumps([self.state.value, self.rank, self.id, self.score], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """A page of a state."""

    tasks: Sequence[TaskView]
    searched_count: int  # tasks that were read for this page
    total_count: int  # tasks in the state
    next_cursor: str  # "" if there are no more tasks
    first_rank: int = 0  # rank in the state of the first task that was read


@dataclass(frozen=True, slots=True)
class Scan:
    """The reply of scan.lua: the tasks, and a cursor after each of them."""

    first_rank: int
    total_count: int
    views: Sequence[TaskView]
    cursors: Sequence[Cursor]


def read_cursor(text: str, state: TaskState) -> Cursor:
    """Parse the text of `Cursor.text`; an empty text is the beginning. Raises `InvalidCursor`."""
    if not text:
        return Cursor(state=state)
    try:
        if len(text) > _CURSOR_CHARACTERS:
            raise ValueError("too long")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        name, rank, id_, score = json.loads(raw)
        found = Cursor(state=TaskState(name), rank=rank, id=id_, score=score)
        if not _is_sound(found):
            raise ValueError("malformed")
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidCursor("The cursor is not one of this API's: take next_cursor of the page before.") from error
    if found.state is not state:
        raise InvalidCursor(f"The cursor belongs to the state {found.state.value!r}, not to {state.value!r}.")
    return found


def _is_sound(cursor: Cursor) -> bool:
    rank, id_, score = cursor.rank, cursor.id, cursor.score
    if not isinstance(rank, int) or isinstance(rank, bool) or not 0 <= rank < 2**53:
        return False
    return isinstance(id_, str) and 0 < len(id_) <= _CURSOR_CHARACTERS and _is_number(score)


def _is_number(score: object) -> bool:
    """Return whether it is a number as Redis writes it; `float` also accepts "1_000" and blanks."""
    return isinstance(score, str) and len(score) < 30 and _NUMBER.fullmatch(score) is not None


def read_scan(service: str, state: TaskState, answer: Sequence[Any]) -> Scan:
    """Read the reply of scan.lua."""
    first, total, rows = int(answer[0]), int(answer[1]), answer[2]
    cursors = [Cursor(state=state, rank=first + n, id=row[0], score=str(row[1])) for n, row in enumerate(rows, 1)]
    return Scan(first, total, inspect.read_page(service, state, rows), cursors)


def page(calls: Calls, at: Cursor, *, limit: int, search: str = "") -> Steps[TaskPage]:
    """Read the next tasks after a cursor: at most `limit` of those that `matches` the text `search`."""
    wanted = search.casefold()
    found: list[TaskView] = []
    looked_at, total, more = 0, 0, True
    first_rank: int | None = None
    while more and looked_at < SEARCHED:
        asked = CHUNK if wanted else limit
        answer = yield calls.scan(at.state, asked, rank=at.rank, after=at.id, score=at.score)
        scan = read_scan(calls.keys.service, at.state, answer)
        total = scan.total_count
        more = bool(scan.views) and scan.first_rank + len(scan.views) < total
        first_rank = scan.first_rank if first_rank is None else first_rank
        for view, cursor in zip(scan.views, scan.cursors, strict=True):
            at, looked_at = cursor, looked_at + 1
            if matches(view, wanted):
                found.append(view)
            if len(found) == limit:
                more = more or cursor is not scan.cursors[-1]
                break
        if len(found) == limit:
            break
    return TaskPage(
        tasks=found,
        searched_count=looked_at,
        total_count=total,
        next_cursor=at.text() if more else "",
        first_rank=first_rank or 0,
    )


def matches(view: TaskView, wanted: str) -> bool:
    """Return whether id, hold, entity, action or last error contains `wanted` (case-folded; empty matches all)."""
    if not wanted:
        return True
    known = [view.id, view.held_by or ""]
    known += [view.task.entity, view.task.action] if view.task else [view.raw]
    known += [note.error for note in view.progress.history[-1:]]
    return any(wanted in text.casefold() for text in known)

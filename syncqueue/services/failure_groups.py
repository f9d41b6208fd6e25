"""Failures grouped by reason and destination, so that a problem of many objects is one line.

The newest failures are grouped on request. A column for the group would cost a write in every attempt and an index.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.models import ExpressionWrapper, F, Field

from syncqueue.core.task import TaskState
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.models import Clearing, Destination, RecordState, SyncRecord
from syncqueue.presentation.reasons import in_words
from syncqueue.services import cleared
from syncqueue.services.objects import touch_and_queue
from syncqueue.site import record_db
from syncqueue.sources import records
from syncqueue.sources.intents import record_task_id

logger = logging.getLogger("syncqueue.services")

# Maximum number of failures that are grouped, the newest ones, so that the page stays fast with a million of them.
MOST_LOOKED_AT = 20_000
_PIECE = 2000  # records in a step
_STATES = (RecordState.FAILED, RecordState.UNKNOWN)
# Parts of a reason that differ between objects: addresses, ids, numbers.
_OWN = re.compile(r"https?://\S+|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b|\d+")

_DIGITS = re.compile(r"\d+")
_PERHAPS_ID = re.compile(r"#[0-9a-f]|[a-f]#")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """The failures at one destination for one reason."""

    destination: Destination
    state: RecordState  # failed, or unknown: held after a lost response
    kind: str  # identifies the reason for `retry_failures` and `delete_failures`
    reason: str  # the newest one in full
    count: int
    since: datetime | None  # time of the oldest failure, aware
    newest: datetime | None

    def data(self) -> dict[str, object]:
        """Return it as values for JSON."""
        return {
            "reason": self.kind,
            "state": self.state.value,
            "count": self.count,
            "service": self.destination.service,
            "destination_id": self.destination.pk,
            "destination": self.destination.name,
            "since": self.since,
            "newest": self.newest,
            "why": in_words(self.reason),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The groups, the largest first."""

    groups: Sequence[FailureGroup]
    is_whole: bool  # False: there are more failures than were grouped


def kind_of(reason: str) -> str:
    """Return a short name of what a reason has in common with those of other objects."""
    return _kind_of_words(_DIGITS.sub("#", reason)) or _name(_OWN.sub("#", reason))


@lru_cache(maxsize=4096)
def _kind_of_words(words: str) -> str:
    """Return the kind of all reasons with these words, in which # is a number; "" where more than numbers may differ.

    Thousands of reasons have few words: looking for addresses and ids in each takes most of the time of a page.
    """
    return "" if "://" in words or _PERHAPS_ID.search(words) else _name(words)


def _name(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def failures(service: str | None = None) -> Failures:
    """Return the failed and held records of one service, or of all, by reason and destination."""
    rows = records.records() if service is None else records.records().filter(service=service)
    # The moments as the database adapter has them: 20,000 of them would take longer to convert than all else.
    at = ExpressionWrapper(F("error_at"), output_field=Field())
    shown = rows.order_by("-pk").values_list("destination_id", "error", at)
    found: dict[tuple[int, str, str], list[tuple[str, Any]]] = {}
    is_whole = True
    for state in _STATES:  # separate queries, because the indexes begin with the state
        looked_at = list(shown.filter(state=state)[: MOST_LOOKED_AT + 1])
        is_whole = is_whole and len(looked_at) <= MOST_LOOKED_AT
        for destination_id, error, error_at in looked_at[:MOST_LOOKED_AT]:
            found.setdefault((destination_id, state.value, kind_of(error)), []).append((error, error_at))
    by_key = Destination.objects.using(record_db()).in_bulk({key[0] for key in found})
    groups = [
        _group(by_key[destination_id], RecordState(state), kind, members)
        for (destination_id, state, kind), members in found.items()
        if destination_id in by_key
    ]
    groups.sort(key=lambda group: (-group.count, group.destination.pk, group.kind))
    return Failures(groups=groups, is_whole=is_whole)


def _group(destination: Destination, state: RecordState, kind: str, members: Sequence[tuple[str, Any]]) -> FailureGroup:
    moments = [moment for _, moment in members if moment is not None]
    return FailureGroup(
        destination=destination,
        state=state,
        kind=kind,
        reason=members[0][0],
        count=len(members),
        since=_converted(min(moments, default=None)),
        newest=_converted(max(moments, default=None)),
    )


def _converted(value: Any) -> datetime | None:
    """A moment as the model has it, from the value of the database adapter; those of one column compare as moments."""
    field, connection = SyncRecord._meta.get_field("error_at"), connections[record_db()]
    column = field.get_col(SyncRecord._meta.db_table)
    for convert in connection.ops.get_db_converters(column):
        value = convert(value, column, connection)
    moment: datetime | None = value
    return moment


def retry_failures(
    destination: Destination, state: RecordState, kind: str, *, actor: str, after: int, most: int
) -> tuple[int, int]:
    """Sync the records of a group again, among the next `most` failures with a primary key above `after`.

    Returns how many wait now, and the primary key to pass as `after` next; 0: no failure is left.
    """
    keys, last = _members(destination, state, kind, after, most)
    count = touch_and_queue(records.records().filter(pk__in=keys, state=state)) if keys else 0
    logger.info("%s: %s failures of one reason brought back by %s", destination.name, count, actor)
    return count, last


def retry_failure_group(group: FailureGroup, *, actor: str) -> int:
    """Sync all records of a group again, including those beyond the newest failures; returns how many wait now."""
    total, after = 0, 0
    while True:
        count, after = retry_failures(group.destination, group.state, group.kind, actor=actor, after=after, most=_PIECE)
        total += count
        if not after:
            return total


def delete_failures(
    clearing: Clearing, destination: Destination, state: RecordState, kind: str, *, actor: str, after: int, most: int
) -> tuple[int, int]:
    """Remove the records of a group, as `delete_tasks` does: they are abandoned and can be restored for a week.

    Returns the same as `retry_failures`.
    """
    keys, last = _members(destination, state, kind, after, most)
    count = len(keys)
    if keys:
        queue = get_queue(destination.service)
        gone = cleared.take_out(queue, clearing, TaskState.FAILED, [record_task_id(key) for key in keys])
        # Records whose dead letters Redis has lost are included, because otherwise nobody could restore them.
        row = Clearing.objects.using(record_db()).filter(pk=clearing.pk)
        row.update(task_count=F("task_count") + count - gone)
    logger.info("%s: %s failures of one reason deleted by %s", destination.name, count, actor)
    return count, last


def delete_failure_group(group: FailureGroup, *, actor: str) -> int:
    """Take all records of a group out, also those beyond the newest; returns how many. They can be restored."""
    batch = cleared.begin(group.destination.service, actor=actor)
    total, after = 0, 0
    while True:
        count, after = delete_failures(
            batch, group.destination, group.state, group.kind, actor=actor, after=after, most=_PIECE
        )
        total += count
        if not after:
            return total


def _members(destination: Destination, state: RecordState, kind: str, after: int, most: int) -> tuple[list[int], int]:
    rows = records.records().filter(destination=destination, state=state, pk__gt=after).order_by("pk")
    looked_at = list(rows.values_list("pk", "error")[:most])
    keys = [key for key, error in looked_at if kind_of(error) == kind]
    return keys, looked_at[-1][0] if len(looked_at) == most else 0

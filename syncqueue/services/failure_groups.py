"""Failures grouped by reason and destination, so that a problem of many objects is one line.

The kind of a reason is stored with the failure, and an index of failures alone counts them. Failures that an earlier
version stored have no kind: the newest of them are grouped on request.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from syncqueue.core.error_kind import kind_of
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

MOST_SHOWN = 500  # groups, the largest ones
MOST_LOOKED_AT = 20_000  # failures without a kind, the newest ones
_PIECE = 2000  # records in a step
_STATES = (RecordState.FAILED, RecordState.UNKNOWN)
_GROUP = ("destination_id", "state", "error_kind")
_UNNAMED = ("destination_id", "state", "error", "error_at")


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
    is_whole: bool  # False: there are more reasons than are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class _Members:
    key: tuple[int, str, str]  # destination, state, kind
    reason: str
    count: int
    since: datetime | None
    newest: datetime | None


def failures(service: str | None = None) -> Failures:
    """Return the failed and held records of one service, or of all, by reason and destination."""
    return _failures({} if service is None else {"destination__service": service})


def failure_group(destination: Destination, state: RecordState, kind: str) -> FailureGroup | None:
    """Return the group of a reason at a destination."""
    found = _failures({"destination": destination, "state": state}).groups
    return next((group for group in found if group.kind == kind), None)


def _failures(only: Mapping[str, object]) -> Failures:
    rows = records.records().filter(state__in=_STATES, **only)
    named = _named(rows)
    newest = rows.in_bulk([row["newest_key"] for row in named])
    found = [
        _Members(
            key=(row["destination_id"], row["state"], row["error_kind"]),
            reason=newest[row["newest_key"]].error if row["newest_key"] in newest else "",
            count=row["count"],
            since=row["since"],
            newest=row["newest"],
        )
        for row in named[:MOST_SHOWN]
    ]
    is_whole = len(named) <= MOST_SHOWN
    if is_whole and rows.count() > sum(one.count for one in found):
        unnamed = list(rows.filter(error_kind=None).order_by("-pk").values_list(*_UNNAMED)[: MOST_LOOKED_AT + 1])
        is_whole = len(unnamed) <= MOST_LOOKED_AT
        found = _merged(found, unnamed[:MOST_LOOKED_AT])
    by_key = Destination.objects.using(record_db()).in_bulk({one.key[0] for one in found})
    groups = [_group(by_key[one.key[0]], one) for one in found if one.key[0] in by_key]
    groups.sort(key=lambda group: (-group.count, group.destination.pk, group.kind))
    return Failures(groups=groups, is_whole=is_whole)


def _named(rows: QuerySet[SyncRecord]) -> Sequence[dict[str, Any]]:
    """Count the failures with a kind, the most frequent first. All of it is read from the index of failures."""
    of_group = records.records().filter(**{name: OuterRef(name) for name in _GROUP})
    oldest_first = of_group.filter(error_at__isnull=False).order_by("error_at")
    newest_first = oldest_first.order_by("-error_at")
    counted = (
        rows.filter(error_kind__isnull=False)
        .values(*_GROUP)
        .annotate(
            count=Count("pk"),
            since=Subquery(oldest_first.values("error_at")[:1]),
            newest=Subquery(newest_first.values("error_at")[:1]),
            newest_key=Subquery(newest_first.values("pk")[:1]),
        )
    )
    return list(counted.order_by("-count")[: MOST_SHOWN + 1])


def _merged(found: Sequence[_Members], unnamed: Sequence[tuple[int, str, str, datetime | None]]) -> list[_Members]:
    """Return the groups with the failures of an earlier version, the newest first."""
    groups = {one.key: one for one in found}
    for destination_id, state, error, at in unnamed:
        key = (destination_id, state, kind_of(error))
        one = groups.get(key) or _Members(key=key, reason=error, count=0, since=at, newest=at)
        groups[key] = replace(
            one,
            count=one.count + 1,
            since=min(filter(None, (one.since, at)), default=None),
            newest=max(filter(None, (one.newest, at)), default=None),
        )
    return list(groups.values())


def _group(destination: Destination, found: _Members) -> FailureGroup:
    _destination_id, state, kind = found.key
    return FailureGroup(
        destination=destination,
        state=RecordState(state),
        kind=kind,
        reason=found.reason,
        count=found.count,
        since=found.since,
        newest=found.newest,
    )


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
    of_kind = Q(error_kind=kind) | Q(error_kind=None)
    rows = records.records().filter(of_kind, destination=destination, state=state, pk__gt=after).order_by("pk")
    looked_at = list(rows.values_list("pk", "error")[:most])
    keys = [key for key, error in looked_at if kind_of(error) == kind]
    return keys, looked_at[-1][0] if len(looked_at) == most else 0

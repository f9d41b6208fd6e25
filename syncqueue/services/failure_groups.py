"""Failures grouped by reason and destination, so that a problem of many objects is one line.

The newest failures are counted on request. The kind of a reason is stored with the failure, so the database counts;
failures that an earlier version stored have no kind, and are read.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count, F, Max, Min, Q

from syncqueue.core.error_kind import kind_of
from syncqueue.core.task import TaskState
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.models import Clearing, Destination, RecordState
from syncqueue.presentation.reasons import in_words
from syncqueue.services import cleared
from syncqueue.services.objects import touch_and_queue
from syncqueue.site import record_db
from syncqueue.sources import records
from syncqueue.sources.intents import record_task_id

logger = logging.getLogger("syncqueue.services")

MOST_SHOWN = 500  # groups, the largest ones
# Maximum number of failures that are counted, the newest ones, so that the page stays fast with a million of them.
MOST_COUNTED = 10_000
_MOST_READ = 5_000  # failures without a kind, the newest ones
_PIECE = 2000  # records in a step
_STATES = (RecordState.FAILED, RecordState.UNKNOWN)
_UNNAMED = ("destination_id", "error", "error_at")
_Key = tuple[int, RecordState, str]  # destination, state, kind


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
    is_whole: bool  # False: there are more failures than were counted, or more groups than these


@dataclass(frozen=True, slots=True, kw_only=True)
class _Members:
    count: int
    since: datetime | None
    newest: datetime | None
    reason: str


def failures(service: str | None = None) -> Failures:
    """Return the failed and held records of one service, or of all, by reason and destination."""
    return _failures({} if service is None else {"service": service})


def failure_group(destination: Destination, state: RecordState, kind: str) -> FailureGroup | None:
    """Return the group of a reason at a destination."""
    found = _failures({"destination": destination, "state": state}).groups
    return next((group for group in found if group.kind == kind), None)


def _failures(only: Mapping[str, object]) -> Failures:
    found: dict[_Key, _Members] = {}
    is_whole = True
    for state in _STATES:  # separate queries, because the indexes begin with the state
        rows = records.records().filter(**{"state": state, **only})
        if rest := rows.order_by("-pk").values_list("pk", flat=True)[MOST_COUNTED : MOST_COUNTED + 1]:
            rows, is_whole = rows.filter(pk__gt=rest[0]), False
        by_kind = rows.values("destination_id", "error_kind").order_by()
        counted = list(
            by_kind.annotate(count=Count("pk"), since=Min("error_at"), newest=Max("error_at"), shown=Max("pk"))
        )
        reasons = dict(rows.filter(pk__in=[group["shown"] for group in counted]).values_list("pk", "error"))
        for group in counted:
            if (kind := group["error_kind"]) is not None:
                found[group["destination_id"], state, kind] = _Members(
                    count=group["count"],
                    since=group["since"],
                    newest=group["newest"],
                    reason=reasons.get(group["shown"], ""),
                )
        if any(group["error_kind"] is None for group in counted):
            unnamed = list(rows.filter(error_kind=None).order_by("-pk").values_list(*_UNNAMED)[: _MOST_READ + 1])
            is_whole = is_whole and len(unnamed) <= _MOST_READ
            for destination_id, error, at in unnamed[:_MOST_READ]:
                key = (destination_id, state, kind_of(error))
                found[key] = _with(found.get(key), error, at)
    by_key = Destination.objects.using(record_db()).in_bulk({destination_id for destination_id, _, _ in found})
    groups = [
        FailureGroup(
            destination=by_key[destination_id],
            state=state,
            kind=kind,
            reason=one.reason,
            count=one.count,
            since=one.since,
            newest=one.newest,
        )
        for (destination_id, state, kind), one in found.items()
        if destination_id in by_key
    ]
    groups.sort(key=lambda group: (-group.count, group.destination.pk, group.kind))
    return Failures(groups=groups[:MOST_SHOWN], is_whole=is_whole and len(groups) <= MOST_SHOWN)


def _with(group: _Members | None, error: str, at: datetime | None) -> _Members:
    """Return a group with a further failure."""
    if group is None:
        return _Members(count=1, since=at, newest=at, reason=error)
    return replace(
        group,
        count=group.count + 1,
        since=min(filter(None, (group.since, at)), default=None),
        newest=max(filter(None, (group.newest, at)), default=None),
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
        # Records whose dead letters Redis has lost are included, because otherwise they could not be restored.
        row = Clearing.objects.using(record_db()).filter(pk=clearing.pk)
        row.update(task_count=F("task_count") + count - gone)
    logger.info("%s: %s failures of one reason deleted by %s", destination.name, count, actor)
    return count, last


def delete_failure_group(group: FailureGroup, *, actor: str) -> int:
    """Remove all records of a group, including those beyond the newest; returns how many. They can be restored."""
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

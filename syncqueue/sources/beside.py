"""Facts from other records about a place: known ids, and records that may have an unknown copy there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, Now

from syncqueue.handlers.base import RemotePart, Unsettled
from syncqueue.models import OrphanPart, RecordState, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources.planner import Step
from syncqueue.sources.records import read_parts, records
from syncqueue.sources.same_place import identity_of

NEWEST_COUNT = 500  # maximum number of records in each state
SINCE_COUNT = 2000  # maximum number of records that were synced after a time


def newest_parts(record: SyncRecord, since: float | None = None) -> list[RemotePart]:
    """Return the parts of the newest records with copies at the same destination, the newest record first.

    This is fast, because an index exists; records without copies are passed over, such as those of private notes.

    `since` (seconds since 1970): also those of the records that were synced first after this time. This reads all
    records of the destination: after an outage, objects of any age are synced.
    """
    rows = records().filter(destination_id=record.destination_id).exclude(pk=record.pk).exclude(parts=[])
    newest: dict[int, list[Any]] = {}
    for state in RecordState.values:  # the index has the state before the id
        newest |= rows.filter(state=state).order_by("-pk").values_list("pk", "parts")[:NEWEST_COUNT]
    if since is not None:
        later = rows.filter(synced_at__gte=datetime.fromtimestamp(since, UTC)).order_by("synced_at")
        newest |= later.values_list("pk", "parts")[:SINCE_COUNT]
    return [RemotePart(**part) for pk in sorted(newest, reverse=True) for part in newest[pk]]


def known_ids(record: SyncRecord, ids: Collection[str], identity: str) -> frozenset[str]:
    """Return those of `ids` that other records of the service have, except parts known to be at another place.

    This reads all records of the service: call it rarely and with few ids.
    """
    if not ids:
        return frozenset()
    orphans = OrphanPart.objects.using(record_db()).filter(record__service=record.service)
    rows = records().filter(service=record.service).exclude(pk=record.pk)
    found = [part for parts in _holding(rows, "parts", ids).values_list("parts", flat=True) for part in parts]
    found += _holding(orphans, "part", ids).values_list("part", flat=True)
    wanted = set(ids)
    return frozenset(
        part["id"] for part in found if part["id"] in wanted and part.get("identity", "") in ("", identity)
    )


def unsettled(record: SyncRecord, kind: str, identity: str) -> Unsettled:
    """Return the other records that are being sent to a place or may have left a copy there."""
    rows = records().filter(service=record.service).exclude(pk=record.pk)
    rows = rows.annotate(as_text=Cast("parts", TextField())).select_related("destination")
    has_mark = ~Q(sending_token="") & ~Q(state=RecordState.SYNCED)
    cut_off = has_mark & Q(sending_until__lte=Now(), sending_action=Step.CREATE)
    uncertain = Q(uncertain=True) & ~Q(state=RecordState.SYNCED)
    # Without a trace, the place to which a record was or is being sent is unknown.
    sending = rows.filter(has_mark, sending_until__gt=Now())
    lost = rows.filter(cut_off | uncertain | Q(as_text__contains=f'"kind": "{kind}"'))
    return Unsettled(sending=_parts_at(sending, kind, identity), lost=_parts_at(lost, kind, identity))


def _parts_at(rows: Iterable[SyncRecord], kind: str, identity: str) -> tuple[RemotePart | None, ...]:
    """Return the trace of each record that may have a copy at a place; None for one without a trace."""
    found: list[RemotePart | None] = []
    for row in rows:
        traces = [part for part in read_parts(row) if part.kind == kind]
        # A record whose destination has moved may have a trace at each of its places, also when it is synced.
        here = [part for part in traces if identity == (part.identity or identity_of(row.destination, part.address))]
        if here:
            found += here
        elif row.state != RecordState.SYNCED and identity_of(row.destination, row.sending_address) in ("", identity):
            found.append(next(iter(traces), None))
    return tuple(found)


def _holding(rows: QuerySet[SyncRecord] | QuerySet[OrphanPart], column: str, ids: Collection[str]) -> QuerySet:  # type: ignore[type-arg]
    # All databases format the text of a JSON column this way.
    about = reduce(or_, (Q(as_text__contains=f'"id": "{number}"') for number in ids))
    return rows.annotate(as_text=Cast(column, TextField())).filter(about)

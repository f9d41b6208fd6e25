"""What other records know of a place: which ids are theirs, and of which records something may be there unknown."""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast, Now

from syncqueue.handlers.base import RemotePart, Unsettled
from syncqueue.models import OrphanPart, RecordState, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources.records import read_parts, records
from syncqueue.sources.same_place import identity_of

NEWEST_COUNT = 500  # records of a sample


def newest_parts(record: SyncRecord) -> list[RemotePart]:
    """The parts of the newest synced records of the same destination. Cheap: they are read by an index."""
    rows = records().filter(destination_id=record.destination_id, state=RecordState.SYNCED).exclude(pk=record.pk)
    found = rows.order_by("-pk")[:NEWEST_COUNT].values_list("parts", flat=True)
    return [RemotePart(**part) for parts in found for part in parts]


def known_ids(record: SyncRecord, ids: Collection[str], identity: str) -> frozenset[str]:
    """Those of `ids` that another record of the service has, unless its part is known to be at another place.

    Reads all records of the service: to be asked for a few ids, and seldom.
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
    """The other records that are being sent to a place, or have a part of this kind there."""
    # A sender has not been told yet where it sends to; a destination whose place is not known may be at this one.
    rows = records().filter(service=record.service).exclude(state=RecordState.SYNCED).exclude(pk=record.pk)
    rows = rows.annotate(as_text=Cast("parts", TextField())).select_related("destination")
    sending = rows.filter(sending_until__gt=Now()).exclude(sending_token="")
    lost = rows.filter(as_text__contains=f'"kind": "{kind}"')
    return Unsettled(
        is_sending=any(identity_of(row.destination, row.sending_address) in ("", identity) for row in sending),
        lost_count=sum(
            any(part.kind == kind and part.identity in ("", identity) for part in read_parts(row)) for row in lost
        ),
    )


def _holding(rows: QuerySet[SyncRecord] | QuerySet[OrphanPart], column: str, ids: Collection[str]) -> QuerySet:  # type: ignore[type-arg]
    # Every database writes the text of a JSON column so.
    about = reduce(or_, (Q(as_text__contains=f'"id": "{number}"') for number in ids))
    return rows.annotate(as_text=Cast(column, TextField())).filter(about)

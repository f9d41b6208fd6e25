"""Objects without records, or whose records have not seen the last change of the object."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction

from syncqueue.core.answer import Asked, Refused
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.models import SyncRecord
from syncqueue.site import record_db
from syncqueue.sources import gate, refusals
from syncqueue.sources.gate import Reading
from syncqueue.sources.intents import Change, PendingRecord, Seen, change_of, record_changes
from syncqueue.sources.keys import key_text
from syncqueue.sources.registry import ModelSync
from syncqueue.sources.walk import table

logger = logging.getLogger("syncqueue.sources")

# Maximum number of refused objects that are tried again, per source and round.
_MOST_RETRIED = 100


def record_missed(source: ModelSync, reading: Reading, only: Collection[int] | None = None) -> list[PendingRecord]:
    """Upsert the records that have not seen the last change of their object.

    Objects for which the site's code has raised are skipped until they are due again.
    `only`: the primary keys of the destinations to consider; None: all.
    """
    if not reading.count:
        return []
    changes = [change_of(obj) for obj in reading.objects]
    note_unread(source, reading)
    waiting = refusals.not_due(source, [change.pk for change in changes], SYSTEM_CLOCK.now())
    changes = [change for change in changes if change.pk not in waiting]
    if not changes:
        return []
    return record_many(source, changes, seen=_seen(source, [change.pk for change in changes]), only=only)


def record_many(
    source: ModelSync, changes: Sequence[Change], *, seen: Seen | None = None, only: Collection[int] | None = None
) -> list[PendingRecord]:
    """Call `record_changes` for a chunk of a walk: for all objects together, or for each one if that fails.

    An object whose record cannot be written is remembered with its reason; the others are recorded.
    """
    try:
        return _recorded(source, changes, seen, only)
    except Exception as error:
        gate.raise_outage(source, error)
        logger.exception("%s objects of %s could not be recorded together", len(changes), source.label)
    found: list[PendingRecord] = []
    for change in changes:
        try:
            found += _recorded(source, [change], seen, only)
        except Exception as error:
            gate.raise_outage(source, error)
            refusals.note(source, {change.pk: gate.refuse(source, change.pk, "the record cannot be written", error)})
    return found


def _recorded(
    source: ModelSync, changes: Sequence[Change], seen: Seen | None, only: Collection[int] | None
) -> list[PendingRecord]:
    with transaction.atomic(using=record_db()):  # a failure here writes nothing
        return record_changes(source, changes, seen=seen, only=only)


def note_unread(source: ModelSync, reading: Reading) -> None:
    """Remember the unreadable objects of a chunk, except those that are not due yet."""
    unread = {key_text(source.model, key): refused for key, refused in reading.refused.items()}
    if unread:
        waiting = refusals.not_due(source, list(unread), SYSTEM_CLOCK.now())
        refusals.note(source, {pk: refused for pk, refused in unread.items() if pk not in waiting})


def record_refused(source: ModelSync) -> list[PendingRecord]:
    """Try the refused objects again that are due; forget those that succeed."""
    keys = refusals.due(source, SYSTEM_CLOCK.now(), _MOST_RETRIED)
    return retry_refused(source, keys)[0] if keys else []


def retry_refused(source: ModelSync, keys: Collection[str]) -> tuple[list[PendingRecord], int]:
    """Try refused objects again, due or not; returns the records that wait now, and how many objects succeeded."""
    before = refusals.tries(source, keys)
    found = gate.read_texts(source, list(before), table(source))
    refusals.note(source, {key: one for key, one in found.items() if isinstance(one, Refused)})
    changes = [change_of(one.value) for one in found.values() if isinstance(one, Asked)]
    pending_records = record_many(source, changes, seen=_seen(source, [change.pk for change in changes]))
    return pending_records, refusals.forget_succeeded(source, before)


def _seen(source: ModelSync, keys: list[str]) -> dict[str, dict[int, datetime | None]]:
    rows = SyncRecord.objects.using(record_db()).filter(source=source.label, object_pk__in=keys)
    seen: dict[str, dict[int, datetime | None]] = {}
    for pk, destination, changed_at in rows.values_list("object_pk", "destination_id", "object_changed_at"):
        seen.setdefault(pk, {})[destination] = changed_at
    return seen

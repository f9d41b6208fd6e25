"""The differences that the last verification of a destination has found, and their correction at a person's request."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F, QuerySet

from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.models import Destination, SyncRecord, Verification, VerificationFinding
from syncqueue.services.objects import enqueue_pending
from syncqueue.site import record_db
from syncqueue.sources import records
from syncqueue.sources.drift import Drift
from syncqueue.sources.resyncing import write_again

logger = logging.getLogger("syncqueue.services")


def note_findings(verification: Verification, found: Iterable[tuple[SyncRecord, Drift]]) -> None:
    """Store differences. A continued run may find one again; it is stored once."""
    rows = [
        VerificationFinding(
            verification=verification, record_id=record.pk, generation=record.generation, drift=drift.value
        )
        for record, drift in found
    ]
    VerificationFinding.objects.using(record_db()).bulk_create(rows, ignore_conflicts=True)


def findings(destination: Destination) -> QuerySet[VerificationFinding]:
    """Return the differences of the last verification that were not corrected since, oldest first."""
    rows = VerificationFinding.objects.using(record_db()).filter(verification__destination_id=destination.pk)
    return rows.order_by("pk")


def correct_findings(destination: Destination, *, actor: str, most: int) -> tuple[int, int]:
    """Let workers correct the copies of up to `most` findings, as `syncqueue verify --mend` does.

    Returns how many findings were processed, and how many records wait now: a record that has been synced since the
    verification is left alone.
    """
    rows = list(findings(destination).select_related("verification")[:most])
    if not rows:
        return 0, 0
    generations = {row.record_id: row.generation for row in rows}
    with transaction.atomic(using=record_db()):
        known = records.records().filter(pk__in=generations).select_related("destination")
        count = send_again([record for record in known if record.generation == generations[record.pk]])
        findings(destination).filter(pk__in=[row.pk for row in rows]).delete()
        verifications = Verification.objects.using(record_db()).filter(pk=rows[0].verification_id)
        verifications.update(mended_count=F("mended_count") + len(rows))
    logger.info("%s copies at destination %s corrected by %s", count, destination.pk, actor)
    return len(rows), count


def send_again(rows: Sequence[SyncRecord]) -> int:
    """Set records to waiting and queue them; returns how many were set."""
    with transaction.atomic(using=record_db()):
        pending = write_again(rows, now=SYSTEM_CLOCK.now())
        enqueue_pending(pending)
    return len(pending)

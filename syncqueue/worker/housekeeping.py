"""Slow checks of whole tables, a chunk per round, for changes that neither a signal nor a sweep reveals."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

from syncqueue import services
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.models import RecordState, SyncRecord
from syncqueue.site import record_db
from syncqueue.sources import destinations, walk
from syncqueue.sources.intents import touch_records
from syncqueue.worker.sweeper import enqueue_all

logger = logging.getLogger("syncqueue.worker")


class LookForGone:
    """Searches the synced records for those whose objects were deleted without a signal.

    A sweep cannot find such a deletion: its record could not be written, or it was made with raw SQL.
    """

    def __init__(self) -> None:
        """Begin at a random record, so that workers that are often restarted still cover the whole table."""
        self._after: int | None = None

    def run(self) -> int:
        """Check one chunk; returns how many records wait because of it."""
        rows = SyncRecord.objects.using(record_db()).filter(state=RecordState.SYNCED)
        if self._after is None:
            last = rows.order_by("-pk").values_list("pk", flat=True).first()
            self._after = random.randrange(last) if last else 0  # noqa: S311
        piece = list(rows.filter(pk__gt=self._after).select_related("destination").order_by("pk")[: walk.CHUNK])
        self._after = piece[-1].pk if piece else 0
        found, failed = _gone(piece)
        total = enqueue_all([touch_records(found, now=SYSTEM_CLOCK.now())])
        if total:
            logger.warning("The objects of %s synced records are gone; their copies are removed", total)
        if failed is not None:
            raise failed
        return total


def _gone(records: Sequence[SyncRecord]) -> tuple[list[SyncRecord], Exception | None]:
    """Return the records whose objects are gone, and the first exception of a source; the other sources are checked."""
    found: list[SyncRecord] = []
    failed: Exception | None = None
    for source in sorted({record.source for record in records}):
        try:
            found += walk.gone_among([record for record in records if record.source == source])
        except Exception as error:  # raised by the caller after the other sources
            failed = failed or error
    return found, failed


class LookForOwnerless:
    """Searches the destinations for those whose owner was deleted, and retires them."""

    def __init__(self) -> None:
        """Begin at the first destination."""
        self._after = 0

    def run(self) -> None:
        """Check one chunk, and delete retired destinations that have no copies left.

        An error with the destinations of one owner does not stop the others; the first error is raised at the end.
        """
        destinations.finish_retirements()
        last, owners = destinations.ownerless(self._after)
        self._after = last
        failed: Exception | None = None
        for owner in owners:
            try:
                services.retire_of_owner(owner)
            except Exception as error:  # raised below; the next round tries again
                failed = failed or error
        if failed is not None:
            raise failed

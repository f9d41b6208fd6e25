"""Slow looks over tables, a chunk in each round: what no signal and no sweep would ever tell."""

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
    """Goes through the synced records, over and over, for those whose objects were deleted without a word.

    Such a deletion leaves no trace that a sweep could find: its record could not be written, or it was made by raw SQL.
    """

    def __init__(self) -> None:
        """Begin at a random place, so that workers that are often restarted come everywhere in time."""
        self._after: int | None = None

    def run(self) -> int:
        """Look at one chunk; returns how many records wait because of it."""
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
    """Those whose objects are gone, and what a source that could not be asked has raised: the others are asked."""
    found: list[SyncRecord] = []
    failed: Exception | None = None
    for source in sorted({record.source for record in records}):
        try:
            found += walk.gone_among([record for record in records if record.source == source])
        except Exception as error:  # raised by the caller, when the others have been looked at
            failed = failed or error
    return found, failed


class LookForOwnerless:
    """Goes through the destinations for those whose owner was deleted, and retires them."""

    def __init__(self) -> None:
        """Begin at the first."""
        self._after = 0

    def run(self) -> None:
        """Look at one chunk, and delete retired destinations of which nothing is out there any more.

        An owner whose destinations cannot be retired does not keep the others; the first of their errors is raised.
        """
        destinations.finish_retirements()
        last, owners = destinations.ownerless(self._after)
        self._after = last
        failed: Exception | None = None
        for owner in owners:
            try:
                services.retire_of_owner(owner)
            except Exception as error:  # raised below; tried again in the next round
                failed = failed or error
        if failed is not None:
            raise failed

"""The work on one source: the sweep, another try for refused objects, and the requested walks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from syncqueue.core.clock import SYSTEM_CLOCK, Clock
from syncqueue.dispatch.dispatch import dispatch, queued
from syncqueue.sources import destinations, walks
from syncqueue.sources.intents import PendingRecord
from syncqueue.sources.missed import record_refused
from syncqueue.sources.registry import ModelSync
from syncqueue.sources.sweep import sweep

logger = logging.getLogger("syncqueue.worker")


def sweep_source(
    source: ModelSync, clock: Clock = SYSTEM_CLOCK, *, is_ending: Callable[[], bool] = lambda: False
) -> int:
    """Do one round; returns how many records wait because of it. Raises what the database and the site's code raise.

    A walk that raises does not stop the others. `is_ending` is called after each chunk; True ends the round.
    """
    destinations.ensure_declared()
    total = enqueue_all(sweep(source, clock.now()), is_ending)
    total += enqueue_all([record_refused(source)])
    if total:
        logger.warning("The sweep found %s records of %s to sync", total, source.label)
    failed: Exception | None = None
    for one in walks.requested(source):
        if is_ending():
            break
        try:
            count = enqueue_all(walks.advance(source, one), is_ending)
        except Exception as error:  # raised below, after the other walks
            failed = error
        else:
            logger.info("%s: %s records wait", one, count)
            total += count
    if failed is not None:
        raise failed
    return total


def enqueue_all(pieces: Iterable[list[PendingRecord]], is_ending: Callable[[], bool] = lambda: False) -> int:
    """Enqueue records in chunks until `is_ending` returns True; returns how many."""
    total = 0
    for pending_records in pieces:
        total += len(pending_records)
        if pending_records:
            with queued():
                dispatch(pending_records)
        if is_ending():
            break
    return total

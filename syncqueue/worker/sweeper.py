"""One source against its records: the sweep, the objects to be asked again, and the walks requested over it."""

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
    """One round; returns how many records wait because of it. Raises what the database and the site's code raise.

    A walk that raises does not keep the others waiting. `is_ending` is asked after each chunk: the worker ends then.
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
        except Exception as error:  # raised below, when the others have had their turn
            failed = error
        else:
            logger.info("%s: %s records wait", one, count)
            total += count
    if failed is not None:
        raise failed
    return total


def enqueue_all(pieces: Iterable[list[PendingRecord]], is_ending: Callable[[], bool] = lambda: False) -> int:
    """Put records into their queues, a chunk at a time, until `is_ending`; returns how many."""
    total = 0
    for pending_records in pieces:
        total += len(pending_records)
        if pending_records:
            with queued():
                dispatch(pending_records)
        if is_ending():
            break
    return total

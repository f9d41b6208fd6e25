"""Objects for which the site's own code raises before there is a record, and another try at a person's request."""

from __future__ import annotations

import logging
from itertools import groupby

from django.db.models import QuerySet

from syncqueue.models import RefusedObject
from syncqueue.services.objects import enqueue_pending
from syncqueue.site import record_db
from syncqueue.sources.missed import retry_refused
from syncqueue.sources.registry import all_sources, source_by_label

logger = logging.getLogger("syncqueue.services")


def refused_objects() -> QuerySet[RefusedObject]:
    """Return the refused objects of all registered models, oldest first."""
    labels = [source.label for source in all_sources()]
    return RefusedObject.objects.using(record_db()).filter(source__in=labels).order_by("pk")


def retry_refused_objects(*, actor: str, after: int = 0, most: int) -> tuple[int, int, int]:
    """Try refused objects again now, at most `most`, beginning after the primary key `after`.

    Returns how many were tried, how many of them succeeded, and the last primary key; 0 if none is left.
    """
    rows = list(refused_objects().filter(pk__gt=after)[:most])
    done = 0
    for label, found in groupby(sorted(rows, key=lambda row: row.source), key=lambda row: row.source):
        source = source_by_label(label)
        if source is not None:
            pending_records, count = retry_refused(source, [row.object_pk for row in found])
            enqueue_pending(pending_records)
            done += count
    logger.info("%s refused objects tried again by %s; %s succeeded", len(rows), actor, done)
    return len(rows), done, rows[-1].pk if len(rows) == most else 0

"""Who this database is, and whether it is where it thinks it is.

A random site id, kept here and in Redis, keeps two databases from working on one queue. The name of the environment,
stamped on first use, keeps a copy of production's database from posting from a staging machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import router

from syncqueue.conf import get_settings
from syncqueue.core.errors import UnconfirmedEnvironment
from syncqueue.models import SiteStamp

# How soon a running process notices `syncqueue adopt-queue`.
FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the database says of itself, and when it was asked."""

    site_id: str
    environment: str
    read_at: float  # monotonic seconds


_stamp: Stamp | None = None


def record_db() -> str:
    """The alias of the database that holds syncqueue's tables."""
    return router.db_for_write(SiteStamp)


def stamp() -> Stamp:
    """The stamp, read at most every FRESH_SECONDS, made on first use."""
    global _stamp
    if _stamp is None or time.monotonic() - _stamp.read_at > FRESH_SECONDS:
        row, _ = SiteStamp.objects.using(record_db()).get_or_create(
            pk=1, defaults={"environment": get_settings().environment}
        )
        _stamp = Stamp(row.site_id, row.environment, time.monotonic())
    return _stamp


def forget() -> None:
    """Read the stamp again when it is next asked for."""
    global _stamp
    _stamp = None


def site_id() -> str:
    """The id that stamps this site's queues."""
    return stamp().site_id


def require_confirmed() -> None:
    """Raise `UnconfirmedEnvironment` when this database was stamped in another environment."""
    here, there = get_settings().environment, stamp().environment
    if here != there:
        raise UnconfirmedEnvironment(
            f"This database was stamped in the environment {there!r}, but SYNCQUEUE['ENVIRONMENT'] is {here!r}: it may "
            f"be a copy of another site's, so nothing is sent. If it is meant to sync from here, run: "
            f"manage.py syncqueue adopt-queue"
        )


def adopt() -> None:
    """Confirm that this database belongs to this environment."""
    stamp()
    SiteStamp.objects.using(record_db()).filter(pk=1).update(environment=get_settings().environment)
    forget()

"""Identity of the database: its site id and its environment.

A random site id, stored in the database and in Redis, prevents two databases from working on one queue. The name of
the environment, stamped on first use, prevents a copy of the production database from posting from a staging machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import router

from syncqueue.conf import get_settings
from syncqueue.core.errors import UnconfirmedEnvironment
from syncqueue.models import SiteStamp

# Maximum delay until a running process notices `syncqueue adopt-queue`.
FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """The stamp of the database, and when it was read."""

    site_id: str
    environment: str
    read_at: float  # monotonic seconds


_stamp: Stamp | None = None


def record_db() -> str:
    """Return the alias of the database with syncqueue's tables."""
    return router.db_for_write(SiteStamp)


def stamp() -> Stamp:
    """Return the stamp; it is created on first use and cached for FRESH_SECONDS."""
    global _stamp
    if _stamp is None or time.monotonic() - _stamp.read_at > FRESH_SECONDS:
        row, _ = SiteStamp.objects.using(record_db()).get_or_create(
            pk=1, defaults={"environment": get_settings().environment}
        )
        _stamp = Stamp(row.site_id, row.environment, time.monotonic())
    return _stamp


def forget() -> None:
    """Drop the cached stamp."""
    global _stamp
    _stamp = None


def site_id() -> str:
    """Return the site id, which stamps the queues of this site."""
    return stamp().site_id


def require_confirmed() -> None:
    """Raise `UnconfirmedEnvironment` if this database was stamped in another environment."""
    here, there = get_settings().environment, stamp().environment
    if here != there:
        raise UnconfirmedEnvironment(
            f"This database was stamped in the environment {there!r}, but SYNCQUEUE['ENVIRONMENT'] is {here!r}: it may "
            f"be a copy of another site's database, so nothing is sent. To sync from this environment, run: "
            f"manage.py syncqueue adopt-queue"
        )


def adopt() -> None:
    """Confirm that this database belongs to this environment."""
    stamp()
    SiteStamp.objects.using(record_db()).filter(pk=1).update(environment=get_settings().environment)
    forget()

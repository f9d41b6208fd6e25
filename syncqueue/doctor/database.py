"""The doctor's tests of the database."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.db import Error as DatabaseError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from syncqueue import site
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import UnconfirmedEnvironment
from syncqueue.doctor.finding import Finding, Level, ok, wrong
from syncqueue.doctor.queues import CLOCK_SECONDS
from syncqueue.models import SiteStamp

AREA = "database"


def examine_database() -> Iterator[Finding]:
    """Yield findings on the connection, the migrations, the environment and the clock of the database."""
    began = time.monotonic()
    try:
        missing = _unapplied()
    except DatabaseError as error:
        text = _("The database does not respond: %s") % error
        yield wrong(AREA, text, _("Start the database, or correct DATABASES in the settings."))
        return
    if missing:
        text = _("Migrations of syncqueue are not applied: %s.") % ", ".join(missing)
        yield wrong(AREA, text, _("Run: manage.py migrate syncqueue"))
        return
    seconds = time.monotonic() - began
    yield ok(AREA, _("The database responds, and all migrations are applied."), seconds)
    yield from _stamp()
    yield from _clock()


def is_fit(findings: list[Finding]) -> bool:
    """Return whether the other tests can run: all of them read the tables."""
    return all(finding.level is not Level.WRONG or finding.area != AREA for finding in findings)


def _unapplied() -> list[str]:
    executor = MigrationExecutor(connections[site.record_db()])
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "syncqueue"]
    return [migration.name for migration, _ in executor.migration_plan(targets) if migration.app_label == "syncqueue"]


def _stamp() -> Iterator[Finding]:
    try:
        site.require_confirmed()
    except UnconfirmedEnvironment as error:
        yield wrong(
            "environment",
            str(error),
            _("Make sure that this is the right database, then run: manage.py syncqueue adopt-queue"),
        )


def _clock() -> Iterator[Finding]:
    now = SiteStamp.objects.using(site.record_db()).annotate(now=Now()).values_list("now", flat=True).first()
    difference = abs((now - SYSTEM_CLOCK.now()).total_seconds()) if now is not None else 0
    if difference > CLOCK_SECONDS:
        text = _("The clocks of the database server and this machine differ by %.0f seconds.") % difference
        yield wrong(AREA, text, _("Synchronise the clocks of both machines with NTP."))

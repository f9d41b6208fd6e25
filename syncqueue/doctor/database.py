"""The doctor's look at the database."""

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
    """Whether the tables are there, as this version of the code wants them, and the database is where it should be."""
    began = time.monotonic()
    try:
        missing = _unapplied()
    except DatabaseError as error:
        text = _("The database does not answer: %s") % error
        yield wrong(AREA, text, _("Start it, or mend DATABASES in the settings."))
        return
    if missing:
        text = _("Migrations of syncqueue are not applied: %s.") % ", ".join(missing)
        yield wrong(AREA, text, _("Run: manage.py migrate syncqueue"))
        return
    seconds = time.monotonic() - began
    yield ok(AREA, _("It answers, and all migrations are applied."), seconds)
    yield from _stamp()
    yield from _clock()


def is_fit(findings: list[Finding]) -> bool:
    """Whether the rest can be examined: it all reads the tables."""
    return all(finding.level is not Level.WRONG or finding.area != AREA for finding in findings)


def _unapplied() -> list[str]:
    executor = MigrationExecutor(connections[site.record_db()])
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "syncqueue"]
    return [migration.name for migration, _ in executor.migration_plan(targets) if migration.app_label == "syncqueue"]


def _stamp() -> Iterator[Finding]:
    try:
        site.require_confirmed()
    except UnconfirmedEnvironment as error:
        yield wrong("environment", str(error), _("Look twice, then run: manage.py syncqueue adopt-queue"))


def _clock() -> Iterator[Finding]:
    now = SiteStamp.objects.using(site.record_db()).annotate(now=Now()).values_list("now", flat=True).first()
    difference = abs((now - SYSTEM_CLOCK.now()).total_seconds()) if now is not None else 0
    if difference > CLOCK_SECONDS:
        text = _("The clock of the database and the clock here are %.0f seconds apart.") % difference
        yield wrong(AREA, text, _("Let both machines take their time from NTP."))

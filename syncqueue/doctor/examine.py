"""The whole examination, in order of dependency: settings, database, Redis, workers, services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from syncqueue.checks import check_settings
from syncqueue.doctor.database import examine_database, is_fit
from syncqueue.doctor.finding import Finding, advise, ok, wrong
from syncqueue.doctor.outside import MOST_DESTINATIONS, examine_service, names_of
from syncqueue.doctor.queues import examine_redis


def examine(services: Sequence[str] = (), *, most: int = MOST_DESTINATIONS) -> Iterator[Finding]:
    """Yield findings as they are made. `services`: only these; `most`: maximum destinations tested per service."""
    settings = list(_settings())
    yield from settings
    if any(finding.advice for finding in settings):
        return
    database = list(examine_database())
    yield from database
    if not is_fit(database):
        return
    yield from examine_redis()
    for name in names_of(services):
        yield from examine_service(name, most)


def _settings() -> Iterator[Finding]:
    found = check_settings()
    for message in found:
        make = wrong if message.is_serious() else advise
        yield make(
            "settings",
            f"{message.msg} ({message.id})",
            message.hint or _("Correct the settings of the site; manage.py check reports the same."),
        )
    if not found:
        yield ok("settings", "SYNCQUEUE")

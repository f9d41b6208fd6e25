"""The whole examination, in order of dependency: settings, database, Redis, workers, services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from django.core.checks import CheckMessage
from django.utils.translation import gettext as _

from syncqueue.checks import ONE_DESTINATION, ONE_HANDLER, check_settings
from syncqueue.core.errors import UnconfirmedEnvironment
from syncqueue.doctor.database import examine_database, is_fit
from syncqueue.doctor.finding import Finding, advise, ok, wrong
from syncqueue.doctor.outside import MOST_DESTINATIONS, examine_service, names_of
from syncqueue.doctor.queues import examine_redis
from syncqueue.site import require_confirmed
from syncqueue.sources.destinations import ensure_declared


def examine(services: Sequence[str] = (), *, most: int = MOST_DESTINATIONS) -> Iterator[Finding]:
    """Yield findings as they are made. `services`: only these; `most`: maximum destinations tested per service."""
    found = check_settings()
    yield from _settings(found)
    if any(message.is_serious() and message.id not in (ONE_HANDLER, ONE_DESTINATION) for message in found):
        return
    database = list(examine_database())
    yield from database
    if not is_fit(database):
        return
    _take_over_declared()
    yield from examine_redis()
    for name in names_of(services):
        yield from examine_service(name, most)


def _take_over_declared() -> None:
    """Update the rows of declared destinations, so that the current settings are examined."""
    with suppress(UnconfirmedEnvironment):  # reported already; the settings do not belong to that database
        require_confirmed()
        ensure_declared()


def _settings(found: Sequence[CheckMessage]) -> Iterator[Finding]:
    for message in found:
        make = wrong if message.is_serious() else advise
        yield make(
            "settings",
            f"{message.msg} ({message.id})",
            message.hint or _("Correct the settings of the site; manage.py check reports the same."),
        )
    if not found:
        yield ok("settings", "SYNCQUEUE")

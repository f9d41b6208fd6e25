"""`resync`: compares all objects of a service or a destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.management.subcommands.base import (
    ACTOR,
    Answer,
    Subcommand,
    add_caution,
    check_service,
    note,
    one_destination,
)
from syncqueue.models import Destination
from syncqueue.sources.resyncing import ResyncCounts, chosen_destinations, count


class Resync(Subcommand):
    """Queues all objects, so that each is compared with its copies."""

    name = "resync"
    help = (
        "Queues every object of a service or a destination. Changes by update() and bulk calls are sent, unchanged "
        "objects cost no remote call, and objects that a destination accepts but never received are posted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--service", help="all destinations of this service")
        where.add_argument("--destination", help="only this destination: its name or its id")
        parser.add_argument("--force", action="store_true", help="also send objects whose content hash is unchanged")
        parser.add_argument(
            "--prune", action="store_true", help="also remove copies of objects that were deleted without a signal"
        )
        add_caution(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Count, ask for confirmation, then queue in chunks."""
        places = places_named(options)
        found = count(places, prune=options["prune"])
        total = found.known + found.new + found.gone
        data = {"destinations": [place.name for place in places], **asdict(found)}
        if options["dry_run"] or not total:
            return Answer(text=_words(found), data={**data, "queued": 0})
        self.confirm(_("%s Continue?") % _words(found), options)
        done = services.resync(
            places,
            force=options["force"],
            prune=options["prune"],
            actor=ACTOR.name,
            progress=self.progress(total, options),
        )
        for service in sorted({place.service for place in places}):
            note(service, f"resync: {done} records")
        return Answer(text=_("Queued: %d.") % done, data={**data, "queued": done})


def _words(found: ResyncCounts) -> str:
    text = _("Objects with a record: %(known)d; new objects: %(new)d; copies to remove: %(gone)d.")
    return text % {"known": found.known, "new": found.new, "gone": found.gone}


def places_named(options: Mapping[str, Any]) -> Sequence[Destination]:
    """Return the destinations of --service, or the one of --destination; raises `CommandError`."""
    if options["service"]:
        check_service(options["service"])
        return chosen_destinations([options["service"]])
    return [one_destination(options["destination"], chosen_destinations(services.service_names()))]

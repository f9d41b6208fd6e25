"""`resync`: goes through all objects of a service or of a destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand, add_caution, check_service, note
from syncqueue.models import Destination
from syncqueue.sources.resyncing import ResyncCounts, chosen_destinations, count


class Resync(Subcommand):
    """All objects are compared with what is out there."""

    name = "resync"
    help = (
        "Queues every object of a service or a destination: what update() and bulk calls changed goes out, what is "
        "equal costs no call, and what a destination takes and never got is posted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Where, how thoroughly, and how carefully."""
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--service", help="all destinations of this service")
        where.add_argument("--destination", help="this one alone: its name or its number")
        parser.add_argument("--force", action="store_true", help="send also what is equal, by its content hash")
        parser.add_argument("--prune", action="store_true", help="also remove copies of objects gone without a signal")
        add_caution(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Count, ask, then queue in chunks."""
        places = _places(options)
        found = count(places, prune=options["prune"])
        total = found.known + found.new + found.gone
        data = {"destinations": [place.name for place in places], **asdict(found)}
        if options["dry_run"] or not total:
            return Answer(text=_words(found), data={**data, "queued": 0})
        self.confirm(_("%s Go on?") % _words(found), options)
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
    text = _("Objects known here: %(known)d; objects new here: %(new)d; copies to be removed: %(gone)d.")
    return text % {"known": found.known, "new": found.new, "gone": found.gone}


def _places(options: Mapping[str, Any]) -> Sequence[Destination]:
    if options["service"]:
        check_service(options["service"])
        return chosen_destinations([options["service"]])
    wanted = options["destination"]
    known = chosen_destinations(services.service_names())
    found = [place for place in known if wanted in (place.name, str(place.pk))]
    if len(found) == 1:
        return found
    names = ", ".join(f"{place.pk} ({place.name})" for place in found or known[:20]) or "-"
    text = (
        _("%(wanted)r names several destinations; say which by its number: %(names)s.")
        if found
        else _("There is no destination %(wanted)r that is switched on; there are: %(names)s.")
    )
    raise CommandError(text % {"wanted": wanted, "names": names})

"""`adopt`: takes over the copies that a site made before syncqueue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand, add_caution, note, one_destination
from syncqueue.models import Destination
from syncqueue.presentation.reasons import in_words
from syncqueue.sources import gate
from syncqueue.sources.adopting import Adopted
from syncqueue.sources.destinations import active, ensure_declared
from syncqueue.sources.registry import all_sources

# Maximum number of refused objects that are listed; all of them are counted.
MOST_NAMED = 20


class Adopt(Subcommand):
    """Takes over the copies that `existing_remote` returns."""

    name = "adopt"
    help = (
        "Calls existing_remote() for every object at a destination and stores the copies that it returns. Nothing is "
        "posted; a worker removes copies of objects that are not wanted there, and updates those of private objects. "
        "The command may be stopped and repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("--destination", required=True, help="its name or its id; it may be switched off")
        add_caution(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Count, ask for confirmation, then adopt in chunks."""
        ensure_declared()
        destination = one_destination(options["destination"], active(services.service_names()))
        if not any(map(gate.adopts, all_sources())):
            raise CommandError(_("No ModelSync defines existing_remote(), so there are no copies to adopt."))
        found, adopted = _Sum(), False
        try:
            found.add(services.adopt_all(destination, dry_run=True, actor=ACTOR.name))
            if options["dry_run"] or not found.taken:
                return _answer(destination, found, adopted=False)
            self.confirm(_("%s Continue?") % found.words(), options)
            progress = self.progress(found.asked, options)
            found, adopted = _Sum(), True
            found.add(services.adopt_all(destination, dry_run=False, actor=ACTOR.name, progress=progress))
        except KeyboardInterrupt:
            return _answer(destination, found, adopted=adopted, stopped=True)
        note(destination.service, f"adopt: {found.taken} copies at {destination.name}")
        return _answer(destination, found, adopted=True)


class _Sum:
    """The counts of all chunks."""

    def __init__(self) -> None:
        self.asked = self.wanted = self.unwanted = self.known = self.without = self.refused = 0
        self.reasons: list[str] = []

    @property
    def taken(self) -> int:
        return self.wanted + self.unwanted

    def add(self, pieces: Iterable[Adopted]) -> None:
        for piece in pieces:
            self.asked += piece.count
            self.wanted += piece.wanted
            self.unwanted += piece.unwanted
            self.known += piece.known
            self.without += piece.without
            self.refused += len(piece.refused)
            self.reasons += [in_words(one.reason) for one in piece.refused.values()][: MOST_NAMED - len(self.reasons)]

    def words(self) -> str:
        text = _(
            "Copies to adopt: %(wanted)d; to adopt and remove, because they are not wanted: %(unwanted)d; known "
            "already: %(known)d; objects without a copy: %(without)d; objects skipped because of an error: %(refused)d."
        )
        return text % vars(self)


def _answer(destination: Destination, found: _Sum, *, adopted: bool, stopped: bool = False) -> Answer:
    names = ("asked", "wanted", "unwanted", "known", "without", "refused")
    count = found.taken if adopted else 0
    lines = [found.words(), *found.reasons]
    if adopted:
        lines.append(ngettext("%d copy is adopted.", "%d copies are adopted.", count) % count)
    if stopped:
        lines.append(_("Stopped. Adopted copies stay adopted; run the command again for the rest."))
    data = {"destination": destination.name, **{name: getattr(found, name) for name in names}}
    data |= {"reasons": found.reasons, "adopted": count, "stopped": stopped}
    return Answer(text="\n".join(lines), data=data, ok=not stopped)

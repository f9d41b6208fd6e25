"""`verify`: compares the copies at the services with the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand, check_service, note
from syncqueue.management.subcommands.resync import places_named
from syncqueue.models import Destination, Verification
from syncqueue.presentation.figures import labelled
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.verifications import drift_count, found_words, summary
from syncqueue.sources.destinations import ensure_declared
from syncqueue.sources.drift import Found
from syncqueue.sources.resyncing import chosen_destinations

MOST_NAMED = 100  # maximum findings listed per destination; the counts are exact

_COUNTS = ("looked", "gone", "changed", "unwanted", "unknown", "untold", "mended")


class Verify(Subcommand):
    """Reads the copies at the services, and changes nothing there."""

    name = "verify"
    help = (
        "Reads the copies at the services, at a pace that their limits allow, and reports differences: missing there, "
        "different content there, there but not wanted, unknown there. Nothing is changed at a service. If a run was "
        "stopped, the same command continues it. Exit code 1 if there are differences that are not waiting to be sent "
        "again, or if a run could not be finished."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--service", help="all destinations of this service")
        where.add_argument("--destination", help="only this destination: its name or its id")
        parser.add_argument(
            "--mend",
            action="store_true",
            help="let workers send the records of gone, changed and unwanted copies again",
        )
        parser.add_argument("--anew", action="store_true", help="start again instead of continuing a stopped run")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Verify the destinations one after the other."""
        ensure_declared()
        places = _places(options)
        named: dict[int, list[Found]] = {place.pk: [] for place in places}

        def note_found(found: Found) -> None:
            if len(named[found.destination_id]) < MOST_NAMED:
                named[found.destination_id].append(found)

        listener = services.Listener(found=note_found, progress=self._progress(options), waits=self._waits(options))
        done = services.verify(places, mend=options["mend"], anew=options["anew"], actor=ACTOR.name, listener=listener)
        if options["mend"]:
            for one in done:
                if one.row is not None and one.row.mended_count:
                    note(one.destination.service, f"verify --mend: {one.row.mended_count} records")
        is_fine = len(done) == len(places) and all(_is_fine(one) for one in done)
        return Answer(
            text="\n".join(_text(one, named[one.destination.pk]) for one in done) or _("There are no destinations."),
            data=[_data(one, named[one.destination.pk]) for one in done],
            ok=is_fine,
        )

    def _progress(self, options: Mapping[str, Any]) -> Any:
        """Return a function that draws the progress; without a terminal or with --json it draws nothing."""
        if options["json"] or not self._errors.isatty():
            return lambda name, done, total: None

        def draw(name: str, done: int, total: int) -> None:
            bar = self.progress(total, options, least=1, label=f"{name} ")
            if bar is not None:
                bar(done)

        return draw

    def _waits(self, options: Mapping[str, Any]) -> Any:
        def tell(name: str, reason: str, seconds: float) -> None:
            if not options["json"]:
                text = _("%(name)s: waits %(seconds).0f s: %(reason)s")
                self._say("\n" + text % {"name": name, "seconds": seconds, "reason": in_words(reason)} + "\n")

        return tell


def _places(options: Mapping[str, Any]) -> Sequence[Destination]:
    if options["service"]:
        check_service(options["service"])
    if options["service"] or options["destination"]:
        return places_named(options)
    return chosen_destinations(services.service_names())


def _is_fine(one: services.Verified) -> bool:
    row = one.row
    if row is None:
        return not one.problem  # without a problem, the service cannot be verified
    return row.finished_at is not None and drift_count(row) <= row.mended_count and not row.unknown_count


def _text(one: services.Verified, named: Sequence[Found]) -> str:
    if one.problem:
        return labelled(one.destination.name, in_words(one.problem))
    if one.row is None:
        return _("%s: copies at this service cannot be read.") % one.destination.name
    lines = [labelled(one.destination.name, summary(one.row))]
    if not one.began_anew:
        lines.append("  " + _("This run continued an earlier one."))
    lines += [f"  {found_words(found)}" for found in named]
    if (more := _found_count(one.row) - len(named)) > 0 and len(named) == MOST_NAMED:
        lines.append("  " + _("and %d more") % more)
    if one.row.finished_at is None:
        lines.append("  " + _("The same command continues from there; --anew starts again."))
    elif drift_count(one.row) > one.row.mended_count:
        lines.append("  " + _("--mend lets workers send them again."))
    return "\n".join(lines)


def _found_count(row: Verification) -> int:
    return drift_count(row) + (row.unknown_count or 0) + row.untold_count


def _data(one: services.Verified, named: Sequence[Found]) -> dict[str, Any]:
    about: dict[str, Any] = {"destination": one.destination.name, "service": one.destination.service}
    if one.row is None:
        return {**about, "can_be_asked": False, "problem": in_words(one.problem)}
    counts = {name: getattr(one.row, f"{name}_count") for name in _COUNTS}
    found = [
        {
            "drift": item.drift.value, "object": item.entity, "id": item.part.id if item.part else "",
            "url": item.part.url if item.part else "", "reason": in_words(item.reason),
        }
        for item in named
    ]  # fmt: skip
    state = {
        "finished": one.row.finished_at is not None,
        "stopped": in_words(one.row.stopped),
        "went_on": not one.began_anew,
    }
    return {**about, "can_be_asked": True, **state, **counts, "found": found}

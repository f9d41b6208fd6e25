"""`doctor`: what is wrong, in words, and which setting mends it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from syncqueue.doctor.examine import examine
from syncqueue.doctor.finding import Finding, Level
from syncqueue.doctor.outside import MOST_DESTINATIONS
from syncqueue.management.subcommands.base import Answer, Subcommand, check_service


class Doctor(Subcommand):
    """Tries everything."""

    name = "doctor"
    help = (
        "Tries Redis, the database, the workers, every service's host over IPv4 and IPv6 apart, and the destinations; "
        "says what is wrong and which setting mends it. Exit code 1 when something is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to try."""
        parser.add_argument("--service", action="append", default=[], help="only this one (repeatable)")
        parser.add_argument(
            "--destinations",
            type=int,
            default=MOST_DESTINATIONS,
            metavar="N",
            help=f"try at most N destinations of each service (default {MOST_DESTINATIONS})",
        )

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Examine, and sum up."""
        if options["destinations"] < 0:
            raise CommandError(_("--destinations: 0 or more."))
        for name in options["service"]:
            check_service(name)
        began = time.monotonic()
        found = list(examine(options["service"], most=options["destinations"]))
        wrong_count = sum(finding.level is Level.WRONG for finding in found)
        return Answer(
            text=_text(found, wrong_count, time.monotonic() - began),
            data={"ok": not wrong_count, "findings": [asdict(finding) for finding in found]},
            ok=not wrong_count,
        )


def _text(found: Sequence[Finding], wrong_count: int, seconds: float) -> str:
    lines = []
    for finding in found:
        lines.append(f"{_sign(finding.level)} {finding.area}: {finding.text}")
        if finding.advice and finding.level is not Level.OK:
            lines.append(f"      -> {finding.advice}")
    summed = _("All is well.") if not wrong_count else _("Wrong: %d.") % wrong_count
    return "\n".join([*lines, f"{summed} ({seconds:.1f} s)"])


def _sign(level: Level) -> str:
    return {Level.OK: "[ok]   ", Level.ADVICE: "[note] ", Level.WRONG: "[WRONG]"}[level]

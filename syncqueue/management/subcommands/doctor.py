"""`doctor`: reports what is wrong and which setting fixes it."""

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
    """Tests everything that syncing needs."""

    name = "doctor"
    help = (
        "Tests Redis, the database, the workers, the host of each service over IPv4 and IPv6 separately, and the "
        "destinations; reports what is wrong and which setting fixes it. Exit code 1 if a problem was found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--service", action="append", default=[], help="only this service (repeatable)")
        parser.add_argument(
            "--destinations",
            type=int,
            default=MOST_DESTINATIONS,
            metavar="N",
            help=f"test at most N destinations of each service (default {MOST_DESTINATIONS})",
        )

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Examine everything and summarise."""
        if options["destinations"] < 0:
            raise CommandError(_("--destinations: expected 0 or more."))
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
    summed = _("No problems found.") if not wrong_count else _("Problems found: %d.") % wrong_count
    return "\n".join([*lines, f"{summed} ({seconds:.1f} s)"])


def _sign(level: Level) -> str:
    return {Level.OK: "[ok]   ", Level.ADVICE: "[note] ", Level.WRONG: "[WRONG]"}[level]

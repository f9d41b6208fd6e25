"""`log`: prints the log of what went out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.core.errors import InvalidMoment
from syncqueue.management.subcommands.base import Answer, Subcommand, check_service
from syncqueue.management.table import table
from syncqueue.models import Destination, SentEntry
from syncqueue.presentation.figures import figure
from syncqueue.presentation.sent import action_words, exact_moment, seconds_words
from syncqueue.secrets import redact
from syncqueue.site import record_db

_LIMIT = 50


class Log(Subcommand):
    """The same as the page "Log" in the admin."""

    name = "log"
    help = (
        "Prints what went out, newest first: log notes.note:42, log --since 14:05 --until 14:06. A time is 14:05 "
        '(today), 2026-01-31 or "2026-01-31 14:05", in the time zone of the site.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("object", nargs="?", help="only this object: notes.note:42, or a primary key")
        parser.add_argument("--service", help="only this service")
        parser.add_argument("--destination", help="only this destination: its name or its id")
        parser.add_argument("--since", metavar="TIME", help="from this time on")
        parser.add_argument("--until", metavar="TIME", help="before this time")
        parser.add_argument("--limit", type=int, default=_LIMIT, help=f"maximum number of entries (default {_LIMIT})")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Read the log."""
        if options["service"]:
            check_service(options["service"])
        rows = services.sent(
            service=options["service"],
            destination_id=_destination_id(options["destination"]) if options["destination"] else None,
            about=options["object"],
            since=_moment(options["since"]),
            until=_moment(options["until"]),
        )
        limit = max(options["limit"], 1)
        found = list(rows[: limit + 1])
        shown, is_whole = found[:limit], len(found) <= limit
        text = _listed(shown) if shown else _("Nothing that matches was sent.")
        if not is_whole:
            text += "\n" + _("There are more: these are the newest %s.") % figure(limit)
        return Answer(text=text, data={"log": [services.sent_data(one) for one in shown], "is_whole": is_whole})


def _listed(entries: list[SentEntry]) -> str:
    heads = [
        _("time"),
        _("action"),
        _("object"),
        _("destination"),
        _("service"),
        _("duration"),
        _("attempt"),
        _("link"),
    ]
    rows = [
        (
            exact_moment(one.at),
            action_words(one),
            f"{one.source}:{one.object_pk}",
            one.destination_name,
            one.service,
            seconds_words(one.seconds),
            one.attempt,
            redact(one.url) or "-",
        )
        for one in entries
    ]
    return table(heads, rows)


def _moment(text: str | None) -> datetime | None:
    try:
        return services.read_moment(text) if text else None
    except InvalidMoment as error:
        raise CommandError(str(error), returncode=2) from error


def _destination_id(wanted: str) -> int:
    """Return the id of a destination; it may be a deleted one that is in the log."""
    named = set(Destination.objects.using(record_db()).filter(name=wanted).values_list("pk", flat=True))
    named |= set(services.sent().filter(destination_name=wanted).order_by().values_list("destination_id", flat=True))
    if len(named) == 1:
        return named.pop()
    if not named and wanted.isascii() and wanted.isdecimal():
        return int(wanted)
    if named:
        numbers = ", ".join(map(str, sorted(named)))
        message = _("Several destinations are named %(wanted)r; use the number: %(names)s.")
        raise CommandError(message % {"wanted": wanted, "names": numbers})
    raise CommandError(_("There is no destination %r, and none in the log.") % wanted)

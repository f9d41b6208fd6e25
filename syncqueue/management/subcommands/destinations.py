"""`mend`: marks a broken destination as fixed and sends its waiting tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand, check_service
from syncqueue.models import Destination
from syncqueue.presentation.reasons import in_words
from syncqueue.services import audit
from syncqueue.site import record_db
from syncqueue.sources.destinations import ensure_declared


class Mend(Subcommand):
    """The same as "Try again" in the admin."""

    name = "mend"
    help = (
        "Marks a broken destination as fixed, after its credential or address was corrected: its waiting tasks are "
        "sent, oldest first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("destination", help="the name, or the id if several destinations have the same name")
        parser.add_argument("--service", help="only a destination of this service")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Mark the destination as fixed."""
        if options["service"]:
            check_service(options["service"])
        ensure_declared()
        destination = _find(options["destination"], options["service"])
        reason = in_words(destination.broken_reason)
        services.mend(destination, actor=ACTOR.name)
        audit.note(ACTOR, "mend", subject=str(destination), model=Destination, object_id=destination.pk)
        data = {"id": destination.pk, "name": destination.name, "service": destination.service, "reason": reason}
        if reason:
            text = _("%(name)s is tried again; it was broken: %(reason)s") % {"name": destination, "reason": reason}
        else:
            text = _("%s was not broken; its waiting tasks are sent.") % destination
        return Answer(text=text, data=data)


def _find(name: str, service: str | None) -> Destination:
    rows = Destination.objects.using(record_db()).order_by("pk")
    if service:
        rows = rows.filter(service=service)
    found = list(rows.filter(name=name)[:10]) or list(rows.filter(declared=name)[:10])
    if not found and name.isascii() and name.isdigit():
        found = list(rows.filter(pk=int(name[:18])))
    if len(found) == 1:
        return found[0]
    if found:
        which = ", ".join(f"{one.pk} ({one.service})" for one in found)
        raise CommandError(_("Several destinations have this name; use the id: %s.") % which)
    broken = ", ".join(one.name for one in rows.exclude(broken_reason="")[:10])
    message = _("There is no destination %(name)r. Broken destinations: %(names)s.")
    raise CommandError(message % {"name": name, "names": broken or "-"})

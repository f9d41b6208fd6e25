"""`explain` and `adopt-queue`: what is known of one object, and whose queues these are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db.models import Model
from django.utils.translation import gettext as _

from syncqueue import services, site
from syncqueue.conf import get_settings
from syncqueue.management.subcommands.base import Answer, Subcommand, note
from syncqueue.sources.registry import source_for


class Explain(Subcommand):
    """How an object stands at each destination."""

    name = "explain"
    help = "One sentence for each destination of an object: explain notes.Note 42"

    def add_arguments(self, parser: CommandParser) -> None:
        """Which object."""
        parser.add_argument("model", help="such as notes.Note")
        parser.add_argument("pk", help="its primary key")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Find it and ask."""
        sentences = services.explain(_find(options["model"], options["pk"]))
        data = [
            {"destination": one.destination, "state": one.state, "text": one.text, "url": one.url} for one in sentences
        ]
        text = "\n".join(f"{one} {one.url}".rstrip() for one in sentences)
        return Answer(text=text or _("No destination takes this object's owner's content."), data=data)


def _find(label: str, pk: str) -> Model:
    try:
        model = apps.get_model(label)
        found: Model = model._base_manager.get(pk=pk)
    except (LookupError, ValueError, ValidationError, ObjectDoesNotExist) as error:
        message = _("%(model)s %(pk)s cannot be found: %(error)s")
        raise CommandError(message % {"model": label, "pk": pk, "error": error}) from error
    if source_for(model) is None:
        raise CommandError(_("%s is not registered with syncqueue.") % label)
    return found


class AdoptQueue(Subcommand):
    """This database, this environment and these queues belong together."""

    name = "adopt-queue"
    help = "Confirms that this database belongs to this environment, and takes its queues over. Sending begins."

    def add_arguments(self, parser: CommandParser) -> None:
        """The command is itself the yes; it only offers to look first."""
        parser.add_argument("--dry-run", action="store_true", help="say what would be taken over")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Stamp the database and the queues."""
        data: dict[str, Any] = {"environment": get_settings().environment, "stamped": site.stamp().environment}
        data |= {"services": services.service_names(), "adopted": not options["dry_run"]}
        if options["dry_run"]:
            text = _(
                "The database is stamped %(stamped)r; it would be stamped %(environment)r, with the queues of %(n)s."
            )
            return Answer(text=text % {**data, "n": ", ".join(services.service_names())}, data=data)
        services.adopt_queue()
        for name in services.service_names():
            note(name, "adopt-queue")
        return Answer(text=_("This database and its queues belong together now."), data=data)

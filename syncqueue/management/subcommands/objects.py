"""`explain`, `preview`, `sync` and `adopt-queue`: the state of one object, and the owner of the queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services, site
from syncqueue.conf import get_settings
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand, note
from syncqueue.models import SyncRecord
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.records import Sentence
from syncqueue.secrets import redact
from syncqueue.services import audit
from syncqueue.site import record_db
from syncqueue.sources.registry import source_for

_PIECE = 100  # refused objects in a step
_REASONS_SHOWN = 20


class Preview(Subcommand):
    """Shows what would be posted of an object at each destination."""

    name = "preview"
    help = "Prints what would be posted of an object at each destination, or why nothing would: preview notes.Note 42"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        _add_object(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Find the object and render it."""
        previews = services.preview(_find(options["model"], options["pk"]))
        text = "\n\n".join(str(one) for one in previews)
        data = [one.as_data() for one in previews]
        return Answer(text=redact(text) or _("No destination accepts content of the owner of this object."), data=data)


class Explain(Subcommand):
    """Explains the state of an object at each destination."""

    name = "explain"
    help = "Prints one sentence for each destination of an object: explain notes.Note 42"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        _add_object(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Find the object and explain it."""
        sentences = services.explain(_find(options["model"], options["pk"]))
        data = [
            {
                "destination": one.destination, "state": one.state, "text": one.text, "url": one.url,
                "command": one.command,
            }
            for one in sentences
        ]  # fmt: skip
        text = "\n".join(_with_command(f"{one} {one.url}".rstrip(), one) for one in sentences)
        return Answer(text=text or _("No destination accepts content of the owner of this object."), data=data)


def _with_command(text: str, sentence: Sentence) -> str:
    """The sentence, and in a line below it what mends it."""
    return f"{text}\n    manage.py {sentence.command}" if sentence.command else text


class Sync(Subcommand):
    """The same as "Sync now" in the admin, and as "Try again" for objects that the site's own code refused."""

    name = "sync"
    help = (
        "Syncs one object again at all its destinations, whatever its state, and prints its state: sync notes.Note 42. "
        "The copies of a deleted object are removed. sync --refused tries all objects again for which the site's own "
        "code raised; exit code 1 if it still raises for some."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("model", nargs="?", help="the model, such as notes.Note")
        parser.add_argument("pk", nargs="?", help="the primary key of the object")
        parser.add_argument("--refused", action="store_true", help="all objects for which the site's own code raised")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Sync the object, or its records if it is gone."""
        if options["refused"] == bool(options["model"]) or bool(options["model"]) != bool(options["pk"]):
            raise CommandError(_("Name a model and a primary key (sync notes.Note 42), or use --refused."))
        return self._refused() if options["refused"] else self._object(options["model"].lower(), options["pk"])

    def _object(self, label: str, pk: str) -> Answer:
        records = SyncRecord.objects.using(record_db()).filter(source=label, object_pk=pk)
        try:
            obj = _find(label, pk)
        except CommandError:
            if not records.exists():
                raise
            count = services.sync_records(records, actor=ACTOR.name)
            text = ngettext("%d record is being synced.", "%d records are being synced.", count) % count
            return Answer(text=text, data={"object": f"{label}:{pk}", "count": count})
        services.sync_now(obj)
        audit.note(ACTOR, "sync now: 1 objects", subject=f"{label}:{pk}", model=SyncRecord)
        sentences = services.explain(obj)
        data = {"object": f"{label}:{pk}", "count": len(sentences)}
        return Answer(text="\n".join(str(one) for one in sentences), data=data)

    def _refused(self) -> Answer:
        done = last = 0
        while True:
            _tried, succeeded, last = services.retry_refused_objects(actor=ACTOR.name, after=last, most=_PIECE)
            done += succeeded
            if not last:
                break
        audit.note(ACTOR, f"sync refused objects: {done} objects", subject="objects", model=SyncRecord)
        rows = services.refused_objects()
        left, reasons = rows.count(), [in_words(row.reason) for row in rows[:_REASONS_SHOWN]]
        text = ngettext("%d object is synced again.", "%d objects are synced again.", done) % done
        if left:
            still = (
                ngettext(
                    "The site's own code still raises for %d object:",
                    "The site's own code still raises for %d objects:",
                    left,
                )
                % left
            )
            text = "\n".join([text, still, *(f"  {reason}" for reason in reasons)])
        return Answer(text=text, data={"count": done, "left": left, "reasons": reasons}, ok=not left)


def _add_object(parser: CommandParser) -> None:
    parser.add_argument("model", help="the model, such as notes.Note")
    parser.add_argument("pk", help="the primary key of the object")


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
    """Confirms that this database, this environment and these queues belong together."""

    name = "adopt-queue"
    help = "Confirms that this database belongs to this environment, and takes over its queues. Sending starts."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --dry-run; the command itself is the confirmation, so it does not ask."""
        parser.add_argument("--dry-run", action="store_true", help="print what would be taken over")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Stamp the database and the queues."""
        data: dict[str, Any] = {"environment": get_settings().environment, "stamped": site.stamp().environment}
        data |= {"services": services.service_names(), "adopted": not options["dry_run"]}
        if options["dry_run"]:
            text = _(
                "The database is stamped %(stamped)r; it and the queues of %(n)s would be stamped %(environment)r."
            )
            return Answer(text=text % {**data, "n": ", ".join(services.service_names())}, data=data)
        services.adopt_queue()
        for name in services.service_names():
            note(name, "adopt-queue")
        return Answer(text=_("This database now owns its queues."), data=data)

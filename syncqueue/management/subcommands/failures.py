"""`failures`: why objects failed, and how many for each reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand, add_caution, check_service, note
from syncqueue.management.table import table
from syncqueue.presentation.figures import figure, moment
from syncqueue.presentation.reasons import in_words

_SHOWN_CHARACTERS = 200


class Failures(Subcommand):
    """The same as the page "Failures by reason" in the admin."""

    name = "failures"
    help = "Prints the failures by reason and destination, the most frequent first; retries or deletes all of a reason."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("service", nargs="?", help="only this service")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--retry", metavar="REASON", help="sync the objects of this reason again (first column)")
        what.add_argument(
            "--delete", metavar="REASON", help="delete the failures of this reason; for 7 days the admin restores them"
        )
        add_caution(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Read the newest failures."""
        if options["service"]:
            check_service(options["service"])
        found = services.failures(options["service"])
        if options["retry"]:
            return self._retry(_of_reason(found, options["retry"]), options)
        return self._delete(_of_reason(found, options["delete"]), options) if options["delete"] else _listed(found)

    def _retry(self, groups: Sequence[services.FailureGroup], options: Mapping[str, Any]) -> Answer:
        count, about = _count(groups), _about(groups)
        if options["dry_run"]:
            text = ngettext("%d object would be synced again.", "%d objects would be synced again.", count) % count
            return Answer(text=text, data={**about, "count": 0, "would": count})
        question = ngettext("Sync %d object again?", "Sync %d objects again?", count) % count
        self.confirm(question, options)
        done = 0
        for group in groups:
            count = services.retry_failure_group(group, actor=ACTOR.name)
            note(group.destination.service, f"retry failures: {count} records")
            done += count
        text = ngettext("%d object is being synced.", "%d objects are being synced.", done) % done
        return Answer(text=text, data={**about, "count": done})

    def _delete(self, groups: Sequence[services.FailureGroup], options: Mapping[str, Any]) -> Answer:
        count, about = _count(groups), _about(groups)
        if options["dry_run"]:
            text = ngettext("%d failure would be deleted.", "%d failures would be deleted.", count) % count
            return Answer(text=text, data={**about, "count": 0, "would": count})
        question = ngettext("Delete %d failure?", "Delete %d failures?", count) % count
        self.confirm(question, options)
        done = 0
        for group in groups:
            count = services.delete_failure_group(group, actor=ACTOR.name)
            note(group.destination.service, f"delete failures: {count} records")
            done += count
        text = ngettext("%d failure is deleted.", "%d failures are deleted.", done) % done
        return Answer(text=text, data={**about, "count": done})


def _of_reason(found: services.Failures, reason: str) -> Sequence[services.FailureGroup]:
    groups = [group for group in found.groups if group.kind == reason]
    if not groups:
        known = ", ".join(dict.fromkeys(group.kind for group in found.groups[:10]))
        message = _("No failure has the reason %(reason)r; there are: %(known)s.")
        raise CommandError(message % {"reason": reason, "known": known or "-"})
    return groups


def _count(groups: Sequence[services.FailureGroup]) -> int:
    return sum(group.count for group in groups)


def _about(groups: Sequence[services.FailureGroup]) -> dict[str, Any]:
    return {"reason": groups[0].kind, "destinations": [group.destination.pk for group in groups]}


def _listed(found: services.Failures) -> Answer:
    heads = [_("reason"), _("objects"), _("service"), _("destination"), _("first time"), _("why")]
    rows = [
        (
            group.kind,
            figure(group.count),
            group.destination.service,
            group.destination.name,
            moment(group.since) if group.since else "-",
            in_words(group.reason)[:_SHOWN_CHARACTERS],
        )
        for group in found.groups
    ]
    text = table(heads, rows) if rows else _("Nothing has failed.")
    if not found.is_whole:
        text += "\n" + _("There are more: only the newest %s are counted.") % figure(services.MOST_LOOKED_AT)
    data = [group.data() for group in found.groups]
    return Answer(text=text, data={"failures": data, "is_whole": found.is_whole})

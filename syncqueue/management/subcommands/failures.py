"""`failures`: why objects failed, and how many for each reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand, add_caution, check_service, note
from syncqueue.management.table import table
from syncqueue.presentation.figures import figure, moment
from syncqueue.presentation.reasons import in_words

_SHOWN_CHARACTERS = 200


class _Do(Protocol):
    """Acts on the failures of a group; returns how many."""

    def __call__(self, group: services.FailureGroup, *, actor: str) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    """What can be done with all failures of a reason. Its texts are for their count."""

    name: str  # of the option
    do: _Do
    would: Callable[[int], str]
    question: Callable[[int], str]
    answer: Callable[[int], str]


_ACTS = (
    _Act(
        name="retry",
        do=services.retry_failure_group,
        would=lambda n: ngettext("%d object would be synced again.", "%d objects would be synced again.", n) % n,
        question=lambda n: ngettext("Sync %d object again?", "Sync %d objects again?", n) % n,
        answer=lambda n: ngettext("%d object is being synced.", "%d objects are being synced.", n) % n,
    ),
    _Act(
        name="delete",
        do=services.delete_failure_group,
        would=lambda n: ngettext("%d failure would be deleted.", "%d failures would be deleted.", n) % n,
        question=lambda n: ngettext("Delete %d failure?", "Delete %d failures?", n) % n,
        answer=lambda n: ngettext("%d failure is deleted.", "%d failures are deleted.", n) % n,
    ),
)


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
        """List the failures, or act on those of one reason."""
        if options["service"]:
            check_service(options["service"])
        found = services.failures(options["service"])
        for act in _ACTS:
            if reason := options[act.name]:
                return self._do(act, _of_reason(found, reason), options)
        return _listed(found)

    def _do(self, act: _Act, groups: Sequence[services.FailureGroup], options: Mapping[str, Any]) -> Answer:
        count = sum(group.count for group in groups)
        about = {"reason": groups[0].kind, "destinations": [group.destination.pk for group in groups]}
        if options["dry_run"]:
            return Answer(text=act.would(count), data={**about, "count": 0, "would": count})
        self.confirm(act.question(count), options)
        done = 0
        for group in groups:
            count = act.do(group, actor=ACTOR.name)
            note(group.destination.service, f"{act.name} failures: {count} records")
            done += count
        return Answer(text=act.answer(done), data={**about, "count": done})


def _of_reason(found: services.Failures, reason: str) -> Sequence[services.FailureGroup]:
    groups = [group for group in found.groups if group.kind == reason]
    if not groups:
        known = ", ".join(dict.fromkeys(group.kind for group in found.groups[:10]))
        message = _("No failure has the reason %(reason)r; there are: %(known)s.")
        raise CommandError(message % {"reason": reason, "known": known or "-"})
    return groups


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
        text += "\n" + _("Not all failures are counted here.")
    data = [group.data() for group in found.groups]
    return Answer(text=text, data={"failures": data, "is_whole": found.is_whole})

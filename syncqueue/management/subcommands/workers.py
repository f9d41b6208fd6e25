"""`workers`: lists the workers, and asks one of them to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.core.worker_state import WorkerRequest
from syncqueue.management.subcommands.base import ACTOR, Answer, Subcommand
from syncqueue.management.table import table
from syncqueue.models import ServicePolicy
from syncqueue.presentation.sent import exact_moment
from syncqueue.presentation.workers import state_words
from syncqueue.services import audit


class Workers(Subcommand):
    """The same as the page "Workers" in the admin."""

    name = "workers"
    help = "Prints the live workers; asks one of them to take no new work, or to stop, within 10 seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        asked = parser.add_mutually_exclusive_group()
        asked.add_argument("--quiet", metavar="ID", help="this worker takes no new work until it is restarted")
        asked.add_argument("--stop", metavar="ID", help="this worker stops, as after SIGTERM")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Read the heartbeats, or ask a worker."""
        for wanted in WorkerRequest:
            if options[wanted.value]:
                return _ask(options[wanted.value], wanted)
        found = services.workers()
        heads = [_("worker"), _("state"), _("services"), _("tasks"), _("since"), _("heartbeat")]
        rows = [
            (
                one.id,
                state_words(one.state),
                ", ".join(one.services),
                one.running,
                exact_moment(one.started_at),
                exact_moment(one.seen_at),
            )
            for one in found
        ]
        text = table(heads, rows) if rows else _("No worker is running: start manage.py runsyncworker.")
        return Answer(text=text, data=[one.data() for one in found])


def _ask(worker: str, wanted: WorkerRequest) -> Answer:
    services.ask_worker(worker, wanted, actor=ACTOR.name)
    audit.note(ACTOR, f"{wanted} worker", subject=worker, model=ServicePolicy)
    text = (
        _("Worker %(worker)s was asked to shut down; it begins within 10 seconds.")
        if wanted is WorkerRequest.STOP
        else _("Worker %(worker)s was asked to take no new work; it obeys within 10 seconds.")
    )
    return Answer(text=text % {"worker": worker}, data={"worker": worker, "request": wanted.value})

"""`retry`, `clear`, `recover`, `pause` and `resume`: operations on the queue of one service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services
from syncqueue.core.task import TaskState
from syncqueue.management.subcommands.base import (
    ACTOR,
    Answer,
    Subcommand,
    add_caution,
    add_service,
    check_service,
    note,
)
from syncqueue.presentation.reasons import in_words

CLEARABLE = (TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED)


class Retry(Subcommand):
    """Puts failed tasks back into the queue."""

    name = "retry"
    help = "Puts the failed tasks of a service back into the queue; their attempts start again from 1."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        add_service(parser)
        add_caution(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Ask for confirmation with the count, then requeue in chunks."""
        service = options["service"]
        check_service(service)
        count, records = services.stats(service).failed_count, services.failed_record_count(service)
        about = {"service": service, "records": records}
        if options["dry_run"] or not (count or records):
            text = ngettext("%d task would be retried.", "%d tasks would be retried.", count) % count
            return Answer(text=text + _of_records(records), data={**about, "count": 0, "would": count})
        question = ngettext("Retry %d failed task of %s?", "Retry %d failed tasks of %s?", count)
        self.confirm(question % (count, service) + _of_records(records), options)
        done = services.retry_failed(service, actor=ACTOR.name, progress=self.progress(count, options))
        note(service, f"retry-failed: {done} tasks")
        text = ngettext("%d failed task is back in the queue.", "%d failed tasks are back in the queue.", done) % done
        return Answer(text=text, data={**about, "count": done})


def _of_records(count: int) -> str:
    text = ngettext(
        "%d object failed or is held after a lost response; it is synced again, even if it no longer has a task.",
        "%d objects failed or are held after a lost response; they are synced again, even if they no longer have a "
        "task.",
        count,
    )
    return " " + text % count if count else ""


class Clear(Subcommand):
    """Removes tasks from the queue."""

    name = "clear"
    help = "Removes the pending, delayed and failed tasks of a service from its queue, or only those of some states."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        add_service(parser)
        choices = [state.value for state in CLEARABLE]
        parser.add_argument("--state", action="append", choices=choices, help="only this state (repeatable)")
        add_caution(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Ask for confirmation with the count, then clear in chunks."""
        service = options["service"]
        check_service(service)
        states = [state for state in CLEARABLE if not options["state"] or state.value in options["state"]]
        stats = services.stats(service)
        counts = {state.value: getattr(stats, f"{state.value}_count") for state in states}
        count = sum(counts.values())
        if options["dry_run"] or not count:
            text = ngettext("%d task would be removed.", "%d tasks would be removed.", count) % count
            return Answer(text=text, data={"service": service, "count": 0, "would": count, "counts": counts})
        question = ngettext("Remove %d task of %s?", "Remove %d tasks of %s?", count) % (count, service)
        self.confirm(question, options)
        removed = services.clear(service, states=states, actor=ACTOR.name, progress=self.progress(count, options))
        done = sum(removed.values())
        note(service, f"clear: {done} tasks")
        text = ngettext("%d task removed.", "%d tasks removed.", done) % done
        data = {"service": service, "count": done, "counts": {str(state): n for state, n in removed.items()}}
        return Answer(text=text, data=data)


class Recover(Subcommand):
    """Puts tasks with an expired lease back into the queue."""

    name = "recover"
    help = "Recovers the tasks of a service whose lease has expired; workers do this automatically."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        add_service(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Recover expired leases; valid leases are not touched, so no confirmation is needed."""
        service = options["service"]
        check_service(service)
        count = services.recover(service, actor=ACTOR.name)
        note(service, f"recover: {count} tasks")
        text = ngettext("%d expired lease recovered.", "%d expired leases recovered.", count) % count
        return Answer(text=text, data={"service": service, "count": count})


class Pause(Subcommand):
    """Pauses a service."""

    name = "pause"
    help = "Pauses a service until it is resumed; new work waits."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        add_service(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Pause the service."""
        service = options["service"]
        check_service(service)
        pending = services.pause(service, actor=ACTOR.name)
        note(service, "pause")
        return _switched(_("%s is paused.") % service, service, pending, paused=True)


class Resume(Subcommand):
    """Resumes a paused service."""

    name = "resume"
    help = "Resumes a service that is paused or rate limited; the oldest tasks are sent first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        add_service(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Resume the service."""
        service = options["service"]
        check_service(service)
        pending = services.resume(service, actor=ACTOR.name)
        note(service, "resume")
        return _switched(_("%s is resumed.") % service, service, pending, paused=False)


def _switched(text: str, service: str, pending: str, *, paused: bool) -> Answer:
    """Return the answer. `pending`: why workers do not see the change yet, or ""."""
    data = {"service": service, "paused": paused, **({"note": in_words(pending)} if pending else {})}
    return Answer(text=f"{text} {in_words(pending)}".rstrip(), data=data)

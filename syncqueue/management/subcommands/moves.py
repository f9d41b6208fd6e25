"""`retry`, `clear`, `recover`, `pause` and `resume`: what a person may do with a service's queue."""

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
from syncqueue.secrets import redact

CLEARABLE = (TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED)


class Retry(Subcommand):
    """Failed tasks go back to the queue."""

    name = "retry"
    help = "Brings the failed tasks of a service back; they are tried again from their first attempt."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which service, and how carefully."""
        add_service(parser)
        add_caution(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Ask with the count, then do it in chunks."""
        service = options["service"]
        check_service(service)
        count, records = services.stats(service).failed_count, services.failed_record_count(service)
        about = {"service": service, "records": records}
        if options["dry_run"] or not (count or records):
            text = ngettext("%d task would be brought back.", "%d tasks would be brought back.", count) % count
            return Answer(text=text + _of_records(records), data={**about, "count": 0, "would": count})
        question = ngettext("Bring %d failed task of %s back?", "Bring %d failed tasks of %s back?", count)
        self.confirm(question % (count, service) + _of_records(records), options)
        done = services.retry_failed(service, actor=ACTOR.name, progress=self.progress(count, options))
        note(service, f"retry-failed: {done} tasks")
        text = ngettext("%d failed task brought back.", "%d failed tasks brought back.", done) % done
        return Answer(text=text, data={**about, "count": done})


def _of_records(count: int) -> str:
    text = ngettext(
        "%d object has failed or is held because an answer was lost; it is synced again, also where it has no task any "
        "more.",
        "%d objects have failed or are held because an answer was lost; they are synced again, also where they have no "
        "task any more.",
        count,
    )
    return " " + text % count if count else ""


class Clear(Subcommand):
    """Tasks are taken out of the queue."""

    name = "clear"
    help = "Takes the pending, delayed and failed tasks of a service out of its queue, or those of some states."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which service and states, and how carefully."""
        add_service(parser)
        choices = [state.value for state in CLEARABLE]
        parser.add_argument("--state", action="append", choices=choices, help="only this state (repeatable)")
        add_caution(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Ask with the count, then do it in chunks."""
        service = options["service"]
        check_service(service)
        states = [state for state in CLEARABLE if not options["state"] or state.value in options["state"]]
        stats = services.stats(service)
        counts = {state.value: getattr(stats, f"{state.value}_count") for state in states}
        count = sum(counts.values())
        if options["dry_run"] or not count:
            text = ngettext("%d task would be taken out.", "%d tasks would be taken out.", count) % count
            return Answer(text=text, data={"service": service, "count": 0, "would": count, "counts": counts})
        question = ngettext("Take %d task of %s out?", "Take %d tasks of %s out?", count) % (count, service)
        self.confirm(question, options)
        removed = services.clear(service, states=states, actor=ACTOR.name, progress=self.progress(count, options))
        done = sum(removed.values())
        note(service, f"clear: {done} tasks")
        text = ngettext("%d task taken out.", "%d tasks taken out.", done) % done
        data = {"service": service, "count": done, "counts": {str(state): n for state, n in removed.items()}}
        return Answer(text=text, data=data)


class Recover(Subcommand):
    """Tasks whose worker is gone go back to the queue."""

    name = "recover"
    help = "Takes back tasks of a service whose lease has run out; workers do it by themselves every few seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which service."""
        add_service(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Take back what has run out; living leases are left alone, so nobody is asked."""
        service = options["service"]
        check_service(service)
        count = services.recover(service, actor=ACTOR.name)
        note(service, f"recover: {count} tasks")
        text = ngettext("%d expired lease taken back.", "%d expired leases taken back.", count) % count
        return Answer(text=text, data={"service": service, "count": count})


class Pause(Subcommand):
    """Nothing more is sent."""

    name = "pause"
    help = "Holds a service until it is resumed; new work waits."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which service."""
        add_service(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Hold it."""
        service = options["service"]
        check_service(service)
        pending = services.pause(service, actor=ACTOR.name)
        note(service, "pause")
        return _switched(_("%s is paused.") % service, service, pending, paused=True)


class Resume(Subcommand):
    """Sending goes on."""

    name = "resume"
    help = "Lets a paused service go on, oldest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which service."""
        add_service(parser)

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Let it go on."""
        service = options["service"]
        check_service(service)
        pending = services.resume(service, actor=ACTOR.name)
        note(service, "resume")
        return _switched(_("%s goes on.") % service, service, pending, paused=False)


def _switched(text: str, service: str, pending: str, *, paused: bool) -> Answer:
    """`pending`: why workers do not see it yet, or ""."""
    data = {"service": service, "paused": paused, **({"note": redact(pending)} if pending else {})}
    return Answer(text=f"{text} {redact(pending)}".rstrip(), data=data)

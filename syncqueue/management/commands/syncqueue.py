"""manage.py syncqueue: figures and moves of the queues, for people and scripts."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from syncqueue import services
from syncqueue.core.errors import SyncQueueError
from syncqueue.sources.registry import source_for

_MOVES = ("retry", "clear", "recover", "pause", "resume")
ACTOR = "manage.py"


class Command(BaseCommand):
    """One subcommand a move."""

    help = "Shows and moves what is in the sync queues."

    def add_arguments(self, parser: CommandParser) -> None:
        """The subcommands."""
        moves = parser.add_subparsers(dest="move", required=True, metavar="MOVE")
        stats = moves.add_parser("stats", help="figures of all services")
        stats.add_argument("--json", action="store_true")
        for name in _MOVES:
            move = moves.add_parser(name, help=f"{name} one service")
            move.add_argument("service")
            if name == "clear":
                move.add_argument("--noinput", action="store_true", help="do not ask")
        explain = moves.add_parser("explain", help="one sentence per destination of an object")
        explain.add_argument("model", help="such as notes.Note")
        explain.add_argument("pk")
        moves.add_parser("adopt-queue", help="this database belongs to this environment and these queues")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; exits 1 with words when it cannot be done."""
        try:
            getattr(self, "_" + options["move"].replace("-", "_"))(options)
        except SyncQueueError as error:
            raise CommandError(str(error)) from error

    def _stats(self, options: dict[str, Any]) -> None:
        found = [services.stats(name) for name in services.service_names()]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found], default=str))
            return
        line = "{:<14}{:>9}{:>9}{:>12}{:>8}{:>11}  {}"
        heads = ("service", "pending", "delayed", "processing", "failed", "processed", "breaker")
        self.stdout.write(line.format(*heads))
        for one in found:
            figures = (one.pending_count, one.delayed_count, one.processing_count, one.failed_count)
            state = "paused" if one.paused else one.breaker
            self.stdout.write(line.format(one.service, *figures, one.total_processed, state))

    def _retry(self, options: dict[str, Any]) -> None:
        self._say(f"{services.retry_failed(options['service'], actor=ACTOR)} failed tasks brought back.")

    def _clear(self, options: dict[str, Any]) -> None:
        figures = services.stats(options["service"])
        count = figures.pending_count + figures.delayed_count + figures.failed_count
        if not options["noinput"] and input(f"Remove {count} tasks of {figures.service}? [y/N] ").lower() != "y":
            raise CommandError("Nothing was removed.")
        removed = services.clear(options["service"], actor=ACTOR)
        self._say(f"{sum(removed.values())} tasks removed.")

    def _recover(self, options: dict[str, Any]) -> None:
        self._say(f"{services.recover(options['service'], actor=ACTOR)} expired leases taken back.")

    def _pause(self, options: dict[str, Any]) -> None:
        services.pause(options["service"], actor=ACTOR)
        self._say(f"{options['service']} is paused.")

    def _resume(self, options: dict[str, Any]) -> None:
        services.resume(options["service"], actor=ACTOR)
        self._say(f"{options['service']} goes on.")

    def _explain(self, options: dict[str, Any]) -> None:
        try:
            model = apps.get_model(options["model"])
            obj = model._base_manager.get(pk=options["pk"])
        except (LookupError, ValueError, ValidationError, ObjectDoesNotExist) as error:
            raise CommandError(f"{options['model']} {options['pk']} cannot be found: {error}") from error
        if source_for(model) is None:
            raise CommandError(f"{options['model']} is not registered with syncqueue.")
        for sentence in services.explain(obj):
            self._say(str(sentence))

    def _adopt_queue(self, options: dict[str, Any]) -> None:
        services.adopt_queue()
        self._say("This database and its queues belong together now.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)

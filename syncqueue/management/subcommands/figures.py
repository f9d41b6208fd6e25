"""`stats` and `health`: how the queues do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.core.task import QueueStats
from syncqueue.management.subcommands.base import Answer, Subcommand, check_service
from syncqueue.management.table import table


class Stats(Subcommand):
    """The figures of all services, or of one."""

    name = "stats"
    help = "The figures of all services, or of one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose figures."""
        parser.add_argument("service", nargs="?", help="only this one")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Ask each queue."""
        if options["service"]:
            check_service(options["service"])
        found = [services.stats(name) for name in [options["service"]] if name] or [
            services.stats(name) for name in services.service_names()
        ]
        heads = [_("service"), _("pending"), _("delayed"), _("processing"), _("failed"), _("processed"), _("oldest")]
        text = table([*heads, _("state")], [_row(stats) for stats in found])
        return Answer(text=text, data=[asdict(stats) for stats in found])


def _row(stats: QueueStats) -> list[object]:
    oldest = stats.oldest_pending_seconds
    state = _("paused") if stats.paused else _breaker(stats.breaker)
    counts = (stats.pending_count, stats.delayed_count, stats.processing_count, stats.failed_count)
    return [stats.service, *counts, stats.total_processed, "-" if oldest is None else f"{oldest:.0f} s", state]


def _breaker(state: str) -> str:
    return {"closed": _("open for work"), "open": _("unreachable"), "half-open": _("being tried again")}[state]


class Health(Subcommand):
    """What a container's probe asks."""

    name = "health"
    help = "Exit code 0 when Redis answers, every service has a worker and nothing waits too long, else 1."

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Ask Redis and the heartbeats."""
        found = services.health()
        rows = [(one.name, _("ok") if one.ok else _("failing"), one.workers, one.problem) for one in found.services]
        text = table([_("service"), _("health"), _("workers"), _("problem")], rows)
        return Answer(text=text, data=asdict(found) | {"status": "ok" if found.ok else "failing"}, ok=found.ok)

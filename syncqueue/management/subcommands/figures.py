"""`stats` and `health`: the figures and the health of the queues."""

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
    """Prints the figures of the queues."""

    name = "stats"
    help = "Prints the figures of all services, or of one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("service", nargs="?", help="only this service")

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Read the figures of each queue."""
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
    return {"closed": _("normal"), "open": _("unreachable"), "half-open": _("being probed")}[state]


class Health(Subcommand):
    """The health check, for container probes and monitoring."""

    name = "health"
    help = (
        "Exit code 0 if Redis responds, every service has a worker, no task waits too long and no duty of a worker "
        "fails for long; otherwise 1."
    )

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Check Redis, the workers and the oldest tasks."""
        found = services.health()
        rows = [(one.name, _("ok") if one.ok else _("failing"), one.workers, one.problem) for one in found.services]
        text = table([_("service"), _("health"), _("workers"), _("problem")], rows)
        failing = [f"{one.host} {one.pid}: {one.problem}" for one in found.duties]
        text = "\n".join([text, *failing])
        return Answer(text=text, data=asdict(found) | {"status": "ok" if found.ok else "failing"}, ok=found.ok)

"""What the dashboard shows, gathered: figures where they can be had, words where they cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.admin.operations import OPERATIONS, Operation
from syncqueue.core.errors import ConfigurationError, QueueUnavailable, SyncQueueError
from syncqueue.core.task import QueueStats
from syncqueue.queue.inspect import HoldView
from syncqueue.secrets import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the dashboard shows of one service."""

    service: str
    stats: QueueStats | None = None  # None: the queue could not be asked
    holds: Sequence[HoldView] = ()
    worker_count: int = 0
    problem: str = ""

    @property
    def operations(self) -> list[tuple[str, Operation]]:
        """The operations that would do something now, with their names in URLs."""
        stats = self.stats
        return [] if stats is None else [item for item in OPERATIONS.items() if item[1].is_useful(stats)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of the dashboard."""

    cards: Sequence[Card] = ()
    problem: str = ""


def overview() -> Overview:
    """The figures of every service; what cannot be asked is said in words instead of raised."""
    try:
        names = services.service_names()
        workers = services.workers()
    except ConfigurationError as error:
        return Overview(problem=str(error))
    except QueueUnavailable:
        text = _(
            "Redis cannot be reached. Saving works on: what could not be sent waits in the database, and goes out by "
            "itself once Redis is back."
        )
        return Overview(problem=text, cards=[Card(service=name) for name in names])
    return Overview(cards=[_card(name, workers) for name in names])


def _card(name: str, workers: Sequence[services.WorkerView]) -> Card:
    try:
        stats, holds = services.stats(name), services.holds(name)
    except SyncQueueError as error:
        return Card(service=name, problem=redact(str(error)))
    count = sum(name in worker.services for worker in workers)
    return Card(service=name, stats=stats, holds=holds, worker_count=count)

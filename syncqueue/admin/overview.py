"""The data of the dashboard: figures, or a text if they cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from django.utils import timezone
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.admin.attention import Notice, notices
from syncqueue.admin.cards import Card
from syncqueue.admin.charts import SPANS, Span, chart
from syncqueue.admin.links import held_destinations
from syncqueue.admin.operations import figures_of
from syncqueue.core.errors import ConfigurationError, QueueUnavailable, SyncQueueError
from syncqueue.core.hold import breaker_of
from syncqueue.presentation.outages import outage_words
from syncqueue.presentation.percentiles import percentile_words
from syncqueue.presentation.reasons import in_words
from syncqueue.queue.inspect import PeriodCount
from syncqueue.secrets import redact

RATE_MINUTES = 5  # whole minutes for the present rate, in addition to the running one


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The data of the whole dashboard."""

    cards: Sequence[Card] = ()
    problem: str = ""
    notices: Sequence[Notice] = ()
    span: Span = field(default_factory=lambda: SPANS["hour"])


def overview(span_name: str = "hour") -> Overview:
    """Return the figures of every service; errors are returned as texts, not raised."""
    span = SPANS.get(span_name, SPANS["hour"])
    try:
        names = services.service_names()
    except ConfigurationError as error:
        return Overview(problem=in_words(str(error)), span=span)
    try:
        workers = services.workers()
        cards = [_card(name, workers, span) for name in names]
    except QueueUnavailable:
        text = _(
            "Redis cannot be reached. Saving still works: unsent changes wait in the database, and are sent "
            "automatically once Redis is back."
        )
        return Overview(problem=text, cards=[Card(service=name) for name in names], span=span, notices=notices(()))
    except ConfigurationError as error:
        return Overview(problem=in_words(str(error)), cards=[Card(service=name) for name in names], span=span)
    duties = [duty for worker in workers for duty in worker.duties]
    return Overview(cards=cards, span=span, notices=notices(cards, duties))


def _card(name: str, workers: Sequence[services.WorkerView], span: Span) -> Card:
    try:
        figures, holds = figures_of(name), list(services.holds(name))
        periods = services.history(name, span.count, span.minutes)
        minutes = periods if span.minutes == 1 else services.history(name, RATE_MINUTES + 1, 1)
        gone, measured = services.outages(name), services.measures(name)
        waiting = {breaker_of(one.endpoint).name: one.waiting_count for one in gone}
        holds = [replace(hold, parked_count=waiting.get(hold.name, hold.parked_count)) for hold in holds]
    except QueueUnavailable:
        raise
    except SyncQueueError as error:
        return Card(service=name, problem=in_words(str(error)))
    return Card(
        service=name,
        figures=figures,
        holds=holds,
        destination_names={key: place.name for key, place in held_destinations(hold.name for hold in holds).items()},
        worker_count=sum(worker.takes(name) for worker in workers),
        chart=chart(periods, span),
        rate=minute_rate(minutes),
        attempt_time=percentile_words(measured.durations),
        waiting_time=percentile_words(measured.waiting),
        outages=[redact(outage_words(name, one)) for one in sorted(gone, key=lambda one: one.since_at, reverse=True)],
    )


def minute_rate(minutes: Sequence[PeriodCount]) -> float:
    """Return the tasks processed per minute: a mean of the last whole minutes and the elapsed part of the running one.

    Tasks of the running minute count immediately, so the rate is never 0 while messages are sent.
    """
    lately = minutes[-RATE_MINUTES - 1 :]
    if not lately:
        return 0.0
    running = (timezone.now() - lately[-1].at).total_seconds() / 60
    length = len(lately) - 1 + min(max(running, 0.0), 1.0)
    return sum(one.processed_count for one in lately) / max(length, 1.0)

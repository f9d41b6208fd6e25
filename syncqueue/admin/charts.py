"""Charts of recent activity, as values for a template that draws SVG: no script, no library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue.presentation.figures import figure
from syncqueue.queue.inspect import PeriodCount

WIDTH, HEIGHT = 600, 100  # size of the SVG in its own units; it is scaled to the card's width
GAP = 0.2  # share of a bar's width
SMALLEST = 2.0  # minimum height in units, so that a bar above 0 is visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time span of a chart."""

    name: str  # in the URL
    label: Promise
    count: int  # number of bars
    minutes: int  # minutes per bar
    time_format: str  # name of a Django format for the beginning of a bar


SPANS = {
    span.name: span
    for span in (
        Span(name="hour", label=gettext_lazy("last hour"), count=60, minutes=1, time_format="TIME_FORMAT"),
        Span(name="day", label=gettext_lazy("last day"), count=48, minutes=30, time_format="TIME_FORMAT"),
        Span(name="week", label=gettext_lazy("last week"), count=168, minutes=60, time_format="SHORT_DATETIME_FORMAT"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle."""

    kind: str  # "processed", "retried" or "failed"
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The counts of one period, with its stacked rectangles."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, with a text alternative."""

    span: Span
    columns: Sequence[Column]
    processed_count: int
    retried_count: int
    failed_count: int
    highest: int  # value of the tallest column
    first: str  # beginning of the first period
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def words(self) -> str:
        """Return a description for people who cannot see the chart."""
        return _("%(span)s: %(processed)s processed, %(retried)s retried, %(failed)s failed") % {
            "span": self.span.label,
            "processed": figure(self.processed_count),
            "retried": figure(self.retried_count),
            "failed": figure(self.failed_count),
        }


def chart(periods: Sequence[PeriodCount], span: Span) -> Chart:
    """Return the chart of these periods, oldest first."""
    highest = max((sum(_parts(one).values()) for one in periods), default=0)
    step = WIDTH / max(1, len(periods))
    columns = [
        Column(title=_title(one, span), bars=list(_bars(one, n * step, step, highest)))
        for n, one in enumerate(periods)
        if any(_parts(one).values())
    ]
    return Chart(
        span=span,
        columns=columns,
        processed_count=sum(one.processed_count for one in periods),
        retried_count=sum(one.retried_count for one in periods),
        failed_count=sum(one.failed_count for one in periods),
        highest=highest,
        first=_moment(periods[0], span) if periods else "",
    )


def _parts(one: PeriodCount) -> dict[str, int]:
    return {"processed": one.processed_count, "retried": one.retried_count, "failed": one.failed_count}


def _bars(one: PeriodCount, x: float, step: float, highest: int) -> Iterator[Bar]:
    bottom = float(HEIGHT)
    for kind, count in _parts(one).items():
        if count:
            height = max(SMALLEST, HEIGHT * count / highest)
            bottom = max(0.0, bottom - height)
            yield Bar(kind=kind, x=round(x, 2), y=round(bottom, 2), width=round(step * (1 - GAP), 2), height=height)


def _moment(one: PeriodCount, span: Span) -> str:
    return date_format(timezone.localtime(one.at), span.time_format)


def _title(one: PeriodCount, span: Span) -> str:
    return _("%(time)s: %(processed)s processed, %(retried)s retried, %(failed)s failed") % {
        "time": _moment(one, span),
        "processed": figure(one.processed_count),
        "retried": figure(one.retried_count),
        "failed": figure(one.failed_count),
    }

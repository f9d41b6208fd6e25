"""Charts of what was done lately, as figures for a template that draws SVG: no script, no library."""

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

WIDTH, HEIGHT = 600, 100  # of the drawing, in its own units; it is stretched to the card's width
GAP = 0.2  # of a bar's place
SMALLEST = 2.0  # units: a bar that stands for something can be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A length of time to look back."""

    name: str  # in the URL
    label: Promise
    count: int  # bars
    minutes: int  # of a bar
    time_format: str  # Django's name of a format for a bar's beginning


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
    """What happened in one period, with its rectangles on each other."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, and what it says in words."""

    span: Span
    columns: Sequence[Column]
    processed_count: int
    retried_count: int
    failed_count: int
    highest: int  # the tallest column
    first: str  # when the first period begins
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def words(self) -> str:
        """For those who cannot see it."""
        return _("%(span)s: %(processed)s processed, %(retried)s retried, %(failed)s failed") % {
            "span": self.span.label,
            "processed": figure(self.processed_count),
            "retried": figure(self.retried_count),
            "failed": figure(self.failed_count),
        }


def chart(periods: Sequence[PeriodCount], span: Span) -> Chart:
    """The chart of these periods, oldest first."""
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

"""A text with the percentiles of a histogram."""

from __future__ import annotations

import math

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from syncqueue.presentation.figures import duration_words
from syncqueue.queue.durations import Durations


def percentile_words(found: Durations) -> str:
    """Return "p50 ≤ 0.25 s, p95 ≤ 5 s", with the bounds of the buckets; "" if nothing has been counted."""
    median, most = found.percentile(0.5), found.percentile(0.95)
    if median is None or most is None:
        return ""
    largest = max(found.buckets)
    return _("p50 %(median)s, p95 %(most)s") % {"median": _bound(median, largest), "most": _bound(most, largest)}


def _bound(seconds: float, largest: float) -> str:
    return f"> {_words(largest)}" if math.isinf(seconds) else f"≤ {_words(seconds)}"


def _words(seconds: float) -> str:
    if seconds == int(seconds):
        return duration_words(seconds)
    return _("%(seconds)s s") % {"seconds": number_format(seconds)}

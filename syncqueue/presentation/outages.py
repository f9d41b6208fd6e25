"""A line that sums up an outage: its length, how many messages waited, and what happened to them."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue.presentation.figures import duration_words, figure, listed, moment
from syncqueue.queue.inspect import Outage


def outage_words(service: str, outage: Outage) -> str:
    """Return "telegram was away for 2 h 10 min; 143 messages waited: all delivered, 0 doubled."."""
    if outage.until_at is None:
        return _("%(service)s (%(endpoint)s) has been away since %(since)s; %(waited)s so far.") % {
            "service": service,
            "endpoint": outage.endpoint,
            "since": moment(outage.since_at),
            "waited": _waited(outage.waited_count),
        }
    return _("%(service)s (%(endpoint)s) was away for %(length)s until %(until)s; %(waited)s: %(end)s.") % {
        "service": service,
        "endpoint": outage.endpoint,
        "length": duration_words((outage.until_at - outage.since_at).total_seconds()),
        "until": moment(outage.until_at),
        "waited": _waited(outage.waited_count),
        "end": _end(outage),
    }


def _waited(count: int) -> str:
    return ngettext("%(count)s message waited", "%(count)s messages waited", count) % {"count": figure(count)}


def _end(outage: Outage) -> str:
    parts = []
    if outage.delivered_count == outage.waited_count:
        parts.append(_("all delivered"))
    else:
        parts.append(_("%s delivered") % figure(outage.delivered_count))
    others = (
        (outage.waiting_count, _("%s in progress")),
        (outage.failed_count, _("%s failed")),
    )
    parts += [words % figure(count) for count, words in others if count > 0]
    # Only "perhaps": a response was lost, so there may be two copies.
    doubtful = outage.doubtful_count
    parts.append(_("%s possibly doubled") % figure(doubtful) if doubtful else _("0 doubled"))
    return listed(parts)

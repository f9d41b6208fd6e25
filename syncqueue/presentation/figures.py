"""Formats durations, counts and links for display."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def duration_words(seconds: float) -> str:
    """Return a duration in its largest units: "45 s", "12 min", "2 h 10 min", "3 d 4 h"."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return _("%(seconds)d s") % {"seconds": whole}
    if whole < _HOUR:
        return _("%(minutes)d min") % {"minutes": whole // _MINUTE}
    if whole < _DAY:
        return _("%(hours)d h %(minutes)d min") % {"hours": whole // _HOUR, "minutes": whole % _HOUR // _MINUTE}
    return _("%(days)d d %(hours)d h") % {"days": whole // _DAY, "hours": whole % _DAY // _HOUR}


def figure(count: int) -> str:
    """Return a count with the thousands separators of the reader's locale: "1,234,567"."""
    return str(number_format(count, use_l10n=True, force_grouping=True))


def moment(at: datetime | None) -> str:
    """Return a time for people: only the time if it is today, otherwise with the date; "" for None."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    return str(date_format(local, "TIME_FORMAT" if is_today else "DATETIME_FORMAT"))


def listed(parts: Iterable[str]) -> str:
    """Return parts as a list in the reader's punctuation: "a, b"."""
    return _(", ").join(parts)


def labelled(name: object, text: object) -> str:
    """Return a text with a name in front, in the reader's punctuation: "telegram: paused"."""
    return _("%(name)s: %(text)s") % {"name": name, "text": text}


def in_a_row(sentences: Iterable[str]) -> str:
    """Join sentences; in Chinese there are no blanks between them. Empty ones are left out."""
    texts = list(filter(None, sentences))
    return reduce(lambda text, more: _("%(text)s %(more)s") % {"text": text, "more": more}, texts) if texts else ""


def capped(count: int, most: int) -> str:
    """Return a count that stopped at `most`: "10,000+"."""
    return f"{figure(most)}+" if count > most else figure(count)


def web_url(text: object) -> str:
    """Return `text` if it is an http(s) URL, otherwise "": a link with another scheme may run a script."""
    if not isinstance(text, str):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""

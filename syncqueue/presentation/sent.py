"""Texts of the log of what went out."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from syncqueue.models import SentAction, SentEntry


def exact_moment(at: datetime) -> str:
    """Return a time to the second, in the same format for all readers and days: "2026-01-31 14:05:09"."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S")


def action_words(entry: SentEntry) -> str:
    """Return what was done: "created", "edited (in part)"."""
    action = str(SentAction(entry.action).label)
    return _("%(action)s (in part)") % {"action": action} if entry.is_partial else action


def seconds_words(seconds: float) -> str:
    """Return how long an attempt took: "0.25 s"."""
    return _("%(seconds)s s") % {"seconds": number_format(seconds, decimal_pos=2)}

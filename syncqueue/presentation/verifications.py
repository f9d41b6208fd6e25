"""Texts of verifications: single findings, and the summary of a run."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue.models import Verification
from syncqueue.presentation.figures import figure, in_a_row, labelled, listed, moment, web_url
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.records import as_sentence
from syncqueue.sources.drift import Drift, Found


def drift_words(drift: Drift) -> str:
    """Return what differs at a copy."""
    texts = {
        Drift.GONE: _("missing there"),
        Drift.CHANGED: _("different content there"),
        Drift.UNWANTED: _("there but not wanted"),
        Drift.UNKNOWN: _("unknown there: no record has it"),
        Drift.UNTOLD: _("could not be read"),
    }
    return texts[drift]


def found_words(found: Found) -> str:
    """Return the text of one finding: "notes.note:42: missing there (https://...)"."""
    part = found.part
    where = (web_url(part.url) or f"{part.kind} {part.id}") if part is not None else ""
    words = drift_words(found.drift)
    if found.drift is Drift.UNTOLD:
        words = _("could not be read: %(reason)s") % {"reason": in_words(found.reason).rstrip(".。")}
    text = labelled(found.entity, words) if found.entity else words
    return f"{text} ({where})" if where else text


def drift_count(row: Verification) -> int:
    """Return the number of differences at copies that records have."""
    return row.gone_count + row.changed_count + row.unwanted_count


def needs_person(row: Verification) -> bool:
    """Return whether it has found differences that are not being corrected."""
    return drift_count(row) > row.mended_count


def summary(row: Verification) -> str:
    """Return what a run has found, and whether it is finished."""
    return in_a_row([_looked(row), _drifted(row), _rest(row)])


def _looked(row: Verification) -> str:
    text = ngettext("%(at)s: %(count)s copy checked.", "%(at)s: %(count)s copies checked.", row.looked_count)
    return text % {"at": moment(row.seen_at), "count": figure(row.looked_count)}


def _drifted(row: Verification) -> str:
    kinds = (
        (row.gone_count, ngettext("%s missing there", "%s missing there", row.gone_count)),
        (
            row.changed_count,
            ngettext("%s with different content there", "%s with different content there", row.changed_count),
        ),
        (row.unwanted_count, ngettext("%s there but not wanted", "%s there but not wanted", row.unwanted_count)),
        (row.unknown_count, ngettext("%s unknown there", "%s unknown there", row.unknown_count or 0)),
        (row.untold_count, ngettext("%s could not be read", "%s could not be read", row.untold_count)),
    )
    parts = [words % figure(count) for count, words in kinds if count]
    if parts:
        return as_sentence(listed(parts))
    return _("No differences.") if row.finished_at is not None and row.looked_count else ""


def _rest(row: Verification) -> str:
    parts = []
    if row.mended_count:
        text = ngettext("%s record was queued again.", "%s records were queued again.", row.mended_count)
        parts.append(text % figure(row.mended_count))
    if row.finished_at is None:
        reason = in_words(row.stopped)
        parts.append(_("Not finished: %s") % reason if reason else _("Not finished."))
    elif row.unknown_count is None:
        parts.append(_("The service cannot list other copies."))
    return in_a_row(parts)

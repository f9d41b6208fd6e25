"""A sentence about the state of an object at each destination, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from syncqueue.core.answer import Refused
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.presentation import commands
from syncqueue.presentation.figures import labelled, moment
from syncqueue.presentation.reasons import in_words
from syncqueue.queue.inspect import HoldView
from syncqueue.sources.desired import desired_state
from syncqueue.sources.planner import Reason, is_too_old, refusal
from syncqueue.sources.registry import ModelSync


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence about one object at one destination."""

    destination: str
    text: str
    state: RecordState | None  # None: there is no record
    url: str = ""  # of the remote copy
    record_id: int | None = None
    hold: str = ""  # the name of what keeps the record's task in its queue
    command: str = ""  # what mends it, as it stands behind "manage.py"; "": nothing has to be mended

    def __str__(self) -> str:
        """Return destination and text."""
        return labelled(self.destination, self.text)


def reason_text(reason: Reason) -> str:
    """Return why there is, or is not, a copy."""
    texts = {
        Reason.ABSENT: _("will be posted."),
        Reason.CHANGED: _("will be updated."),
        Reason.EQUAL: _("is up to date."),
        Reason.GONE: _("not there, because the object was deleted."),
        Reason.NOT_LIVE: _("not there, because the object is not published."),
        Reason.LEFT_OUT: _("not there, because the site does not send it there."),
        Reason.PRIVATE: _("not there, because it is private and the destination is public."),
        Reason.NOT_YET: _("not there yet: its time has not come."),
        Reason.EXPIRED: _("not there, because its time is over."),
        Reason.HANDED_OVER: _("not there, because the object belongs to someone else."),
        Reason.SHOWN: _("another destination shows it at the same place."),
        Reason.RULE: _("not there, because the destination's rule does not accept it."),
        Reason.TOO_OLD: _("not there, because it was created before the destination's start."),
        Reason.RETIRING: _("not there, because the destination is being removed."),
    }
    return texts[reason]


def describe(
    source: ModelSync,
    obj: Model,
    destination: Destination,
    record: SyncRecord | None,
    hold: HoldView | None = None,
) -> Sentence:
    """Return the sentence for one destination. `hold`: the hold behind which the record's task is parked, if any.

    If there is no copy, it asks the ModelSync why, and says so if that raises.
    """
    state = RecordState(record.state) if record is not None else None
    return Sentence(
        destination=destination.name,
        text=_text(source, obj, destination, record, hold),
        state=state,
        url=_url(record),
        record_id=record.pk if record is not None else None,
        hold=hold.name if hold is not None else "",
        command=_command(record, destination, hold),
    )


def _command(record: SyncRecord | None, destination: Destination, hold: HoldView | None) -> str:
    return commands.of_record(record, destination, hold.name if hold is not None else "") if record is not None else ""


def _url(record: SyncRecord | None) -> str:
    return next((part["url"] for part in record.parts if part.get("url")), "") if record is not None else ""


def _text(
    source: ModelSync, obj: Model, destination: Destination, record: SyncRecord | None, hold: HoldView | None
) -> str:
    if not destination.is_declared_here and (record is None or record.state == RecordState.WAITING):
        return _("not declared here: a process whose SYNCQUEUE['DESTINATIONS'] names the destination posts there.")
    if record is None:
        return _absence(source, obj, destination) or _("has no record yet; the sweep will create it.")
    match record.state:
        case RecordState.WAITING:
            return _waiting(destination, record, hold)
        case RecordState.FAILED:
            error = as_sentence(in_words(record.error))
            return _("failed: %(error)s It is tried again after a save or “Sync now”.") % {"error": error}
        case RecordState.UNKNOWN:
            return _("held: %(error)s") % {"error": as_sentence(in_words(record.error))}
        case RecordState.ABANDONED:
            return _("not synced: %(error)s A new save syncs it.") % {"error": as_sentence(in_words(record.error))}
    if record.parts and record.synced_at:
        return _one_stop(_("has been up to date since %(time)s.") % {"time": moment(record.synced_at)})
    return _absence(source, obj, destination) or _("nothing is there.")


def _waiting(destination: Destination, record: SyncRecord, hold: HoldView | None) -> str:
    if destination.broken_reason:
        return _("waits: %(error)s") % {"error": as_sentence(in_words(destination.broken_reason))}
    if record.due_at is not None:
        return _scheduled(record, record.due_at)
    # The present hold is newer than the result of the last attempt.
    error, next_at = (hold.reason, hold.until_at) if hold else (record.error, record.next_attempt_at)
    if not error:
        return _("waits for its turn.")
    if next_at is None:
        return _("waits: %(error)s") % {"error": as_sentence(in_words(error))}
    values = {"error": as_sentence(in_words(error)), "time": moment(next_at)}
    return _one_stop(_("waits: %(error)s Next attempt at %(time)s.") % values)


def _scheduled(record: SyncRecord, at: datetime) -> str:
    """Return the text for a record that is up to date until a given time."""
    time = moment(at)
    if record.parts:
        return _one_stop(_("is up to date; will be removed at %(time)s.") % {"time": time})
    return _one_stop(_("will be sent at %(time)s.") % {"time": time})


def _one_stop(text: str) -> str:
    """Remove a second full stop at the end, after a last word such as "5 p.m."."""
    return f"{text[:-2]}." if text.endswith("..") else text


def as_sentence(text: str) -> str:
    """Return a text as a sentence, with one full stop at its end."""
    text = text.strip()
    return text if not text or text[-1] in ".!?)。！？）" else text + pgettext("ends a sentence", ".")


def _absence(source: ModelSync, obj: Model, destination: Destination) -> str:
    """Return why no copy is wanted there; "" if one is."""
    desired = desired_state(source, obj, destination)
    if isinstance(desired, Refused):
        return _("could not be read: %(error)s") % {"error": in_words(desired.reason)}
    reason = refusal(desired.value, timezone.now())
    if reason is None and is_too_old(desired.value.created_at, destination.start_at):
        reason = Reason.TOO_OLD
    return reason_text(reason) if reason is not None else ""

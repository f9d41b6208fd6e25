"""Texts for the duties of workers. A heartbeat contains their names in code: "sweep notes.note"."""

from __future__ import annotations

from django.utils.translation import gettext as _

from syncqueue.core.duty import DutyState
from syncqueue.presentation.figures import moment
from syncqueue.presentation.reasons import in_words


def duty_words(name: str) -> str:
    """Return what a duty does; the name itself if it is unknown, as from another version."""
    kind, _blank, what = name.partition(" ")
    texts = {
        "claim": _("Taking tasks of %(what)s from the queue"),
        "recover": _("Recovering expired leases of %(what)s"),
        "reconcile": _("Comparing the records of %(what)s with the queue"),
        "trim": _("Removing old failed tasks of %(what)s"),
        "sweep": _("Looking for changes of %(what)s"),
    }
    whole = {
        "heartbeat": _("The heartbeat"),
        "tidy heartbeats": _("Removing old heartbeats"),
        "alerts": _("Sending alert mails"),
        "look after destinations": _("Looking after destinations without an owner"),
        "look for what is due": _("Looking for what appears or disappears now"),
        "look for deleted objects": _("Looking for deleted objects"),
    }
    if name in whole:
        return whole[name]
    return texts[kind] % {"what": what} if kind in texts and what else name


def failing_words(duty: DutyState) -> str:
    """Return a sentence about a failing duty."""
    return _("%(duty)s has been failing since %(since)s and is tried again: %(error)s") % {
        "duty": duty_words(duty.name),
        "since": moment(duty.since),
        "error": in_words(duty.error),
    }

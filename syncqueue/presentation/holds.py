"""Texts for holds: what a task waits for, without the names of holds in the queue."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from syncqueue.core.hold import BREAKER, PAUSE, RATE, SHARE, STOPPED, Hold
from syncqueue.presentation.figures import labelled
from syncqueue.presentation.reasons import in_words
from syncqueue.queue.inspect import HoldView


def hold_words(name: str, service: str, destination_names: Mapping[int, str]) -> str:
    """Return what the hold with this name means, such as "@news accepts nothing at the moment".

    `destination_names` maps the primary keys of destinations to their names; for other destinations the text has the
    name of the service. For a hold of an unknown kind the name of the hold is returned.
    """
    hold = Hold.parse(name)
    key = hold.destination_id
    subject = destination_names.get(key, service) if key is not None else service
    if hold.kind == PAUSE:
        return _("%(service)s is paused") % {"service": service}
    if hold.kind == BREAKER:
        return _("%(endpoint)s cannot be reached") % {"endpoint": hold.subject}
    if hold.kind == RATE:
        return _("rate limit of %(name)s") % {"name": subject}
    if hold.kind == SHARE:
        return _("many tasks of %(name)s are being sent; others are sent in between") % {"name": subject}
    if hold.kind == STOPPED or hold.is_former:
        return _("%(name)s accepts nothing at the moment") % {"name": subject}
    return name


def reason_words(hold: HoldView) -> str:
    """Return the reason of a hold, without secrets.

    For a breaker it begins with the endpoint, because a service may have many ("mastodon.example: ...").
    """
    host = hold.subject.rpartition(":")[0]
    if hold.kind != BREAKER or not hold.reason or not host or host in hold.reason:
        return in_words(hold.reason)
    return labelled(host, in_words(hold.reason))

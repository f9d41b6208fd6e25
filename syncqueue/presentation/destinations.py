"""Texts about a destination: which objects it accepts, whether it works, whether its secrets are set."""

from __future__ import annotations

from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from syncqueue.core.errors import SecretError
from syncqueue.handlers.registry import document_handler
from syncqueue.models import Destination, DestinationState, Rule
from syncqueue.presentation.figures import labelled, moment
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.records import as_sentence

CONNECTED_SERVICE = "mastodon"  # whose destinations people connect on a page of the service


def can_reconnect(destination: Destination) -> bool:
    """Whether staff may get a new token for it on the service's own page: it is the site's, and stored here."""
    return (
        destination.service == CONNECTED_SERVICE
        and destination.owner_id is None
        and not destination.declared
        and destination.state == DestinationState.ACTIVE
        and document_handler(destination.service) is not None
    )


def rule(destination: Destination) -> str:
    """Return the rule, with its tag."""
    if destination.rule == Rule.ALL:
        return _("all, private ones too")
    words = destination.get_rule_display()
    return f"{words} #{destination.rule_value}" if destination.rule == Rule.TAG else words


def condition(destination: Destination) -> str:
    """Return whether it works and, if not, why."""
    if destination.broken_reason:
        values = {
            "since": moment(destination.broken_at or timezone.now()),
            "reason": as_sentence(in_words(destination.broken_reason)),
            "declared": destination.declared,
        }
        if destination.declared:
            return (
                _(
                    "Broken since %(since)s: %(reason)s Fix it at the service and press “Try again”, or correct "
                    "SYNCQUEUE['DESTINATIONS']['%(declared)s'] and restart the processes: waiting tasks are sent, "
                    "oldest first."
                )
                % values
            )
        return (
            _(
                "Broken since %(since)s: %(reason)s Fix it at the service, or enter another address or credential, "
                "and press “Try again”: waiting tasks are sent, oldest first."
            )
            % values
        )
    if destination.state == DestinationState.RETIRING:
        return _("Retiring: it is deleted after its copies are removed.")
    if not destination.is_declared_here:
        return _(
            "Not declared here: SYNCQUEUE['DESTINATIONS'] of this process does not name it. Processes that declare it "
            "post there."
        )
    if document_handler(destination.service) is None:
        return _("Its service is not enabled: SYNCQUEUE['HANDLERS'] does not have it.")
    if not destination.enabled:
        return _("Disabled: it accepts nothing.")
    return _("Works; declared in the settings.") if destination.declared else _("Works.")


REASON_CHARACTERS = 60


def short_condition(destination: Destination) -> str:
    """Return whether it works, in a few words for a list; `condition` has the details."""
    if destination.broken_reason:
        return _("broken: %s") % Truncator(in_words(destination.broken_reason)).chars(REASON_CHARACTERS)
    if destination.state == DestinationState.RETIRING:
        return _("retiring")
    if not destination.is_declared_here:
        return _("not declared here")
    if document_handler(destination.service) is None:
        return _("its service is off")
    return _("works") if destination.enabled else _("disabled")


def credential(destination: Destination) -> str:
    """Return for each secret whether it is set, but never the secret."""
    handler = document_handler(destination.service)
    try:
        stored = destination.secret
    except SecretError as error:
        return in_words(str(error))
    labels = handler.secret_fields if handler is not None else {}
    yes, no = _("set"), _("not set")  # outside the f-string below, where older versions of gettext do not look
    states = [labelled(label, yes if stored.get(name) else no) for name, label in labels.items()]
    return _("; ").join(states) or "-"

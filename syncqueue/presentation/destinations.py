"""What a page says of a destination: which objects it takes, whether it works, whether its secrets are set."""

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


def rule(destination: Destination) -> str:
    """The rule, with its tag."""
    if destination.rule == Rule.ALL:
        return _("all, private ones too")
    words = destination.get_rule_display()
    return f"{words} #{destination.rule_value}" if destination.rule == Rule.TAG else words


def condition(destination: Destination) -> str:
    """Whether it works, and if not why."""
    if destination.broken_reason:
        values = {
            "since": moment(destination.broken_at or timezone.now()),
            "reason": as_sentence(in_words(destination.broken_reason)),
            "declared": destination.declared,
        }
        if destination.declared:
            return (
                _(
                    "Broken since %(since)s: %(reason)s Mend it at the service and press “Try again”, or correct "
                    "SYNCQUEUE['DESTINATIONS']['%(declared)s'] and start the processes anew: what waits goes out, "
                    "oldest first."
                )
                % values
            )
        return (
            _(
                "Broken since %(since)s: %(reason)s Mend it at the service, or enter another address or credential, "
                "and press “Try again”: what waits goes out, oldest first."
            )
            % values
        )
    if destination.state == DestinationState.RETIRING:
        return _("Retiring: it goes once its copies are dealt with.")
    if not destination.is_declared_here:
        return _(
            "Not declared here: SYNCQUEUE['DESTINATIONS'] of this process does not name it. Processes that declare it "
            "post there."
        )
    if document_handler(destination.service) is None:
        return _("Its service is off: it is not named in SYNCQUEUE['HANDLERS'].")
    if not destination.enabled:
        return _("Disabled: it takes nothing.")
    return _("Works; declared in the settings.") if destination.declared else _("Works.")


REASON_CHARACTERS = 60


def short_condition(destination: Destination) -> str:
    """Whether it works, in a few words for a list; `condition` says the rest."""
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
    """For each secret whether it is set; never the secret."""
    handler = document_handler(destination.service)
    try:
        stored = destination.secret
    except SecretError as error:
        return in_words(str(error))
    labels = handler.secret_fields if handler is not None else {}
    yes, no = _("set"), _("not set")  # not inside the text below, where older tools for translators do not look
    states = [labelled(label, yes if stored.get(name) else no) for name, label in labels.items()]
    return _("; ").join(states) or "-"

"""Mails about problems that need a person: failed tasks and broken destinations.

Off by default (SYNCQUEUE["ALERTS"]). Problems are noted in the database, which is cheap. The workers send the mails: at
most one per destination and ALERTS["EVERY_MINUTES"], about all problems since the last one. If a worker dies while it
sends a mail, that mail is lost; the admin shows the same problems.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue.conf import get_settings
from syncqueue.core.clock import SYSTEM_CLOCK, Clock
from syncqueue.models import Alert, Destination, SyncRecord
from syncqueue.presentation.figures import labelled
from syncqueue.presentation.reasons import in_words
from syncqueue.secrets import redact
from syncqueue.site import record_db

logger = logging.getLogger("syncqueue.alerts")

_LONGEST_ERROR = 1000  # characters of a mail


def on_task_failed(service: str, record_id: int | None, error: str, **_named: Any) -> None:
    """Note a failed task; a receiver of `task_failed`."""
    if not get_settings().alerts.enabled:
        return
    destination_id = None if record_id is None else _destination_of(record_id)
    _note(service, destination_id, error, failed_count=F("failed_count") + 1)


def _destination_of(record_id: int) -> int | None:
    records = SyncRecord.objects.using(record_db()).filter(pk=record_id)
    return records.values_list("destination_id", flat=True).first()


def on_destination_broken(service: str, destination_id: int, error: str, **_named: Any) -> None:
    """Note a broken destination; a receiver of `destination_broken`."""
    if get_settings().alerts.enabled:
        _note(service, destination_id, error, broken=True)


def _note(service: str, destination_id: int | None, error: str, **change: Any) -> None:
    key = f"service:{service}" if destination_id is None else f"destination:{destination_id}"
    rows = _rows()
    rows.get_or_create(key=key, defaults={"service": service, "destination_id": destination_id})
    since = Coalesce("since", Value(SYSTEM_CLOCK.now()))
    rows.filter(key=key).update(error=redact(error)[:_LONGEST_ERROR], since=since, **change)


def send_due(clock: Clock = SYSTEM_CLOCK) -> int:
    """Send the mails that are due; returns how many. A mail that cannot be sent is logged and tried again."""
    alerts = get_settings().alerts
    if not alerts.enabled:
        return 0
    now = clock.now()
    quiet = Q(sent_at=None) | Q(sent_at__lte=now - timedelta(minutes=alerts.every_minutes))
    due = _rows().filter(quiet, since__isnull=False).select_related("destination").order_by("pk")
    return sum(_send(alert) for alert in due if _take(alert, quiet, now))


def _rows() -> QuerySet[Alert]:
    return Alert.objects.using(record_db())


def _take(alert: Alert, quiet: Q, now: datetime) -> bool:
    """Claim the mail for this worker; returns whether it did. Problems noted meanwhile go into the next mail."""
    rows = _rows().filter(quiet, pk=alert.pk, since=alert.since, failed_count=alert.failed_count, broken=alert.broken)
    return rows.update(since=None, failed_count=0, broken=False, sent_at=now) == 1


def _send(alert: Alert) -> int:
    try:
        mail = _mail(alert)
        if mail is None:
            logger.warning("Nobody is informed of problems at %s: no ADMINS, and no owner with an address", alert.key)
            return 0
        return mail.send()
    except Exception as error:  # from a mail backend or a user model of the site; the next mail reports the problem
        logger.error("The mail about %s could not be sent: %s", alert.key, redact(str(error)))
        _put_back(alert)
        return 0


def _put_back(alert: Alert) -> None:
    rows = _rows().filter(pk=alert.pk)
    rows.update(since=alert.since, failed_count=F("failed_count") + alert.failed_count)
    if alert.broken:
        rows.update(broken=True)


def _mail(alert: Alert) -> EmailMessage | None:
    """Return the mail to the owner, with a blind copy to the admins, or to the admins; None if there is no address."""
    owner, admins = _owner_address(alert.destination), _admin_addresses()
    if not owner and not admins:
        return None
    name = alert.destination.name if alert.destination else ""
    place = labelled(alert.service, name) if name else alert.service
    subject = _("Problems with syncing to %s") % place
    return EmailMessage(
        subject=" ".join(f"{django_settings.EMAIL_SUBJECT_PREFIX}{subject}".split()),
        body=_body(alert, place),
        from_email=django_settings.SERVER_EMAIL,
        to=[owner] if owner else admins,
        bcc=[one for one in admins if one != owner] if owner else [],
    )


def _owner_address(destination: Destination | None) -> str:
    if destination is None or destination.owner_id is None:
        return ""
    users = get_user_model()
    owner = users._base_manager.filter(pk=destination.owner_id).first()  # a deleted owner's row may be gone
    return str(getattr(owner, users.get_email_field_name(), "") or "")


def _admin_addresses() -> list[str]:
    # Pairs of name and address up to Django 5.2, addresses since then.
    return [one if isinstance(one, str) else one[1] for one in django_settings.ADMINS]


def _body(alert: Alert, place: str) -> str:
    lines = [place, ""]
    if alert.broken:
        lines.append(_("The destination was refused. Its objects wait until its credential is fixed."))
    if alert.failed_count:
        text = ngettext(
            "%d task failed for good; it can be retried in the admin.",
            "%d tasks failed for good; they can be retried in the admin.",
            alert.failed_count,
        )
        lines.append(text % alert.failed_count)
    lines += [_("Since: %s") % f"{alert.since:%Y-%m-%d %H:%M %Z}", _("Last error: %s") % in_words(alert.error), ""]
    every = get_settings().alerts.every_minutes
    lines.append(_("The next mail about it comes after %g minutes at the earliest.") % every)
    return "\n".join(lines)

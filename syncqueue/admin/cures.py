"""Cures for problems: a button, the same on every page that reports the problem, and the equivalent command."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.utils.translation import gettext as _

from syncqueue.admin.sentences import Cure, Target, service_target
from syncqueue.models import Destination, RecordState, SyncRecord
from syncqueue.presentation import commands
from syncqueue.presentation.destinations import can_reconnect
from syncqueue.services.permissions import OPERATE

SEE_DESTINATION = "syncqueue.view_destination"


def destination_target(destination_id: int) -> Target:
    """Return the page of a destination."""
    return Target("destination_change", (destination_id,), right=SEE_DESTINATION)


def names_of(destination: Destination) -> Mapping[str, Target]:
    """Return the names in a sentence about a destination, with their pages."""
    return {
        destination.service: service_target(destination.service),
        destination.name: destination_target(destination.pk),
    }


def of_destination(destination: Destination) -> tuple[Cure, ...]:
    """Return the cures for a broken destination."""
    if not destination.broken_reason:
        return ()
    target = Target("destination_mend", (destination.pk,), right=OPERATE)
    again = Cure(label=_("Try again"), target=target, command=commands.mend(destination))
    if not can_reconnect(destination):
        return (again,)
    target = Target("destination_connect", (destination.pk,), right="syncqueue.change_destination")
    return (Cure(label=_("Connect again"), target=target), again)


def refill(destination: Destination) -> tuple[Cure, ...]:
    """Return the cures for a destination whose missing copies can be written again."""
    target = Target("destination_refill", (destination.pk,), right=OPERATE)
    return (Cure(label=_("Write the copies again"), target=target, command=commands.refill(destination)),)


def differs(destination: Destination) -> tuple[Cure, ...]:
    """Return the cures for a destination whose copies differ from its records."""
    target = Target("queue_findings", (destination.pk,))
    return (Cure(label=_("See the differences"), target=target, command=commands.verify(destination)),)


def verified(destination: Destination) -> tuple[Cure, ...]:
    """Return the cures for a destination with copies that no record has, or with a stopped verification."""
    target = destination_target(destination.pk)
    return (Cure(label=_("See the destination"), target=target, command=commands.verify(destination)),)


def of_refused_objects() -> tuple[Cure, ...]:
    """Return the cures for refused objects."""
    return (Cure(label=_("See the objects"), target=Target("queue_refused"), command=commands.sync_refused()),)


def of_record(record: SyncRecord, hold: str = "") -> tuple[Cure, ...]:
    """Return the cures for a record that is not in sync. `hold`: the name of the hold of its task."""
    if record.state == RecordState.WAITING:
        return of_destination(record.destination) or of_hold(hold, record.service)
    return (sync_now(record),) if record.state in commands.NOT_IN_SYNC else ()


def sync_now(record: SyncRecord) -> Cure:
    """Return the cure that syncs one record again; the list that follows shows only its object."""
    about = f"{record.source}:{record.object_pk}"
    fields = {
        ACTION_CHECKBOX_NAME: record.pk, "action": "sync_now", "select_across": "0", "filter": urlencode({"q": about}),
    }  # fmt: skip
    target = Target("syncrecord_sync_now", query=urlencode(fields), right=OPERATE)
    return Cure(label=_("Sync now"), target=target, command=commands.sync(record))


def of_hold(name: str, service: str) -> tuple[Cure, ...]:
    """Return the cures for a hold that resuming ends; other holds end by themselves or with their destination."""
    return resume(service) if name and commands.is_resumable(name) else ()


def resume(service: str) -> tuple[Cure, ...]:
    """Return the cures for a service that is paused or asks to wait."""
    target = Target("queue_operation", (service, "resume"), right=OPERATE)
    return (Cure(label=_("Resume"), target=target, command=commands.resume(service)),)


def of_failures(service: str, *, see: Target) -> tuple[Cure, ...]:
    """Return the cures for failures of a service. `see`: the page that lists them."""
    retry = Target("queue_operation", (service, "retry-failed"), right=OPERATE)
    return (
        Cure(label=_("See the failures"), target=see, command=f"syncqueue failures {service}"),
        Cure(label=_("Retry failed"), target=retry, command=f"syncqueue retry {service}"),
    )

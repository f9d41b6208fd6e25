"""The commands that mend what is broken, as they stand behind "manage.py"."""

from __future__ import annotations

import shlex

from syncqueue.core.hold import PAUSE, RATE, STOPPED, Hold
from syncqueue.models import Destination, RecordState, SyncRecord

NOT_IN_SYNC = (RecordState.FAILED, RecordState.UNKNOWN, RecordState.ABANDONED)  # and not worked on


def mend(destination: Destination) -> str:
    """Take a refused destination as mended."""
    return f"syncqueue mend {shlex.quote(destination.name)}"


def refill(destination: Destination) -> str:
    """Write the copies of a destination again."""
    return f"syncqueue resync --destination {shlex.quote(destination.name)} --force"


def verify(destination: Destination) -> str:
    """Send again what differs at a destination."""
    return f"syncqueue verify --destination {shlex.quote(destination.name)} --mend"


def sync(record: SyncRecord) -> str:
    """Sync the object of a record again."""
    return sync_object(record.source, record.object_pk)


def sync_object(label: str, pk: str) -> str:
    """Sync an object again, given by its model and primary key."""
    return f"syncqueue sync {label} {shlex.quote(pk)}"


def sync_refused() -> str:
    """Try all objects again for which the site's own code raised."""
    return "syncqueue sync --refused"


def resume(service: str) -> str:
    """Let a service go on."""
    return f"syncqueue resume {service}"


def is_resumable(hold: str) -> bool:
    """Whether a hold, given by its name, ends when a person resumes the service."""
    found = Hold.parse(hold)
    return found.kind in (PAUSE, RATE) or (found.kind == STOPPED and found.destination_id is None)


def of_record(record: SyncRecord, destination: Destination, hold: str = "") -> str:
    """Return what mends a record that is not in sync; "" where nothing has to. `hold`: what keeps its task."""
    if record.state in NOT_IN_SYNC:
        return sync(record)
    if record.state == RecordState.WAITING and destination.broken_reason:
        return mend(destination)
    if record.state == RecordState.WAITING and hold and is_resumable(hold):
        return resume(record.service)
    return ""

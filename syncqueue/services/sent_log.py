"""The log of sent messages, for people: by service, destination, object and time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from django.utils.translation import gettext as _

from syncqueue.core.errors import InvalidMoment
from syncqueue.models import SentEntry
from syncqueue.secrets import redact
from syncqueue.sources import sent_log
from syncqueue.sources.keys import key_text, keys_of
from syncqueue.sources.registry import model_by_label


def sent(
    *,
    service: str | None = None,
    destination_id: int | None = None,
    about: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[SentEntry]:
    """Return log entries, newest first. `about`: an object such as "notes.note:42"; `until` is exclusive."""
    rows = sent_log.entries().order_by("-pk")
    if service is not None:
        rows = rows.filter(service=_storable(service))
    if destination_id is not None:
        rows = rows.filter(destination_id=destination_id)
    if about is not None:
        rows = rows.filter(of_object(about))
    if since is not None:
        rows = rows.filter(at__gte=since)
    return rows if until is None else rows.filter(at__lt=until)


def of_object(entity: str) -> Q:
    """Return the condition for the entries of an object: "notes.note:42", or only a primary key."""
    entity = _storable(entity).strip()
    source, colon, pk = entity.partition(":")
    if not (colon and "." in source):
        return Q(object_pk=entity)
    model = model_by_label(source)
    known = keys_of(model, [pk]) if model is not None else {}
    text = key_text(model, known[pk]) if model is not None and known else pk
    return Q(source=source.lower(), object_pk__in={pk, text})


def _storable(text: str) -> str:
    return text.replace("\0", "")  # PostgreSQL does not accept it in a comparison


def read_moment(text: str, now: datetime | None = None) -> datetime:
    """Parse a time in the current time zone: "14:05" (today), a date, or both.

    Raises `InvalidMoment`.
    """
    text = text.strip()
    try:
        found = parse_datetime(text)
        if found is None and (day := parse_date(text)) is not None:
            found = datetime.combine(day, time())
        if found is None and (clock := parse_time(text)) is not None:
            found = datetime.combine(timezone.localdate(now), clock)
        if found is not None and timezone.is_naive(found):
            found = timezone.make_aware(found)
        # Convert it as database and pages do: the first and last possible days raise in another time zone.
        found = found and timezone.localtime(found.astimezone(UTC))
    except (ValueError, OverflowError):
        found = None
    if found is None:
        message = _("%(text)r is not a time; write 14:05, 2026-01-31 or “2026-01-31 14:05”.")
        raise InvalidMoment(message % {"text": text})
    return found


def sent_data(entry: SentEntry) -> Mapping[str, Any]:
    """Return an entry as values for JSON."""
    return {
        "id": entry.pk,
        "at": entry.at,
        "action": entry.action,
        "is_partial": entry.is_partial,
        "service": entry.service,
        "destination_id": entry.destination_id,
        "destination": entry.destination_name,
        "object": f"{entry.source}:{entry.object_pk}",
        "url": redact(entry.url),
        "seconds": round(entry.seconds, 3),
        "attempt": entry.attempt,
    }

"""Destinations that a service refuses, for machines: which they are, and trying them again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.api.errors import ApiError
from syncqueue.api.routing import requires
from syncqueue.models import Destination
from syncqueue.presentation.reasons import in_words
from syncqueue.services import audit
from syncqueue.services.audit import Actor
from syncqueue.services.permissions import OPERATE, VIEW
from syncqueue.site import record_db

MOST_SHOWN = 1000


@requires(VIEW)
def broken(request: HttpRequest, actor: Actor) -> JsonResponse:
    """Return the destinations that are refused, those that have been for longest first."""
    rows = Destination.objects.using(record_db()).exclude(broken_reason="").order_by("broken_at", "pk")
    found = list(rows[: MOST_SHOWN + 1])
    shown = [_shown(row) for row in found[:MOST_SHOWN]]
    return JsonResponse({"destinations": shown, "is_whole": len(found) <= MOST_SHOWN})


@requires(OPERATE)
def mend(request: HttpRequest, actor: Actor, service: str, destination_id: str) -> JsonResponse:
    """Say that a destination was mended: what waits for it is sent. Returns why it was refused; "" if it was not."""
    rows = Destination.objects.using(record_db()).filter(service=service)
    is_number = destination_id.isascii() and destination_id.isdigit() and len(destination_id) < 19
    row = rows.filter(pk=int(destination_id)).first() if is_number else None
    if row is None:
        message = _("%(service)s has no destination with the id %(id)s.")
        raise ApiError(404, message % {"service": service, "id": destination_id})
    said = _shown(row)
    services.mend(row, actor=actor.name)
    audit.note(actor, "mend", subject=str(row), model=Destination, object_id=row.pk)
    return JsonResponse(said)


def _shown(row: Destination) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "service": row.service,
        "since": row.broken_at,
        "why": in_words(row.broken_reason),
    }

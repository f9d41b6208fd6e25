"""API view of the log of what went out."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.api.errors import ApiError
from syncqueue.api.parameters import PAGE, limit, parameters
from syncqueue.api.routing import requires
from syncqueue.core.errors import InvalidMoment
from syncqueue.services.audit import Actor
from syncqueue.services.permissions import VIEW

_NUMBER_LENGTH = 18  # digits of the largest keys that every database can compare


@requires(VIEW)
def log(request: HttpRequest, actor: Actor) -> JsonResponse:
    """Return what went out, newest first."""
    asked = parameters(request, {"service", "destination", "object", "since", "until", "cursor", "limit"})
    most = limit(asked.get("limit", str(PAGE)))
    rows = services.sent(
        service=asked.get("service"),
        destination_id=_number("destination", asked.get("destination")),
        about=asked.get("object"),
        since=_moment("since", asked.get("since")),
        until=_moment("until", asked.get("until")),
    )
    before = _number("cursor", asked.get("cursor"))
    found = list((rows if before is None else rows.filter(pk__lt=before))[: most + 1])
    shown = found[:most]
    cursor = str(shown[-1].pk) if len(found) > most else None
    return JsonResponse({"log": [services.sent_data(one) for one in shown], "next_cursor": cursor})


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _NUMBER_LENGTH):
        raise ApiError(400, _("%s: expected a whole number.") % name)
    return int(text)


def _moment(name: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else services.read_moment(text)
    except InvalidMoment as error:
        raise ApiError(400, f"{name}: {error}") from error

"""Query parameters that several calls have."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest
from django.utils.translation import gettext as _

from syncqueue.api.errors import ApiError

PAGE = 50
LARGEST_PAGE = 200


def parameters(request: HttpRequest, known: set[str]) -> Mapping[str, str]:
    """Return the query parameters; raises `ApiError` for an unknown or repeated one instead of ignoring it."""
    unknown = set(request.GET) - known
    repeated = [name for name in request.GET if len(request.GET.getlist(name)) > 1]
    if unknown or repeated:
        raise ApiError(400, _("The parameters are %s; each may be given once.") % ", ".join(sorted(known)))
    return {name: str(request.GET[name]) for name in request.GET}


def limit(text: str) -> int:
    """Return how many entries a page may have; raises `ApiError`."""
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LARGEST_PAGE):
        raise ApiError(400, _("limit: expected a whole number from 1 to %d.") % LARGEST_PAGE)
    return int(text)

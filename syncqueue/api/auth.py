"""Authentication: a bearer token of SYNCQUEUE["API_TOKENS"], or the session of a staff user with the permission."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from syncqueue.api.errors import ApiError
from syncqueue.conf import get_settings
from syncqueue.services.audit import Actor

_SCHEME = "bearer "


def authorise(request: HttpRequest, permission: str) -> Actor:
    """Return the authorised caller; raises `ApiError` (401 not authenticated, 403 not permitted)."""
    if (token := _bearer(request)) is not None:
        return _machine(token)
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        raise ApiError(401, _("Log in, or send a token: Authorization: Bearer ..."), {"WWW-Authenticate": "Bearer"})
    if not _is_permitted(user, permission):
        raise ApiError(403, _("This requires a staff user with the permission %s.") % permission)
    _check_csrf(request)
    return Actor.of(user)


def may(request: HttpRequest, permission: str) -> bool:
    """Return whether the caller has this permission; raises `ApiError` only for an unknown token."""
    if (token := _bearer(request)) is not None:
        return bool(_machine(token))
    user = getattr(request, "user", None)
    return user is not None and _is_permitted(user, permission)


def _is_permitted(user: AbstractUser, permission: str) -> bool:
    return user.is_active and user.is_staff and user.has_perm(permission)


def _bearer(request: HttpRequest) -> str | None:
    """Return the bearer token of the request, if any; other schemes belong to a proxy in front of the site."""
    header = request.headers.get("Authorization", "")
    return header[len(_SCHEME) :].strip() if header.lower().startswith(_SCHEME) else None


def _machine(token: str) -> Actor:
    # All tokens are compared, so that the time does not reveal which one nearly matched.
    equal = [constant_time_compare(token, known) for known in get_settings().api_tokens]
    if not any(equal):
        raise ApiError(401, _("Unknown token."), {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return Actor(name=f"API token {equal.index(True) + 1}")


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _check_csrf(request: HttpRequest) -> None:
    """Run Django's CSRF check for sessions; the views are exempt from it because tokens do not need it."""
    middleware = CsrfViewMiddleware(_no_view)
    middleware.process_request(request)
    if middleware.process_view(request, _no_view, (), {}) is not None:
        raise ApiError(403, _("The CSRF token is missing or wrong: send the value of the cookie as X-CSRFToken."))

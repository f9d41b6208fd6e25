"""Who asks: a bearer token of SYNCQUEUE["API_TOKENS"], or the session of a staff user with the permission."""

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
    """The one who asks, if they may; raises `ApiError` (401 nobody known, 403 not allowed)."""
    if (token := _bearer(request)) is not None:
        return _machine(token)
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        raise ApiError(401, _("Log in, or send a token: Authorization: Bearer ..."), {"WWW-Authenticate": "Bearer"})
    if not _is_permitted(user, permission):
        raise ApiError(403, _("This needs a staff user with the permission %s.") % permission)
    _check_csrf(request)
    return Actor.of(user)


def may(request: HttpRequest, permission: str) -> bool:
    """Whether the one who asks has this permission; nobody is refused here but for a wrong token (`ApiError`)."""
    if (token := _bearer(request)) is not None:
        return bool(_machine(token))
    user = getattr(request, "user", None)
    return user is not None and _is_permitted(user, permission)


def _is_permitted(user: AbstractUser, permission: str) -> bool:
    return user.is_active and user.is_staff and user.has_perm(permission)


def _bearer(request: HttpRequest) -> str | None:
    """The token sent, if any; other schemes belong to what stands before the site, such as a proxy."""
    header = request.headers.get("Authorization", "")
    return header[len(_SCHEME) :].strip() if header.lower().startswith(_SCHEME) else None


def _machine(token: str) -> Actor:
    # All are compared, so that the time tells nothing about which one was nearly right.
    equal = [constant_time_compare(token, known) for known in get_settings().api_tokens]
    if not any(equal):
        raise ApiError(401, _("This token is not known."), {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return Actor(name=f"API token {equal.index(True) + 1}")


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _check_csrf(request: HttpRequest) -> None:
    """Django's own check, made here because the views are exempt for the sake of tokens."""
    middleware = CsrfViewMiddleware(_no_view)
    middleware.process_request(request)
    if middleware.process_view(request, _no_view, (), {}) is not None:
        raise ApiError(403, _("The CSRF token is missing or wrong: send the cookie's value as X-CSRFToken."))

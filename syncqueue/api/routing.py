"""From a path and a method to a view: rights, unknown services and errors are dealt with here, once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db import InterfaceError, OperationalError
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, re_path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from syncqueue import services
from syncqueue.api.auth import authorise
from syncqueue.api.errors import ApiError, database_response, error_response
from syncqueue.core.errors import SyncQueueError
from syncqueue.services.audit import Actor

P = ParamSpec("P")
View = Callable[..., HttpResponseBase]
ActorView = Callable[Concatenate[HttpRequest, Actor, P], HttpResponseBase]


def requires(permission: str) -> Callable[[ActorView[P]], View]:
    """A view that is called with the one who asks, once it is clear that they may and the service exists."""

    def decorate(view: ActorView[P]) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            actor = authorise(request, permission)
            if "service" in kwargs:
                _check_service(str(kwargs["service"]))
            return view(request, actor, *args, **kwargs)

        return guarded

    return decorate


def _check_service(name: str) -> None:
    known = services.service_names()
    if name not in known:
        message = _("There is no service %(name)r; there are: %(known)s.")
        raise ApiError(404, message % {"name": name, "known": ", ".join(known) or "-"})


def route(path: str, **views: View) -> URLPattern:
    """The pattern of `path` ("{service}/clear"), with or without a slash at its end, and a view for each method."""
    pattern = path.replace(".", r"\.").replace("{", "(?P<").replace("}", ">[^/]+)")
    name = "-".join(part for part in path.split("/") if not part.startswith("{"))
    return re_path(rf"^{pattern}/?\Z", _dispatcher(views), name=name)


def _dispatcher(views: dict[str, View]) -> View:
    by_method = views | ({"HEAD": views["GET"]} if "GET" in views else {})

    # Also under ATOMIC_REQUESTS: a worker may claim what is brought back before the request's commit.
    @non_atomic_requests
    @csrf_exempt  # sessions are checked in auth.py; a token cannot be sent by another site's page
    @never_cache
    def dispatch(request: HttpRequest, **kwargs: str) -> HttpResponseBase:
        try:
            return _view_for(request, by_method)(request, **kwargs)
        except (ApiError, SyncQueueError) as error:
            return error_response(error)
        except (OperationalError, InterfaceError) as error:
            return database_response(error)

    return dispatch


def _view_for(request: HttpRequest, by_method: dict[str, View]) -> View:
    view = by_method.get(request.method or "")
    if view is None:
        allowed = ", ".join(by_method)
        raise ApiError(405, _("Use %s here.") % allowed, {"Allow": allowed})
    return view


def no_such_path(request: HttpRequest) -> JsonResponse:
    """The answer to every path that is none of the API's."""
    return error_response(ApiError(404, _("There is no such path in this API.")))

"""Maps a path and a method to a view; checks permissions and services, and converts errors to responses."""

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
    """Decorate a view: it is called with the caller once the permission and the service have been checked."""

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
        message = _("There is no service %(name)r; enabled: %(known)s.")
        raise ApiError(404, message % {"name": name, "known": ", ".join(known) or "-"})


def route(path: str, **views: View) -> URLPattern:
    """Return the URL pattern of `path` ("{service}/clear"), trailing slash optional, with a view for each method."""
    pattern = path.replace(".", r"\.").replace("{", "(?P<").replace("}", ">[^/]+)")
    name = "-".join(part for part in path.split("/") if not part.startswith("{"))
    return re_path(rf"^{pattern}/?\Z", _dispatcher(views), name=name)


def _dispatcher(views: dict[str, View]) -> View:
    by_method = views | ({"HEAD": views["GET"]} if "GET" in views else {})

    # Not atomic, also under ATOMIC_REQUESTS: a worker may claim a requeued task before the request commits.
    @non_atomic_requests
    @csrf_exempt  # auth.py checks sessions; a page of another site cannot send a token
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
        raise ApiError(405, _("Method not allowed; use %s.") % allowed, {"Allow": allowed})
    return view


def no_such_path(request: HttpRequest) -> JsonResponse:
    """Return the response to an unknown path."""
    return error_response(ApiError(404, _("This API has no such path.")))

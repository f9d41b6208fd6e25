"""Connect with Mastodon: `start` sends a person to the instance, and `callback` takes them back."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from syncqueue.core.errors import SyncQueueError
from syncqueue.models import Destination, DestinationState
from syncqueue.presentation.inner import for_users
from syncqueue.secrets import redact
from syncqueue.services import connecting


@require_POST
@csrf_protect
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Send the person to their instance.

    POST `instance` (an address, a host, or a name such as @me@mastodon.social), or `destination`, the key of an own
    destination whose token is to be replaced; and `next`, a page of this site to come back to.
    """
    way_back = _way_back(request)
    destination = _own(request, request.POST["destination"]) if request.POST.get("destination") else None
    try:
        begun = connecting.begin_connection(
            destination.address if destination is not None else request.POST.get("instance", ""),
            person=request.user,
            owner_id=request.user.pk,
            redirect_uri=request.build_absolute_uri(reverse("syncqueue-connect:callback")),
            name=request.get_host(),
            destination=destination,
        )
    except SyncQueueError as error:
        return _refused(request, error, way_back)
    connecting.remember(request.session, begun, way_back)
    return HttpResponseRedirect(begun.url)


@require_GET
@never_cache
@sensitive_variables()
def callback(request: HttpRequest) -> HttpResponse:
    """Take the person back from their instance; each state is good for once."""
    sealed, way_back = "", ""
    if request.user.is_authenticated:
        sealed, way_back = connecting.take(request.session, request.GET.get("state", ""))
    if not sealed:
        return render(request, "syncqueue/connect_unknown.html", {"way_back": _home()}, status=400)
    if not (code := connecting.code_of(request.GET)):
        messages.warning(
            request, _("Not connected: the authorization was refused at the instance."), fail_silently=True
        )
        return HttpResponseRedirect(way_back)
    try:
        destination = connecting.finish_connection(sealed, code, person=request.user)
    except SyncQueueError as error:
        return _refused(request, error, way_back)
    messages.success(request, _("%s is connected.") % destination, fail_silently=True)
    return HttpResponseRedirect(way_back)


def _refused(request: HttpRequest, error: SyncQueueError, way_back: str) -> HttpResponse:
    messages.error(request, for_users(redact(str(error))), fail_silently=True)
    return HttpResponseRedirect(way_back)


def _own(request: HttpRequest, key: str) -> Destination:
    """An own destination; raises `Http404` for another person's."""
    rows = Destination.objects.filter(
        owner_id=request.user.pk, service=connecting.SERVICE, state=DestinationState.ACTIVE
    )
    return get_object_or_404(rows, pk=key if key.isascii() and key.isdecimal() and len(key) < 19 else None)


def _way_back(request: HttpRequest) -> str:
    asked = request.POST.get("next", "")
    hosts = {request.get_host()}
    is_own = url_has_allowed_host_and_scheme(asked, allowed_hosts=hosts, require_https=request.is_secure())
    return asked if is_own else _home()


def _home() -> str:
    return resolve_url(settings.LOGIN_REDIRECT_URL)

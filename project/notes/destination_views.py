"""Destinations of a user: list, add, edit, disable, test, delete. A user can only reach their own."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from syncqueue import services
from syncqueue.core.errors import SyncQueueError
from syncqueue.forms import (
    BlueskyDestinationForm,
    MastodonDestinationForm,
    OwnDestinationForm,
    TelegramDestinationForm,
    WebhookDestinationForm,
    destination_services,
)
from syncqueue.models import Destination, DestinationState, SyncRecord
from syncqueue.presentation import destinations as words
from syncqueue.presentation.inner import for_users

# Without the search index, which belongs to the site.
FORMS: dict[str, type[OwnDestinationForm]] = {
    form.service: form
    for form in (TelegramDestinationForm, MastodonDestinationForm, BlueskyDestinationForm, WebhookDestinationForm)
}

View = Callable[..., HttpResponse]


def own_page(view: View) -> View:
    """Decorate a view: it requires a login, and returns 404 unless OWN_DESTINATIONS is on."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.OWN_DESTINATIONS:
            raise Http404("The setting OWN_DESTINATIONS is off.")
        return view(request, *args, **kwargs)

    return login_required(checked)


def own_destinations(request: HttpRequest) -> QuerySet[Destination]:
    """Return the destinations of the user, including those that are being retired."""
    return Destination.objects.filter(owner_id=request.user.pk).order_by("name", "pk")


def own_destination(request: HttpRequest, pk: int) -> Destination:
    """Return an active destination; raises `Http404` if it belongs to another user or does not exist."""
    return get_object_or_404(own_destinations(request), pk=pk, state=DestinationState.ACTIVE)


def offered() -> list[str]:
    """Return the enabled services that have a form for users."""
    return [service for service in destination_services() if service in FORMS]


@own_page
def destination_list(request: HttpRequest) -> HttpResponse:
    """List the destinations with their state in words and the possible operations."""
    accounts = services.usable_credentials("mastodon", request.user.pk)
    rows = [_row(destination) for destination in own_destinations(request)]
    return render(request, "notes/destinations.html", {"rows": rows, "services": offered(), "accounts": accounts})


def _row(destination: Destination) -> dict[str, Any]:
    return {
        "destination": destination,
        "rule": words.rule(destination),
        "condition": for_users(words.condition(destination)),
        "credential": words.credential(destination),
        "can_change": destination.state == DestinationState.ACTIVE,
        "can_edit": destination.service in offered(),
        "can_connect": destination.service == "mastodon",
    }


@own_page
@sensitive_post_parameters()
def destination_add(request: HttpRequest, service: str) -> HttpResponse:
    return _edit(request, service, None)


@own_page
@sensitive_post_parameters()
def destination_edit(request: HttpRequest, pk: int) -> HttpResponse:
    destination = own_destination(request, pk)
    return _edit(request, destination.service, destination)


def _edit(request: HttpRequest, service: str, destination: Destination | None) -> HttpResponse:
    if service not in offered():
        raise Http404(f"{service} is not enabled, or has no form for users.")
    user: Any = request.user
    # A link may choose whose credential a new one uses; the form refuses other people's.
    initial = {"credential_of": request.GET.get("credential_of", "")}
    form = FORMS[service](request.POST or None, instance=destination, owner=user, label_suffix="", initial=initial)
    if form.is_valid():
        saved = form.save()
        messages.success(request, _("%s is saved.") % saved)
        return redirect("destination-list")
    context = {"form": form, "service": service, "is_new": destination is None}
    return render(request, "notes/destinations_edit.html", context)


@own_page
@require_POST
def destination_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Enable the destination if `enabled` is "on", otherwise disable it: it accepts nothing more, and copies stay."""
    destination = own_destination(request, pk)
    destination.enabled = request.POST.get("enabled") == "on"
    destination.save(update_fields=["enabled"])
    text = _("%s takes notes again.") if destination.enabled else _("%s takes no more notes. What is there stays.")
    messages.success(request, text % destination)
    return redirect("destination-list")


@own_page
@require_POST
def destination_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Post a test message and remove it."""
    destination = own_destination(request, pk)
    try:
        messages.success(request, services.send_test(destination))
    except SyncQueueError as error:
        messages.error(request, for_users(str(error)))
    return redirect("destination-list")


@own_page
@require_POST
def destination_mend(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark the destination as fixed, so that its waiting tasks are sent."""
    destination = own_destination(request, pk)
    services.mend(destination, actor=str(request.user))
    messages.success(request, _("%s is tried again.") % destination)
    return redirect("destination-list")


@own_page
def destination_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Retire the destination after a confirmation; deleting the row immediately would lose track of its copies."""
    destination = own_destination(request, pk)
    if request.method == "POST":
        remove = request.POST.get("copies") == "remove"
        services.retire(destination, remove_remote=remove, actor=str(request.user))
        messages.success(request, _("%s is being deleted.") % destination)
        return redirect("destination-list")
    copies = SyncRecord.objects.filter(destination=destination).exclude(parts=[]).count()
    return render(request, "notes/destinations_delete.html", {"destination": destination, "copy_count": copies})

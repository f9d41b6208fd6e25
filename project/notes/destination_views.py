"""A person's own destinations: list, add, edit, switch off, test, delete. Nobody reaches another person's."""

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
    MastodonDestinationForm,
    OwnDestinationForm,
    TelegramDestinationForm,
    WebhookDestinationForm,
    destination_services,
)
from syncqueue.models import Destination, DestinationState, SyncRecord
from syncqueue.presentation import destinations as words
from syncqueue.secrets import redact

# Not the search index: that is the site's, and no place of a person's.
FORMS: dict[str, type[OwnDestinationForm]] = {
    form.service: form for form in (TelegramDestinationForm, MastodonDestinationForm, WebhookDestinationForm)
}

View = Callable[..., HttpResponse]


def own_page(view: View) -> View:
    """For people who are logged in, on a site whose people bring destinations of their own; else there is no page."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.OWN_DESTINATIONS:
            raise Http404("The setting OWN_DESTINATIONS is off.")
        return view(request, *args, **kwargs)

    return login_required(checked)


def own_destinations(request: HttpRequest) -> QuerySet[Destination]:
    """Those of the person who asks, also those that are about to go."""
    return Destination.objects.filter(owner_id=request.user.pk).order_by("name", "pk")


def own_destination(request: HttpRequest, pk: int) -> Destination:
    """One that can still be changed; raises `Http404` for another person's as for one that is not there."""
    return get_object_or_404(own_destinations(request), pk=pk, state=DestinationState.ACTIVE)


def offered() -> list[str]:
    """The services that are on and have a form for people."""
    return [service for service in destination_services() if service in FORMS]


@own_page
def destination_list(request: HttpRequest) -> HttpResponse:
    """How each stands, in words, and what can be done with it."""
    return render(
        request,
        "notes/destinations.html",
        {"rows": [_row(destination) for destination in own_destinations(request)], "services": offered()},
    )


def _row(destination: Destination) -> dict[str, Any]:
    return {
        "destination": destination,
        "rule": words.rule(destination),
        "condition": words.condition(destination),
        "credential": words.credential(destination),
        "can_change": destination.state == DestinationState.ACTIVE,
        "can_edit": destination.service in offered(),
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
        raise Http404(f"{service} is off, or has no form for people.")
    user: Any = request.user
    form = FORMS[service](request.POST or None, instance=destination, owner=user, label_suffix="")
    if form.is_valid():
        saved = form.save()
        messages.success(request, _("%s is saved.") % saved)
        return redirect("destination-list")
    context = {"form": form, "service": service, "is_new": destination is None}
    return render(request, "notes/destinations_edit.html", context)


@own_page
@require_POST
def destination_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """On where `enabled` is "on", else off: nothing more is taken, and copies stay."""
    destination = own_destination(request, pk)
    destination.enabled = request.POST.get("enabled") == "on"
    destination.save(update_fields=["enabled"])
    text = _("%s takes notes again.") if destination.enabled else _("%s takes no more notes. What is there stays.")
    messages.success(request, text % destination)
    return redirect("destination-list")


@own_page
@require_POST
def destination_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Post a line and take it away again."""
    destination = own_destination(request, pk)
    try:
        messages.success(request, services.send_test(destination))
    except SyncQueueError as error:
        messages.error(request, redact(str(error)))
    return redirect("destination-list")


@own_page
@require_POST
def destination_mend(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it as mended: what waits goes out."""
    destination = own_destination(request, pk)
    services.mend(destination, actor=str(request.user))
    messages.success(request, _("%s is tried again.") % destination)
    return redirect("destination-list")


@own_page
def destination_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Retire it, after a question: a row that is deleted at once would forget what is out there."""
    destination = own_destination(request, pk)
    if request.method == "POST":
        remove = request.POST.get("copies") == "remove"
        services.retire(destination, remove_remote=remove, actor=str(request.user))
        messages.success(request, _("%s is being deleted.") % destination)
        return redirect("destination-list")
    copies = SyncRecord.objects.filter(destination=destination).exclude(parts=[]).count()
    return render(request, "notes/destinations_delete.html", {"destination": destination, "copy_count": copies})

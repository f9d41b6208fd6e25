"""Connect with Mastodon, for staff: an account of the site, and a new token for one whose token was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from syncqueue.core.errors import SyncQueueError
from syncqueue.models import Destination
from syncqueue.presentation.destinations import CONNECTED_SERVICE, can_reconnect
from syncqueue.presentation.reasons import in_words
from syncqueue.secrets import redact
from syncqueue.services import audit

if TYPE_CHECKING:
    Page = admin.ModelAdmin[Destination]
else:
    Page = admin.ModelAdmin


class ConnectPages(Page):
    """Pages on which staff allow the site to post as an account.

    Users connect their own destinations, because an instance asks the account that is logged in there.
    """

    def connect_urls(self) -> list[URLPattern]:
        """Return the URLs: for connecting a new destination, for an existing one, and for the redirect back."""
        wrap = self.admin_site.admin_view
        return [
            path("connect/", wrap(require_POST(self.connect_view)), name="syncqueue_destination_connect_new"),
            path("connect/callback/", wrap(require_GET(self.callback_view)), name="syncqueue_destination_connected"),
            path("<int:pk>/connect/", wrap(self.connect_again_view), name="syncqueue_destination_connect"),
        ]

    def connect_view(self, request: HttpRequest) -> HttpResponse:
        """Redirect to the instance that the person names in `instance`."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        way_back = f"{self._page('add')}?service={CONNECTED_SERVICE}"
        return self._begin(request, request.POST.get("instance", ""), None, way_back)

    def connect_again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what will happen, then redirect to the instance of an existing destination."""
        destination = self.get_object(request, str(pk))
        if not self.has_change_permission(request):
            raise PermissionDenied
        if destination is None or not can_reconnect(destination):
            raise Http404
        way_back = self._page("change", destination.pk)
        if request.method == "POST":
            return self._begin(request, destination.address, destination, way_back)
        text = _(
            "%(instance)s asks you whether this site may post as the account of “%(name)s”. Log in there as that "
            "account first. Waiting objects are sent afterwards."
        )
        context = {
            "title": _("Connect again"),
            "label": _("Connect again"),
            "question": text % {"instance": destination.address, "name": destination},
            "way_back": way_back,
            "opts": self.opts,
            "app_name": self.opts.app_config.verbose_name,
        }
        request.current_app = self.admin_site.name  # read by {% url %}
        return TemplateResponse(request, "syncqueue/confirm.html", {**self.admin_site.each_context(request), **context})

    def _begin(
        self, request: HttpRequest, instance: str, destination: Destination | None, way_back: str
    ) -> HttpResponse:
        try:
            begun = _connecting().begin_connection(
                instance,
                person=request.user,
                owner_id=None,
                redirect_uri=request.build_absolute_uri(self._page("connected")),
                name=request.get_host(),
                destination=destination,
            )
        except SyncQueueError as error:
            return self._refused(request, error, way_back)
        _connecting().remember(request.session, begun, way_back)
        return HttpResponseRedirect(begun.url)

    @sensitive_variables()
    def callback_view(self, request: HttpRequest) -> HttpResponse:
        """Handle the redirect back from the instance; each state is valid once."""
        if not self.has_add_permission(request) and not self.has_change_permission(request):
            raise PermissionDenied
        connecting = _connecting()
        sealed, way_back = connecting.take(request.session, request.GET.get("state", ""))
        if not sealed:
            text = _("This connection was not started in this browser, or has already been used. Start it again.")
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(self._page("changelist"))
        if not (code := connecting.code_of(request.GET)):
            text = _("Not connected: the authorization was refused at the instance.")
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(way_back)
        try:
            destination = connecting.finish_connection(sealed, code, person=request.user)
        except SyncQueueError as error:
            return self._refused(request, error, way_back)
        actor = audit.Actor.of(request.user)
        audit.note(actor, "connect", subject=str(destination), model=Destination, object_id=destination.pk)
        self.message_user(request, _("%s is connected.") % destination, messages.SUCCESS)
        return HttpResponseRedirect(self._page("change", destination.pk))

    def _refused(self, request: HttpRequest, error: SyncQueueError, way_back: str) -> HttpResponse:
        self.message_user(request, in_words(redact(str(error))), messages.ERROR)
        return HttpResponseRedirect(way_back)

    def _page(self, name: str, *arguments: object) -> str:
        return reverse(f"admin:syncqueue_destination_{name}", args=arguments, current_app=self.admin_site.name)


def _connecting() -> Any:
    """Import the service at first use, because its client library is installed only with the extra."""
    from syncqueue.services import connecting

    return connecting

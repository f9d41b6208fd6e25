"""The base of all pages of the queues: permissions, frame and navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse

from syncqueue import services
from syncqueue.admin.queue_model import Queue
from syncqueue.admin.sentences import Sentences
from syncqueue.core.errors import ConfigurationError
from syncqueue.services.permissions import may_operate, may_view

if TYPE_CHECKING:
    Page = admin.ModelAdmin[Queue]
else:
    Page = admin.ModelAdmin


class QueuePages(Page):
    """The frame of the queues' pages. Each kind of page is a subclass with its own `own_urls`."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs below that of the queues in the admin."""
        return []

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may see the queues."""
        return may_view(request)

    def has_view_permission(self, request: HttpRequest, obj: Queue | None = None) -> bool:
        """Return whether the user may see the queues."""
        return may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: the settings define the queues."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Queue | None = None) -> bool:
        """Return False: there are operations instead."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Queue | None = None) -> bool:
        """Return False: the settings define the queues."""
        return False

    def check_view(self, request: HttpRequest) -> None:
        """Raise `PermissionDenied` if the user may not see the queues."""
        if not may_view(request):
            raise PermissionDenied

    def check_operate(self, request: HttpRequest) -> None:
        """Raise `PermissionDenied` if the user may not operate the queues."""
        if not may_operate(request):
            raise PermissionDenied

    def check_service(self, service: str) -> None:
        """Raise `Http404` if the service is not enabled."""
        try:
            known = service in services.service_names()
        except ConfigurationError:
            known = False
        if not known:
            raise Http404(service)

    def url(self, name: str, *args: object) -> str:
        """Return the URL of a page of this admin site, such as "queue_workers"."""
        return reverse(f"admin:syncqueue_{name}", args=args, current_app=self.admin_site.name)

    def way_back(self, request: HttpRequest) -> str:
        """Return the dashboard, or the admin's index if the user may not see it."""
        if may_view(request):
            return self.url("queue_changelist")
        return reverse("admin:index", current_app=self.admin_site.name)

    def sentences(self, request: HttpRequest) -> Sentences:
        """Return the `Sentences` for the reader."""
        return Sentences(request.user, self.admin_site.name)

    def render(self, request: HttpRequest, template: str, title: str, shown: dict[str, Any]) -> HttpResponse:
        """Return a page in the admin's frame."""
        request.current_app = self.admin_site.name  # read by {% url %}
        # Without "opts": themes look there for the model's app, and this model is in no app.
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "app_name": apps.get_app_config("syncqueue").verbose_name,
            "may_operate": may_operate(request),
            "sentences": self.sentences(request),
            **shown,
        }
        return TemplateResponse(request, template, context)

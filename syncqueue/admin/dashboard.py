"""The dashboard with its live part, and all pages of the queues together."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from syncqueue.admin.charts import SPANS
from syncqueue.admin.clearing_pages import ClearingPages
from syncqueue.admin.failure_pages import FailurePages
from syncqueue.admin.finding_pages import FindingPages
from syncqueue.admin.operation_pages import OperationPages
from syncqueue.admin.overview import overview
from syncqueue.admin.pages import QueuePages
from syncqueue.admin.refused_pages import RefusedPages
from syncqueue.admin.task_actions import TaskActionPages
from syncqueue.admin.task_pages import TaskPages
from syncqueue.admin.worker_pages import WorkerPages
from syncqueue.services.permissions import may_operate


class DashboardPages(QueuePages):
    """The dashboard."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs; the dashboard replaces the list, to which the admin's index links."""
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.dashboard_view), name="syncqueue_queue_changelist"),
            path("live/", wrap(self.live_view), name="syncqueue_queue_live"),
            *super().own_urls(),
        ]

    def _overview(self, request: HttpRequest) -> dict[str, Any]:
        shown, sentences = overview(request.GET.get("span", "hour")), self.sentences(request)
        notices = [
            (one, sentences.html(one.text, one.names), sentences.buttons(one.cures, with_commands=True))
            for one in shown.notices
        ]
        return {
            "overview": shown, "notices": notices, "spans": SPANS.values(), "may_operate": may_operate(request),
            "sentences": sentences,
        }  # fmt: skip

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """Show what needs a person, and a card for each service."""
        self.check_view(request)
        return self.render(request, "syncqueue/dashboard.html", _("Sync queues"), self._overview(request))

    def live_view(self, request: HttpRequest) -> HttpResponse:
        """Show the changing part of the dashboard, for the script that updates it."""
        self.check_view(request)
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "syncqueue/overview.html", self._overview(request))


class QueueAdmin(
    DashboardPages,
    WorkerPages,
    FailurePages,
    FindingPages,
    RefusedPages,
    ClearingPages,
    TaskActionPages,
    TaskPages,
    OperationPages,
):
    """All pages of the queues in the admin."""

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs of the pages, without the usual ones of a model."""
        return self.own_urls()

"""The dashboard with its live part, and the page of the workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.admin.charts import SPANS
from syncqueue.admin.clearing_pages import ClearingPages
from syncqueue.admin.failure_pages import FailurePages
from syncqueue.admin.operation_pages import OperationPages
from syncqueue.admin.overview import overview
from syncqueue.admin.pages import QueuePages
from syncqueue.admin.task_actions import TaskActionPages
from syncqueue.admin.task_pages import TaskPages
from syncqueue.admin.titles import entity_titles
from syncqueue.core.errors import QueueUnavailable, SyncQueueError
from syncqueue.core.task import TaskState, TaskView
from syncqueue.presentation.duties import failing_words
from syncqueue.presentation.reasons import in_words
from syncqueue.services.permissions import may_operate

RUNNING_SHOWN = 20  # tasks in processing named on the page of the workers, a service


class DashboardPages(QueuePages):
    """Dashboard and workers."""

    def own_urls(self) -> list[URLPattern]:
        """The dashboard has the list's place, which the admin's index leads to."""
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.dashboard_view), name="syncqueue_queue_changelist"),
            path("live/", wrap(self.live_view), name="syncqueue_queue_live"),
            path("workers/", wrap(self.workers_view), name="syncqueue_queue_workers"),
            *super().own_urls(),
        ]

    def _overview(self, request: HttpRequest) -> dict[str, Any]:
        shown = overview(request.GET.get("span", "hour"))
        return {"overview": shown, "spans": SPANS.values(), "may_operate": may_operate(request)}

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """What needs a person, and a card a service."""
        self.check_view(request)
        return self.render(request, "syncqueue/dashboard.html", _("Sync queues"), self._overview(request))

    def live_view(self, request: HttpRequest) -> HttpResponse:
        """The part of the dashboard that changes, for the script that brings it up to date."""
        self.check_view(request)
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "syncqueue/overview.html", self._overview(request))

    def workers_view(self, request: HttpRequest) -> HttpResponse:
        """Who works, and on what."""
        self.check_view(request)
        problem = ""
        workers: Sequence[services.WorkerView] = ()
        unreadable_count = 0
        running: list[tuple[str, Sequence[tuple[TaskView, str]], int, str]] = []
        try:
            beats = services.heartbeats()
            workers, unreadable_count = beats.values, beats.unreadable_count
            running = [(name, *_running(request, name)) for name in services.service_names()]
        except SyncQueueError as error:
            problem = in_words(str(error))
        shown = {
            "workers": workers, "unreadable_count": unreadable_count, "running": running, "problem": problem,
            "duties": [(worker, failing_words(duty)) for worker in workers for duty in worker.duties],
            "left_behind": not workers and not unreadable_count and any(row[2] for row in running),
        }  # fmt: skip
        return self.render(request, "syncqueue/workers.html", _("Workers"), shown)


def _running(request: HttpRequest, service: str) -> tuple[Sequence[tuple[TaskView, str]], int, str]:
    """The first tasks in processing, how many there are, and why they cannot be shown."""
    try:
        page = services.task_page(service, TaskState.PROCESSING, limit=RUNNING_SHOWN)
    except QueueUnavailable:
        raise
    except SyncQueueError as error:
        return (), 0, in_words(str(error))
    names = entity_titles(request.user, [view.task.entity for view in page.tasks if view.task])
    tasks = [(view, names.entity_words(view.task.entity) if view.task else view.id) for view in page.tasks]
    return tasks, page.total_count, ""


class QueueAdmin(DashboardPages, FailurePages, ClearingPages, TaskActionPages, TaskPages, OperationPages):
    """The queues' place in the admin: all their pages."""

    def get_urls(self) -> list[URLPattern]:
        """Those of the pages; none of a model's usual ones."""
        return self.own_urls()

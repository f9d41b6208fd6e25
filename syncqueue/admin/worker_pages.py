"""The workers, and the requests to them: to take no new work, or to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue import services
from syncqueue.admin.pages import QueuePages
from syncqueue.admin.titles import entity_titles
from syncqueue.core.errors import QueueError, QueueUnavailable, SyncQueueError
from syncqueue.core.task import TaskState, TaskView
from syncqueue.core.worker_state import WorkerRequest, WorkerState
from syncqueue.models import ServicePolicy
from syncqueue.presentation.duties import failing_words
from syncqueue.presentation.figures import labelled
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.workers import state_words
from syncqueue.services import audit

RUNNING_SHOWN = 20  # tasks in processing that the page shows per service


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    label: Promise
    question: Callable[[], str]
    answer: Callable[[], str]
    states: tuple[WorkerState, ...]  # the worker states in which it is offered
    is_dangerous: bool = False


_ASKS = {
    WorkerRequest.QUIET: _Ask(
        label=gettext_lazy("Quiet"),
        question=lambda: _(
            "Within 10 seconds, worker %(worker)s stops taking new work and finishes its running tasks. It stays "
            "quiet until it is restarted; other workers continue."
        ),
        answer=lambda: _("Worker %(worker)s was asked to take no new work; it obeys within 10 seconds."),
        states=(WorkerState.WORKING,),
    ),
    WorkerRequest.STOP: _Ask(
        label=gettext_lazy("Stop"),
        question=lambda: _(
            "Within 10 seconds, worker %(worker)s begins to shut down, as on SIGTERM: it takes no new work, and "
            "finishes or releases its running tasks. Its supervisor may restart it."
        ),
        answer=lambda: _("Worker %(worker)s was asked to shut down; it begins within 10 seconds."),
        states=(WorkerState.WORKING, WorkerState.QUIET),
        is_dangerous=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    worker: services.WorkerView
    state: str
    asks: Sequence[tuple[str, _Ask]]


class WorkerPages(QueuePages):
    """The pages of the workers, and of the requests to them."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs; a request has the id of the worker in its URL."""
        wrap = self.admin_site.admin_view
        return [
            path("workers/", wrap(self.workers_view), name="syncqueue_queue_workers"),
            path("workers/<str:worker>/<slug:name>/", wrap(self.ask_view), name="syncqueue_queue_worker_request"),
            *super().own_urls(),
        ]

    def workers_view(self, request: HttpRequest) -> HttpResponse:
        """Show the workers, and the tasks that they are processing."""
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
            "workers": [_row(worker) for worker in workers],
            "unreadable_count": unreadable_count, "running": running, "problem": problem,
            "duties": [(worker, failing_words(duty)) for worker in workers for duty in worker.duties],
            "left_behind": not workers and not unreadable_count and any(row[2] for row in running),
        }  # fmt: skip
        return self.render(request, "syncqueue/workers.html", _("Workers"), shown)

    def ask_view(self, request: HttpRequest, worker: str, name: str) -> HttpResponse:
        """Ask for confirmation, then request it from the worker."""
        self.check_operate(request)
        if name not in set(WorkerRequest):
            raise Http404(name)
        wanted = WorkerRequest(name)
        ask, way_back, about = _ASKS[wanted], self.url("queue_workers"), {"worker": worker}
        if request.method != "POST":
            shown: dict[str, Any] = {
                "question": ask.question() % about, "label": ask.label, "way_back": way_back,
                "is_dangerous": ask.is_dangerous,
            }  # fmt: skip
            return self.render(request, "syncqueue/confirm.html", labelled(worker, ask.label), shown)
        actor = audit.Actor.of(request.user)
        try:
            services.ask_worker(worker, wanted, actor=actor.name)
        except QueueError as error:
            self.message_user(request, in_words(str(error)), messages.ERROR)
        else:
            audit.note(actor, f"{wanted} worker", subject=worker, model=ServicePolicy)
            self.message_user(request, ask.answer() % about)
        return HttpResponseRedirect(way_back)


def _row(worker: services.WorkerView) -> _Row:
    asks = [(name.value, ask) for name, ask in _ASKS.items() if worker.state in ask.states]
    return _Row(worker=worker, state=state_words(worker.state), asks=asks)


def _running(request: HttpRequest, service: str) -> tuple[Sequence[tuple[TaskView, str]], int, str]:
    """Return the first tasks in processing, their number, and why they cannot be shown."""
    try:
        page = services.task_page(service, TaskState.PROCESSING, limit=RUNNING_SHOWN)
    except QueueUnavailable:
        raise
    except SyncQueueError as error:
        return (), 0, in_words(str(error))
    names = entity_titles(request.user, [view.task.entity for view in page.tasks if view.task])
    tasks = [(view, names.entity_words(view.task.entity) if view.task else view.id) for view in page.tasks]
    return tasks, page.total_count, ""

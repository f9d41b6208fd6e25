"""Lists of tasks by state, and the page of one task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.admin.utils import quote, unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from syncqueue import services
from syncqueue.admin.links import Link, part_link
from syncqueue.admin.operation_pages import RoundPages, ask_stats
from syncqueue.admin.task_actions import ACTIONS
from syncqueue.admin.task_words import STATE_WORDS, Holds, TaskRow, task_row
from syncqueue.admin.titles import entity_titles
from syncqueue.core.errors import InvalidCursor, QueueError, UnknownTask
from syncqueue.core.task import TaskState, TaskView
from syncqueue.models import SyncRecord
from syncqueue.presentation.reasons import in_words
from syncqueue.queue.inspect import HoldView
from syncqueue.queue.pages import TaskPage
from syncqueue.sources.intents import record_of_task_id

PAGE = 50
LONGEST_SEARCH = 200


class StateTab(NamedTuple):
    """A link to the tasks in another state."""

    label: str
    url: str
    task_count: int | None
    is_current: bool


def read_state(name: str) -> TaskState:
    """Return the state that a URL names; raises `Http404`."""
    if name not in set(TaskState):
        raise Http404(name)
    return TaskState(name)


class TaskPages(RoundPages):
    """The pages of the tasks in the queues."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs: a list for each state, and a page for each task."""
        wrap = self.admin_site.admin_view
        return [
            path("<str:service>/tasks/<str:state>/", wrap(self.tasks_view), name="syncqueue_queue_tasks"),
            path("<str:service>/task/<str:task_id>/", wrap(self.task_view), name="syncqueue_queue_task"),
            *super().own_urls(),
        ]

    # A list

    def tasks_view(self, request: HttpRequest, service: str, state: str) -> HttpResponse:
        """Show a page of the tasks in a state, oldest first, filtered by a search."""
        self.check_view(request)
        self.check_service(service)
        wanted, search = read_state(state), request.GET.get("q", "").strip()[:LONGEST_SEARCH]
        page, problem = self._page(request, service, wanted, search)
        shown = {
            "service": service, "state": wanted.value, "search": search, "problem": problem, "page": page,
            "states": self._states(service, wanted, search),
            "rows": self._rows(request, service, page.tasks) if page else [],
            "ways": self._ways(page, search) if page else [],
            "first": page.first_rank + 1 if page else 0, "last": page.first_rank + len(page.tasks) if page else 0,
            "actions": [(name, action) for name, action in ACTIONS.items() if wanted in action.states],
        }  # fmt: skip
        title = _("%(service)s: %(state)s tasks") % {"service": service, "state": STATE_WORDS[wanted]()}
        return self.render(request, "syncqueue/tasks.html", title, shown)

    def _page(self, request: HttpRequest, service: str, state: TaskState, search: str) -> tuple[TaskPage | None, str]:
        cursor, start = request.GET.get("cursor", ""), request.GET.get("start", "")
        first = int(start) if start.isascii() and start.isdigit() and len(start) < 12 else 0
        try:
            return services.task_page(service, state, cursor=cursor, search=search, limit=PAGE, start=first), ""
        except InvalidCursor:
            return services.task_page(service, state, search=search, limit=PAGE), ""
        except QueueError as error:
            return None, in_words(str(error))

    def _states(self, service: str, current: TaskState, search: str) -> list[StateTab]:
        stats, _problem = ask_stats(service)
        counts = services.state_counts(stats) if stats else {}
        query = f"?{urlencode({'q': search})}" if search else ""
        return [
            StateTab(
                STATE_WORDS[state](),
                self.url("queue_tasks", service, state.value) + query,
                counts.get(state),
                state is current,
            )
            for state in TaskState
        ]

    def _rows(self, request: HttpRequest, service: str, views: Sequence[TaskView]) -> list[tuple[TaskRow, str]]:
        """Return the tasks in words, each with the URL of its page."""
        names = entity_titles(request.user, [view.task.entity for view in views if view.task])
        holds = Holds(service, views, self._holds(service, views), self.url, self.sentences(request))
        rows = [task_row(view, self.admin_site.name, names, holds) for view in views]
        return [(row, self.url("queue_task", service, quote(row.view.id))) for row in rows]

    def _holds(self, service: str, views: Sequence[TaskView]) -> Sequence[HoldView]:
        try:
            return services.holds(service) if any(view.held_by for view in views) else ()
        except QueueError:
            return ()  # the text of a hold is sufficient without its reason

    def _ways(self, page: TaskPage, search: str) -> list[Link]:
        """Return the links to the first, previous, next and last page, as far as there are any."""
        kept = {"q": search} if search else {}
        found = []
        if page.first_rank:
            found.append(Link(_("First"), "?" + urlencode(kept)))
        if page.first_rank and not search:
            found.append(Link(_("Previous"), "?" + urlencode({"start": max(0, page.first_rank - PAGE)})))
        if page.next_cursor:
            words = _("Continue searching") if search else _("Next")
            found.append(Link(words, "?" + urlencode({**kept, "cursor": page.next_cursor})))
        if page.next_cursor and not search:
            found.append(Link(_("Last"), "?" + urlencode({"start": page.total_count - PAGE})))
        return found

    # One task

    def task_view(self, request: HttpRequest, service: str, task_id: str) -> HttpResponse:
        """Show everything that is known about one task."""
        self.check_view(request)
        self.check_service(service)
        try:
            view = services.task(service, unquote(task_id))
            [(row, _url)] = self._rows(request, service, [view])
        except UnknownTask as error:
            return self._not_there(request, service, str(error), unquote(task_id))
        except QueueError as error:
            return self._not_there(request, service, in_words(str(error)))
        shown = {
            "service": service, "row": row, "view": view, "state": view.state.value,
            "record": self._record(row.record_id), "state_words": STATE_WORDS[view.state](),
            "actions": [(name, action) for name, action in ACTIONS.items() if view.state in action.states],
        }  # fmt: skip
        return self.render(request, "syncqueue/task.html", row.about.words, shown)

    def _not_there(self, request: HttpRequest, service: str, problem: str, task_id: str = "") -> HttpResponse:
        """Show that there is no such task, and its record, if there is one."""
        shown = {"service": service, "problem": problem, "record": self._record(record_of_task_id(task_id))}
        return self.render(request, "syncqueue/no_task.html", _("Task"), shown)

    def _record(self, record_id: int | None) -> dict[str, Any] | None:
        if record_id is None:
            return None
        record = SyncRecord.objects.select_related("destination").filter(pk=record_id).first()
        if record is None:
            return None
        return {
            "row": record,
            "url": self.url("syncrecord_change", record.pk),
            "error": in_words(record.error),
            "parts": [part_link(part) for part in record.parts],
        }

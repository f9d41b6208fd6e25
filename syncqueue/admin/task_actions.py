"""Actions on tasks of a state: one, the selected ones, or all that match, after a question with the count."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from django.contrib import messages
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from syncqueue import services
from syncqueue.admin.operation_pages import RoundPages
from syncqueue.admin.rounds import (
    POSITION,
    ROUND_SECONDS,
    Position,
    address_of,
    is_progress,
    level_of,
    read_position,
    sent,
)
from syncqueue.core.errors import QueueError
from syncqueue.core.task import TaskState
from syncqueue.presentation.figures import figure, labelled
from syncqueue.presentation.reasons import in_words
from syncqueue.queue.calls import CHUNK
from syncqueue.services import audit

SELECTED_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAction:
    """A button above a list of tasks."""

    label: Promise
    states: frozenset[TaskState]  # the states in which it is offered
    question: Callable[[int], str]
    do: Callable[[Order, Sequence[str], Position], tuple[int, int | None]]  # -> how many, and the clearing's key
    answer: Callable[[int], str]
    is_dangerous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The request of a person: tasks by id, or all of a state that match a search."""

    service: str
    state: TaskState
    actor: str
    ids: Sequence[str] = ()
    search: str = ""
    is_for_all: bool = False

    def piece(self, action: TaskAction, at: Position) -> Position:
        """Do a part of the work."""
        if self.ids:
            done, _key = action.do(self, self.ids, at)
            return Position(total=len(self.ids), looked=len(self.ids), done=done, finished=True)
        page = services.task_page(self.service, self.state, cursor=at.cursor, search=self.search, limit=CHUNK)
        total = page.total_count if at.total is None else at.total
        done, key = action.do(self, [view.id for view in page.tasks], at) if page.tasks else (0, at.clearing)
        looked = at.looked + page.searched_count
        # Tasks that return to the state meanwhile are at its end, so the work is bounded.
        finished = not page.next_cursor or looked >= total
        return Position(
            total=total, looked=min(looked, total), done=at.done + done, cursor=page.next_cursor, clearing=key,
            finished=finished,
        )  # fmt: skip


def _retry(order: Order, ids: Sequence[str], at: Position) -> tuple[int, None]:
    return services.retry_tasks(order.service, ids, actor=order.actor), None


def _run_now(order: Order, ids: Sequence[str], at: Position) -> tuple[int, None]:
    return services.run_tasks_now(order.service, ids, actor=order.actor), None


def _delete(order: Order, ids: Sequence[str], at: Position) -> tuple[int, int]:
    batch = services.clearing(at.clearing, order.service) if at.clearing is not None else None
    batch = batch or services.begin_clearing(order.service, actor=order.actor)
    return services.delete_tasks(batch, order.state, ids, actor=order.actor), batch.pk


def _counted(text: Promise) -> Callable[[int], str]:
    """`text`: an `ngettext_lazy` with the values "number" and "count"."""
    return lambda n: str(text % {"number": n, "count": figure(n)})


ACTIONS = {
    "retry": TaskAction(
        label=gettext_lazy("Retry"),
        states=frozenset({TaskState.FAILED}),
        question=_counted(
            ngettext_lazy(
                "%(count)s failed task goes back to the queue and is tried again from its first attempt.",
                "%(count)s failed tasks go back to the queue and are tried again from their first attempt.",
                "number",
            )
        ),
        do=_retry,
        answer=_counted(
            ngettext_lazy("%(count)s task is back in the queue.", "%(count)s tasks are back in the queue.", "number")
        ),
    ),
    "run-now": TaskAction(
        label=gettext_lazy("Run now"),
        states=frozenset({TaskState.DELAYED}),
        question=_counted(
            ngettext_lazy(
                "%(count)s delayed task is attempted now. A rate limit that it waits for is lifted; any other hold "
                "stays.",
                "%(count)s delayed tasks are attempted now. Rate limits that they wait for are lifted; all other "
                "holds stay.",
                "number",
            )
        ),
        do=_run_now,
        answer=_counted(
            ngettext_lazy("%(count)s task is attempted now.", "%(count)s tasks are attempted now.", "number")
        ),
    ),
    "delete": TaskAction(
        label=gettext_lazy("Delete"),
        states=frozenset({TaskState.PENDING, TaskState.DELAYED, TaskState.FAILED}),
        question=_counted(
            ngettext_lazy(
                "%(count)s task is removed from the queue; it can be restored for 7 days.",
                "%(count)s tasks are removed from the queue; they can be restored for 7 days.",
                "number",
            )
        ),
        do=_delete,
        answer=_counted(ngettext_lazy("%(count)s task is cleared.", "%(count)s tasks are cleared.", "number")),
        is_dangerous=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The number of tasks of an order."""

    count: int
    searched_count: int = 0  # of `total_count`; less if counting stopped
    total_count: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether all tasks were searched."""
        return self.searched_count >= self.total_count


def count_of(order: Order) -> Count:
    """Count the tasks; a search is counted for at most some seconds."""
    if order.ids:
        return Count(count=len(order.ids))
    if not order.search:
        return Count(count=services.state_counts(services.stats(order.service))[order.state])
    until = time.monotonic() + ROUND_SECONDS
    count, searched, cursor = 0, 0, ""
    while True:
        page = services.task_page(order.service, order.state, cursor=cursor, search=order.search, limit=CHUNK)
        count, searched, cursor = count + len(page.tasks), searched + page.searched_count, page.next_cursor
        if not cursor or time.monotonic() > until:
            return Count(count=count, searched_count=searched, total_count=page.total_count)


class TaskActionPages(RoundPages):
    """The pages of the question before an action on tasks, and of its rounds."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs, with service, state and action."""
        # Not atomic, even with ATOMIC_REQUESTS: a worker may claim a requeued task before the request commits.
        view = non_atomic_requests(self.admin_site.admin_view(self.task_action_view))
        address = "<str:service>/tasks/<str:state>/<str:name>/"
        return [path(address, view, name="syncqueue_queue_task_action"), *super().own_urls()]

    def task_action_view(self, request: HttpRequest, service: str, state: str, name: str) -> HttpResponse:
        """Ask with the count, and do it after confirmation."""
        self.check_operate(request)
        self.check_service(service)
        action = ACTIONS.get(name)
        if action is None or state not in action.states:
            raise Http404(f"{state}/{name}")
        order = self._order(request, service, TaskState(state))
        if request.method == "GET" and not sent(request):
            return HttpResponseRedirect(self._list(request, order))
        if not order.ids and not order.is_for_all:
            self.message_user(request, _("Select at least one task."), messages.WARNING)
            return HttpResponseRedirect(self._list(request, order))
        if is_progress(request):
            at, title = read_position(request.GET[POSITION]), labelled(order.service, action.label)
            return self.show_progress(request, title, at, self._list(request, order))
        if "confirmed" in request.POST:
            return self._act(request, order, action, name)
        if request.method == "POST" and (address := address_of(request.path, sent(request))):
            return HttpResponseRedirect(address)
        return self._ask(request, order, action)

    def _order(self, request: HttpRequest, service: str, state: TaskState) -> Order:
        # "all" takes precedence: boxes may be ticked when the button for all is pressed.
        values = request.POST if request.method == "POST" else request.GET
        ids = [] if "all" in values else values.getlist("id")[:SELECTED_MOST]
        actor, search = audit.Actor.of(request.user).name, values.get("q", "").strip()
        return Order(service=service, state=state, actor=actor, ids=ids, search=search, is_for_all="all" in values)

    def _list(self, request: HttpRequest, order: Order) -> str:
        return self.url("queue_tasks", order.service, order.state.value)

    def _ask(self, request: HttpRequest, order: Order, action: TaskAction) -> HttpResponse:
        problem, count = "", Count(count=0)
        try:
            count = count_of(order)
        except QueueError as error:
            problem = in_words(str(error))
        shown = {
            "order": order, "action": action, "count": count, "problem": problem,
            "question": action.question(count.count), "way_back": self._list(request, order),
        }  # fmt: skip
        return self.render(request, "syncqueue/confirm_tasks.html", labelled(order.service, action.label), shown)

    def _act(self, request: HttpRequest, order: Order, action: TaskAction, name: str) -> HttpResponse:
        what = f"{name}: %(count)s {order.state.value} tasks"
        at = self.do_round(request, order.service, what, partial(order.piece, action))
        if at is not None and not at.finished:
            return self.show_progress(request, labelled(order.service, action.label), at, self._list(request, order))
        if at is not None:
            self.message_user(request, labelled(order.service, action.answer(at.done)), level_of(at.done))
        return HttpResponseRedirect(self._list(request, order))

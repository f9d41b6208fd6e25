"""The pages of the operations on a whole queue: a question with the count, then rounds of work."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue import services
from syncqueue.admin.operations import CLEARABLE, OPERATIONS, Figures, Operation, Order, figures_of
from syncqueue.admin.pages import QueuePages
from syncqueue.admin.rounds import (
    POSITION,
    Position,
    Work,
    address_of,
    is_progress,
    level_of,
    read_position,
    run_round,
    sent,
)
from syncqueue.core.errors import QueueError
from syncqueue.core.task import QueueStats, TaskState
from syncqueue.models import ServicePolicy
from syncqueue.presentation.figures import figure, labelled
from syncqueue.presentation.reasons import in_words
from syncqueue.services import audit


class ConfirmForm(forms.Form):
    """The states to clear, with their counts; no fields for other operations."""

    states = forms.MultipleChoiceField(
        label=gettext_lazy("Tasks to clear"),
        widget=forms.CheckboxSelectMultiple,
        choices=[(state.value, state.value) for state in CLEARABLE],
        initial=[state.value for state in CLEARABLE],
    )

    def __init__(self, *args: Any, operation: Operation, stats: QueueStats | None, **kwargs: Any) -> None:
        """`stats`: the counts to show; None if unknown."""
        super().__init__(*args, **kwargs)
        if not operation.chooses_states:
            del self.fields["states"]
        elif stats is not None:
            self.fields["states"].widget.choices = _counted_states(stats)

    def states_chosen(self) -> list[TaskState]:
        """Return the states to clear; empty for other operations."""
        return [TaskState(name) for name in self.cleaned_data.get("states", ())]


def _counted_states(stats: QueueStats) -> list[tuple[str, str]]:
    return [
        ("pending", _("%s pending") % figure(stats.pending_count)),
        ("delayed", _("%s delayed") % figure(stats.delayed_count)),
        ("failed", _("%s failed") % figure(stats.failed_count)),
    ]


def ask_stats(service: str) -> tuple[QueueStats | None, str]:
    """Return the figures of a queue, or why there are none."""
    try:
        return services.stats(service), ""
    except QueueError as error:
        return None, in_words(str(error))


def ask_figures(service: str) -> tuple[Figures | None, str]:
    """Return the figures for the questions of the buttons, or why there are none."""
    try:
        return figures_of(service), ""
    except QueueError as error:
        return None, in_words(str(error))


class RoundPages(QueuePages):
    """Pages that do long work in rounds."""

    def do_round(self, request: HttpRequest, service: str, what: str, work: Work) -> Position | None:
        """Do one round and log it; returns None after a queue error, which is shown to the user."""
        actor, before = audit.Actor.of(request.user), read_position(request.POST.get(POSITION, ""))
        try:
            at = run_round(work, before)
        except QueueError as error:
            self.message_user(request, labelled(service, in_words(str(error))), messages.ERROR)
            return None
        if what and (at.done > before.done or not before.looked):
            audit.note(actor, what % {"count": at.done - before.done}, subject=service, model=ServicePolicy)
        return at

    def show_progress(self, request: HttpRequest, title: str, at: Position, way_back: str) -> HttpResponse:
        """Show the progress; the page requests the next round automatically, or with a button."""
        hidden = [*sent(request), (POSITION, at.text())]
        if request.method == "POST" and (address := address_of(request.path, hidden)):
            return HttpResponseRedirect(address)
        shown = {"at": at, "hidden": hidden, "way_back": way_back}
        return self.render(request, "syncqueue/progress.html", title, shown)


class OperationPages(RoundPages):
    """The pages of the operations of a card."""

    def own_urls(self) -> list[URLPattern]:
        """Return the URLs, with service and operation."""
        # Not atomic, even with ATOMIC_REQUESTS: a worker may claim a requeued task before the request commits.
        view = non_atomic_requests(self.admin_site.admin_view(self.operation_view))
        return [*super().own_urls(), path("<str:service>/<str:name>/", view, name="syncqueue_queue_operation")]

    def operation_view(self, request: HttpRequest, service: str, name: str) -> HttpResponse:
        """Ask for confirmation with the count, then do it."""
        self.check_operate(request)
        self.check_service(service)
        operation = OPERATIONS.get(name)
        if operation is None:
            raise Http404(name)
        figures, problem = ask_figures(service)
        stats = figures.stats if figures else None
        if is_progress(request):
            title, at = labelled(service, operation.label), read_position(request.GET[POSITION])
            return self.show_progress(request, title, at, self.way_back(request))
        form = ConfirmForm(request.POST if request.method == "POST" else None, operation=operation, stats=stats)
        title, way_back = labelled(service, operation.label), self.way_back(request)
        if form.is_valid():
            order = Order(service=service, states=form.states_chosen(), actor=audit.Actor.of(request.user).name)
            return self._operate(request, operation, order, name, title)
        shown = {
            "service": service, "operation": operation, "form": form, "problem": problem,
            "question": operation.question(figures) if figures else "", "way_back": way_back,
        }  # fmt: skip
        return self.render(request, "syncqueue/confirm_operation.html", title, shown)

    def _operate(self, request: HttpRequest, operation: Operation, order: Order, name: str, title: str) -> HttpResponse:
        what = f"{name}: %(count)s tasks" if operation.counts else name
        at = self.do_round(request, order.service, what, partial(operation.work, order))
        if at is not None and not at.finished:
            return self.show_progress(request, title, at, self.way_back(request))
        if at is not None:
            level = level_of(at.done) if operation.counts else messages.SUCCESS
            self.message_user(request, labelled(order.service, operation.answer(at.done)), level)
        return HttpResponseRedirect(self.way_back(request))

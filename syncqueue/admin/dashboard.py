"""The dashboard: a card a service, and a page of confirmation for each operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue import audit, services
from syncqueue.admin.operations import CLEARABLE, OPERATIONS, Operation
from syncqueue.admin.overview import overview
from syncqueue.admin.queue_model import Queue
from syncqueue.core.errors import QueueError
from syncqueue.core.task import QueueStats, TaskState
from syncqueue.models import ServicePolicy
from syncqueue.permissions import may_operate, may_view
from syncqueue.secrets import redact

if TYPE_CHECKING:
    Page = admin.ModelAdmin[Queue]
else:
    Page = admin.ModelAdmin


class ConfirmForm(forms.Form):
    """Which states to clear, with their counts; without fields for the other operations."""

    states = forms.MultipleChoiceField(
        label=gettext_lazy("Take out"),
        widget=forms.CheckboxSelectMultiple,
        choices=[(state.value, state.value) for state in CLEARABLE],
        initial=[state.value for state in CLEARABLE],
    )

    def __init__(self, *args: Any, operation: Operation, stats: QueueStats | None, **kwargs: Any) -> None:
        """`stats`: the counts to name; None when they are not known."""
        super().__init__(*args, **kwargs)
        if not operation.chooses_states:
            del self.fields["states"]
        elif stats is not None:
            self.fields["states"].widget.choices = _counted_states(stats)

    def states_chosen(self) -> list[TaskState]:
        """The states to clear; empty for the other operations."""
        return [TaskState(name) for name in self.cleaned_data.get("states", ())]


def _counted_states(stats: QueueStats) -> list[tuple[str, str]]:
    return [
        ("pending", _("%d pending") % stats.pending_count),
        ("delayed", _("%d delayed") % stats.delayed_count),
        ("failed", _("%d failed") % stats.failed_count),
    ]


class QueueAdmin(Page):
    """The queues' place in the admin."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Shown to those who may see the queues."""
        return may_view(request)

    def has_view_permission(self, request: HttpRequest, obj: Queue | None = None) -> bool:
        """Shown to those who may see the queues."""
        return may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: the settings make queues."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Queue | None = None) -> bool:
        """Never: there are operations instead."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Queue | None = None) -> bool:
        """Never: the settings make queues."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """The dashboard and, below it, the operations."""
        wrap = self.admin_site.admin_view
        # Also under ATOMIC_REQUESTS: a worker may claim what is brought back before the request's commit.
        operate = wrap(self.operation_view)
        return [
            path("", wrap(self.dashboard_view), name="syncqueue_queue_changelist"),
            path("<str:service>/<str:name>/", non_atomic_requests(operate), name="syncqueue_queue_operation"),
        ]

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """A card a service."""
        if not may_view(request):
            raise PermissionDenied
        shown = {"overview": overview(), "may_operate": may_operate(request)}
        return self._render(request, "syncqueue/dashboard.html", _("Sync queues"), shown)

    def operation_view(self, request: HttpRequest, service: str, name: str) -> HttpResponse:
        """Ask with the count, then do it."""
        if not may_operate(request):
            raise PermissionDenied
        operation = OPERATIONS.get(name)
        if operation is None or service not in services.service_names():
            raise Http404(f"{service}/{name}")
        stats, problem = _ask(service)
        form = ConfirmForm(request.POST if request.method == "POST" else None, operation=operation, stats=stats)
        if form.is_valid():
            self._operate(request, service, name, form)
            return HttpResponseRedirect(self._way_back(request))
        shown = {
            "service": service, "operation": operation, "form": form, "problem": problem,
            "question": operation.question(stats) if stats else "", "way_back": self._way_back(request),
        }  # fmt: skip
        title = f"{service}: {operation.label}"
        return self._render(request, "syncqueue/confirm_operation.html", title, shown)

    def _operate(self, request: HttpRequest, service: str, name: str, form: ConfirmForm) -> None:
        operation, actor = OPERATIONS[name], audit.Actor.of(request.user)
        try:
            count = operation.run(service, form.states_chosen(), actor.name)
        except QueueError as error:
            self.message_user(request, f"{service}: {redact(str(error))}", messages.ERROR)
            return
        what = name if count is None else f"{name}: {count} tasks"
        audit.note(actor, what, subject=service, model=ServicePolicy)
        self.message_user(request, f"{service}: {operation.answer(count or 0)}", messages.SUCCESS)

    def _way_back(self, request: HttpRequest) -> str:
        name = "admin:syncqueue_queue_changelist" if may_view(request) else "admin:index"
        return reverse(name, current_app=self.admin_site.name)

    def _render(self, request: HttpRequest, template: str, title: str, shown: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name  # what {% url %} looks at
        # Without "opts": themes look there for the model's app, and this model is in no app.
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "app_name": apps.get_app_config("syncqueue").verbose_name,
            **shown,
        }
        return TemplateResponse(request, template, context)


def _ask(service: str) -> tuple[QueueStats | None, str]:
    try:
        return services.stats(service), ""
    except QueueError as error:
        return None, redact(str(error))

"""Destinations in the admin: edited with a form of their service, retired instead of deleted, checked and mended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from syncqueue import services
from syncqueue.admin import cures
from syncqueue.admin.connect_pages import ConnectPages
from syncqueue.admin.filters import ServiceFilter
from syncqueue.admin.rounds import level_of
from syncqueue.admin.sentences import NOBODY, Sentences
from syncqueue.core.errors import ConfigurationError, QueueError, SyncQueueError
from syncqueue.forms import (
    CREDENTIAL_OF,
    ENTERED,
    EVERYWHERE,
    INPUT_PREFIX,
    OPTION_PREFIX,
    DestinationForm,
    destination_services,
    finds_places,
)
from syncqueue.handlers.registry import document_handler
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord
from syncqueue.presentation import destinations as words
from syncqueue.presentation.figures import capped, figure, labelled
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.verifications import needs_person, summary
from syncqueue.services import audit
from syncqueue.services.permissions import may_operate
from syncqueue.sources.records import resting

_SENTENCES = "_syncqueue_sentences"  # attribute of a destination: the `Sentences` for the reader
COUNTED = 10_000  # limit for counting waiting objects: more would cost too much
FORM_FIELDS = ["name", "address", "owner", "rule", "rule_value", "options", "start_at", "enabled"]


class DestinationAdmin(ConnectPages):
    """Destinations; those declared in the settings are read-only."""

    change_list_template = "syncqueue/change_list.html"
    change_form_template = "syncqueue/destination_form.html"
    delete_confirmation_template = "syncqueue/retire_destination.html"
    list_display = ("name", "service", "address", "owner", "rule_words", "enabled", "short_condition")
    list_filter = (ServiceFilter, "enabled", "rule")
    list_select_related = ("owner",)
    ordering = ("name", "id")
    search_fields = ("name", "address")
    raw_id_fields = ("owner",)
    readonly_fields = ("service", "condition", "credential", "verification")
    actions = ("enable", "disable", "try_again")

    class Media:
        css: ClassVar = {"all": ["syncqueue/admin.css"]}

    @admin.display(description=gettext_lazy("accepts"))
    def rule_words(self, destination: Destination) -> str:
        """Return the rule with its tag."""
        return words.rule(destination)

    @admin.display(description=gettext_lazy("state"))
    def condition(self, destination: Destination) -> str:
        """Return whether it works, and if not, why."""
        return _sentences(destination).html(words.condition(destination)) + _buttons(destination, with_commands=True)

    @admin.display(description=gettext_lazy("state"))
    def short_condition(self, destination: Destination) -> str:
        """Return whether it works, in a few words."""
        return _sentences(destination).html(words.short_condition(destination)) + _buttons(destination)

    @admin.display(description=gettext_lazy("credential"))
    def credential(self, destination: Destination) -> str:
        """Return for each secret whether it is set; never the secret."""
        return words.credential(destination)

    @admin.display(description=gettext_lazy("verified"))
    def verification(self, destination: Destination) -> str:
        """Return the result of the last `syncqueue verify`."""
        row = services.last_verification(destination)
        if row is None:
            return "-"
        what = cures.differs(destination) if needs_person(row) else ()
        sentences = _sentences(destination)
        return sentences.html(summary(row)) + sentences.buttons(what, destination.name, with_commands=True)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Set on each destination what the columns need about the reader, because they do not get the request."""
        changelist = super().get_changelist_instance(request)
        for destination in changelist.result_list:
            setattr(destination, _SENTENCES, Sentences(request.user, self.admin_site.name))
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Destination | None:
        """Do the same for the page of a destination."""
        destination = super().get_object(request, object_id, from_field)
        if destination is not None:
            setattr(destination, _SENTENCES, Sentences(request.user, self.admin_site.name))
        return destination

    # Permissions

    def has_change_permission(self, request: HttpRequest, obj: Destination | None = None) -> bool:
        """Return False also for declared and retiring destinations."""
        return _is_editable(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Destination | None = None) -> bool:
        """Return False also for declared and retiring destinations."""
        return _is_editable(obj) and super().has_delete_permission(request, obj)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may use the action that sends a destination's waiting tasks."""
        return may_operate(request)

    # The form

    def get_form(
        self, request: HttpRequest, obj: Destination | None = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        """Return the form of the service; for a new destination, the URL names the service."""
        service = obj.service if obj is not None else request.GET.get("service", "")
        # The form itself creates the inputs of secrets, so only the model's fields are named here.
        own = {
            "service": service,
            "actor": f"admin {request.user.pk}",
            "offers_credentials": self.has_change_permission(request),  # these users can redirect them anyway
        }
        kwargs |= {"form": type("ServiceForm", (DestinationForm,), own), "fields": FORM_FIELDS}
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Destination | None = None) -> Any:
        """Return the fieldsets: what it is, its credential, what it accepts."""
        service = obj.service if obj is not None else request.GET.get("service", "")
        handler = document_handler(service)
        inputs = [INPUT_PREFIX + name for name in handler.secret_fields] if handler is not None else []
        options = [OPTION_PREFIX + name for name in handler.option_fields] if handler is not None else []
        inputs += [ENTERED] if finds_places(handler) else []
        if (
            obj is None
            and inputs
            and self.has_change_permission(request)
            and services.usable_credentials(service, None)
        ):
            inputs.insert(0, CREDENTIAL_OF)
        if obj is not None and services.same_credential(obj):
            inputs.append(EVERYWHERE)
        can_edit = self.has_change_permission(request, obj) if obj else True
        about = ["service", "condition"] if obj else ["service"]
        if obj and services.last_verification(obj) is not None:
            about.append("verification")
        return [
            (None, {"fields": [*about, "name", "address", "owner"]}),
            (_("Credential"), {"fields": inputs if inputs and can_edit else ["credential"]}),
            (_("What it accepts"), {"fields": ["enabled", "rule", "rule_value", "start_at"]}),
            (_("Options of the service"), {"fields": options if options and can_edit else ["options"]}),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the service first, unless there is only one: each has its own form."""
        try:
            choices = destination_services()
        except ConfigurationError as error:
            self.message_user(request, in_words(str(error)), messages.ERROR)
            choices = []
        if request.GET.get("service") in choices:
            return super().add_view(request, form_url, extra_context)
        if not self.has_add_permission(request):
            raise PermissionDenied
        if len(choices) == 1:
            query = request.GET.copy()
            query["service"] = choices[0]
            return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")
        context = {"title": _("Add destination"), "choices": choices}
        return self._render(request, "syncqueue/choose_service.html", context)

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep the entered values out of error reports."""
        return super().changeform_view(request, *args, **kwargs)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add the buttons that the user may press."""
        original = context.get("original")
        context |= {
            "can_check": original is not None and super().has_change_permission(request),
            "can_mend": original is not None and bool(original.broken_reason) and may_operate(request),
            "can_refill": original is not None and may_operate(request) and services.may_refill(original),
            "can_reconnect": original is not None
            and bool(original.broken_reason)
            and words.can_reconnect(original)
            and self.has_change_permission(request, original),
            "can_connect": original is None and request.GET.get("service") == words.CONNECTED_SERVICE,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Destination, form: Any, change: bool) -> None:
        """Save a destination; if its address or credential was changed, try it again."""
        super().save_model(request, obj, form, change)
        if change and form.reaches_elsewhere:
            twins = form.replace_everywhere()
            # After the commit, because a worker that continues earlier would read the old secret.
            transaction.on_commit(lambda: self._mend(request, [obj, *twins]))

    # Deleting is retiring

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return only destinations that cannot be retired: nothing is deleted immediately."""
        return [], {}, set(), [str(destination) for destination in objs if not _is_editable(destination)]

    def render_delete_form(self, request: HttpRequest, context: Any) -> HttpResponse:
        """Ask what to do with the copies, with their count."""
        context |= {"copy_count": _copy_count(context["object"]), "app_name": self.opts.app_config.verbose_name}
        return super().render_delete_form(request, context)

    def delete_model(self, request: HttpRequest, obj: Destination) -> None:
        """Retire it; the row is deleted when its copies have been dealt with."""
        remove = request.POST.get("copies") == "remove"
        services.retire(obj, remove_remote=remove, actor=str(request.user))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        """Show a message about what happens now."""
        self.message_user(request, _("%s is being retired.") % obj_display, messages.SUCCESS)
        return HttpResponseRedirect(self._list_url())

    # Actions and buttons

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Remove the bulk deletion: each deletion asks what to do with the copies."""
        # Django 6.1 passes the location of the actions; before, only the list had actions.
        place = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **place)
        actions.pop("delete_selected", None)
        return actions

    @admin.action(description=gettext_lazy("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        """Let the destinations accept objects again."""
        self._switch(request, queryset, enabled=True)

    @admin.action(description=gettext_lazy("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        """Let the destinations accept no more objects; copies stay."""
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[Destination], *, enabled: bool) -> None:
        changed = list(queryset.filter(declared="", state=DestinationState.ACTIVE).exclude(enabled=enabled))
        for destination in changed:
            destination.enabled = enabled
            destination.save(update_fields=["enabled"])
            self.log_change(request, destination, [{"changed": {"fields": ["enabled"]}}])
        text = ngettext("%d destination is changed.", "%d destinations are changed.", len(changed)) % len(changed)
        self.message_user(request, text, level_of(len(changed)))

    @admin.action(description=gettext_lazy("Try again"), permissions=["operate"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Destination]) -> None:
        """Mark broken destinations as fixed, and send their waiting tasks."""
        self._mend(request, queryset)

    def _mend(self, request: HttpRequest, destinations: Iterable[Destination]) -> None:
        actor = audit.Actor.of(request.user)
        for destination in destinations:
            try:
                services.mend(destination, actor=actor.name)
            except QueueError as error:
                self.message_user(request, labelled(destination, in_words(str(error))), messages.ERROR)
                continue
            audit.note(actor, "mend", subject=str(destination), model=Destination, object_id=destination.pk)
            self.message_user(request, _("%s is tried again.") % destination, messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of the form's buttons."""
        wrap = self.admin_site.admin_view
        own = [
            path("<path:pk>/check/", wrap(require_POST(self.check_view)), name="syncqueue_destination_check"),
            path("<path:pk>/send-test/", wrap(require_POST(self.test_view)), name="syncqueue_destination_test"),
            path("<path:pk>/refill/", wrap(self.refill_view), name="syncqueue_destination_refill"),
            path("<path:pk>/try-again/", wrap(self.try_again_view), name="syncqueue_destination_mend"),
        ]
        return [*self.connect_urls(), *own, *super().get_urls()]

    def check_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Check the stored address and credential without posting."""
        if not super().has_change_permission(request):
            raise PermissionDenied
        destination = self._get(request, pk)
        try:
            self.message_user(request, services.check_destination(destination), messages.SUCCESS)
        except SyncQueueError as error:
            self.message_user(request, in_words(str(error)), messages.ERROR)
        return HttpResponseRedirect(self._form_url(destination))

    def test_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Post a line and delete it again."""
        if not super().has_change_permission(request):
            raise PermissionDenied
        destination = self._get(request, pk)
        try:
            self.message_user(request, services.send_test(destination), messages.SUCCESS)
        except SyncQueueError as error:
            self.message_user(request, in_words(str(error)), messages.ERROR)
        actor = audit.Actor.of(request.user)
        audit.note(actor, "send a test", subject=str(destination), model=Destination, object_id=destination.pk)
        return HttpResponseRedirect(self._form_url(destination))

    def try_again_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Ask with the count of waiting objects, then mark it as fixed."""
        if not may_operate(request):
            raise PermissionDenied
        destination = self._get(request, pk)
        if request.method == "POST":
            self._mend(request, [destination])
            return HttpResponseRedirect(self._way_back(request, destination))
        count = SyncRecord.objects.filter(destination=destination, state=RecordState.WAITING)[: COUNTED + 1].count()
        question = ngettext(
            "“%(name)s” is marked as fixed: %(count)s waiting object is sent.",
            "“%(name)s” is marked as fixed: %(count)s waiting objects are sent, oldest first.",
            count,
        ) % {"count": capped(count, COUNTED), "name": destination}
        shown = {
            "title": _("Try again"), "question": question, "label": _("Try again"),
            "reason": destination.broken_reason, "way_back": self._way_back(request, destination),
        }  # fmt: skip
        return self._render(request, "syncqueue/confirm.html", shown)

    def refill_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Ask with the count, then let workers write the lost copies again."""
        if not may_operate(request):
            raise PermissionDenied
        destination = self._get(request, pk)
        if not services.may_refill(destination):
            self.message_user(request, _("No copies of %s are missing.") % destination, messages.WARNING)
            return HttpResponseRedirect(self._way_back(request, destination))
        if request.method == "POST":
            actor = audit.Actor.of(request.user)
            services.refill(destination, actor=actor.name)
            audit.note(actor, "refill", subject=str(destination), model=Destination, object_id=destination.pk)
            self.message_user(request, _("A worker writes the copies of %s again.") % destination, messages.SUCCESS)
            return HttpResponseRedirect(self._way_back(request, destination))
        count = resting(destination.pk).count()
        question = ngettext(
            "According to the records, %(count)s object has a copy at “%(name)s”. A worker writes it again; an "
            "existing copy is replaced.",
            "According to the records, %(count)s objects have copies at “%(name)s”. A worker writes them again; "
            "existing copies are replaced.",
            count,
        ) % {"count": figure(count), "name": destination}
        shown = {
            "title": _("Write the copies again"), "question": question, "label": _("Write the copies again"),
            "way_back": self._way_back(request, destination),
        }  # fmt: skip
        return self._render(request, "syncqueue/confirm.html", shown)

    def _way_back(self, request: HttpRequest, destination: Destination) -> str:
        """Return the page of the destination if the user may see it, otherwise the dashboard."""
        if self.has_view_permission(request, destination):
            return self._form_url(destination)
        return reverse("admin:syncqueue_queue_changelist", current_app=self.admin_site.name)

    def _get(self, request: HttpRequest, pk: str) -> Destination:
        destination = self.get_object(request, unquote(pk))
        if destination is None:
            raise Http404
        return destination

    def _form_url(self, destination: Destination) -> str:
        name = "admin:syncqueue_destination_change"
        return reverse(name, args=[destination.pk], current_app=self.admin_site.name)

    def _list_url(self) -> str:
        return reverse("admin:syncqueue_destination_changelist", current_app=self.admin_site.name)

    def _render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name  # read by {% url %}
        app: dict[str, Any] = {"opts": self.opts, "app_name": self.opts.app_config.verbose_name}
        app["sentences"] = Sentences(request.user, self.admin_site.name)
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), **app, **context})


def _sentences(destination: Destination) -> Sentences:
    found: Sentences = getattr(destination, _SENTENCES, NOBODY)
    return found


def _buttons(destination: Destination, *, with_commands: bool = False) -> str:
    what = cures.of_destination(destination)
    return _sentences(destination).buttons(what, destination.name, with_commands=with_commands)


def _is_editable(destination: Destination | None) -> bool:
    return destination is None or (not destination.declared and destination.state == DestinationState.ACTIVE)


def _copy_count(destination: Destination) -> int:
    """Return how many objects have copies there."""
    return SyncRecord.objects.filter(destination=destination).exclude(parts=[]).count()

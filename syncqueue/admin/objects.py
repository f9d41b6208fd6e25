"""What any ModelAdmin can show of its objects' copies: a sentence each, a column, an action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncqueue import audit, services
from syncqueue.core.errors import ConfigurationError, SyncQueueError
from syncqueue.models import RecordState, SyncRecord
from syncqueue.permissions import may_operate
from syncqueue.secrets import redact
from syncqueue.sources.registry import source_for

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

    Page = admin.ModelAdmin[Any]
else:
    Page = object

# Where a page's records are kept on its objects, so that a list costs one query and not one a row.
_LOADED = "_syncqueue_states"


class SyncStatusMixin(Page):
    """For the ModelAdmin of a registered model: `class NoteAdmin(SyncStatusMixin, admin.ModelAdmin)`.

    Adds the read-only field `sync_status`, the list column `sync_state` and the action `sync_now`. Name them in
    `fields`, `fieldsets` or `list_display` to choose their place; else they come last.
    """

    class Media:
        css: ClassVar = {"all": ["syncqueue/admin.css"]}

    @admin.display(description=gettext_lazy("sync"))
    def sync_status(self, obj: Model) -> str:
        """One sentence for each destination, with a link to the copy."""
        try:
            sentences = services.explain(obj)
        except ConfigurationError as error:
            return str(error)
        return render_to_string("syncqueue/sync_status.html", {"sentences": sentences})

    @admin.display(description=gettext_lazy("sync"))
    def sync_state(self, obj: Model) -> str:
        """How many of its records stand how."""
        states = getattr(obj, _LOADED, None)
        if states is None:
            states = [record.state for record in services.status(obj)]
        return _state_words(states)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """With `sync_status`."""
        fields = super().get_readonly_fields(request, obj)
        return fields if "sync_status" in fields else [*fields, "sync_status"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """With `sync_status` at the end, unless it has a place already; without it while there is no object yet."""
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is None:
            return [(title, _without_status(options)) for title, options in fieldsets]
        if "sync_status" in flatten_fieldsets(fieldsets):
            return fieldsets
        return [*fieldsets, (_("Sync"), {"fields": ["sync_status"]})]

    def get_list_display(self, request: HttpRequest) -> Any:
        """With `sync_state` at the end, unless it has a place already."""
        columns = list(super().get_list_display(request))
        return columns if "sync_state" in columns else [*columns, "sync_state"]

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Load the records of the page's objects at once."""
        changelist = super().get_changelist_instance(request)
        load_states(self.model, changelist.result_list)
        return changelist

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """With "sync now" in the list, for those who may operate the queues."""
        # Django 6.1 asks for the actions of a place; before, there was the list alone.
        place = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **place)
        in_list = action_location is None or action_location.name == "CHANGE_LIST"
        if in_list and may_operate(request) and IS_POPUP_VAR not in request.GET:
            actions["sync_now"] = self.get_action("sync_now")
        return actions

    @admin.action(description=gettext_lazy("Sync now"))
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Bring the objects chosen out again."""
        count = 0
        try:
            for obj in queryset.iterator(chunk_size=500):
                services.sync(obj)
                count += 1
        except SyncQueueError as error:
            self.message_user(request, redact(str(error)), messages.ERROR)
        actor, subject = audit.Actor.of(request.user), str(self.opts.verbose_name_plural)
        audit.note(actor, f"sync now: {count} objects", subject=subject, model=self.model)
        text = ngettext("%d object is being synced.", "%d objects are being synced.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)


def _without_status(options: Mapping[str, Any]) -> dict[str, Any]:
    return {**options, "fields": [name for name in options["fields"] if name != "sync_status"]}


def load_states(model: type[Model], objects: Iterable[Model]) -> None:
    """Put the states of their records on all the objects, with one query."""
    source = source_for(model)
    by_pk: dict[str, list[str]] = {str(obj.pk): [] for obj in objects}
    if source is not None and by_pk:
        records = SyncRecord.objects.filter(source=source.label, object_pk__in=by_pk)
        for pk, state in records.values_list("object_pk", "state"):
            by_pk[pk].append(state)
    for obj in objects:
        setattr(obj, _LOADED, by_pk[str(obj.pk)])


def _state_words(states: Iterable[str]) -> str:
    counts = Counter(states)
    if len(counts) == 1:
        return str(RecordState(next(iter(counts))).label)
    return ", ".join(f"{counts[state]} {state.label}" for state in RecordState if counts[state]) or "-"

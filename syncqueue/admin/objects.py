"""The copies of objects in any ModelAdmin: sentences, a column, an action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import flatten_fieldsets, quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncqueue import services
from syncqueue.admin import cures
from syncqueue.admin.links import destination_urls
from syncqueue.admin.object_filter import SyncStateFilter
from syncqueue.admin.record_actions import (
    count,
    hidden_inputs,
    list_address,
    question_address,
    question_answer,
    sync_piece,
)
from syncqueue.admin.rounds import POSITION, Position, level_of, read_position, run_round
from syncqueue.admin.sent_entries import log_url
from syncqueue.admin.sentences import NOBODY, Sentences
from syncqueue.core.errors import ConfigurationError, SyncQueueError
from syncqueue.models import RecordState, SyncRecord
from syncqueue.presentation.figures import figure, listed
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.records import Sentence
from syncqueue.services import audit
from syncqueue.services.permissions import may_operate, may_view
from syncqueue.sources.keys import key_text
from syncqueue.sources.registry import source_for

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

    Page = admin.ModelAdmin[Any]
else:
    Page = object

# Attribute of a page's objects: the states of their records. So a list costs one query, not one per row.
_LOADED = "_syncqueue_states"
_MAY_SYNC, _MAY_VIEW = "_syncqueue_may_sync", "_syncqueue_may_view"
_SENTENCES = "_syncqueue_sentences"  # the `Sentences` for the reader
DELIVERIES_SHOWN = 5
# A preview takes longer than the sentences, so the panel shows it only on request, by this parameter.
PREVIEW = "sync_preview"
_WANTS_PREVIEW = "_syncqueue_wants_preview"
# More objects than this are enqueued, in rounds, instead of being tried one after another in the request.
TRIED_AT_ONCE = 20


class SyncStatusMixin(Page):
    """For the ModelAdmin of a registered model: `class NoteAdmin(SyncStatusMixin, admin.ModelAdmin)`.

    Adds the read-only field `sync_status`, the list column `sync_state`, the filter `SyncStateFilter` and the action
    `sync_now`. Name them in `fields`, `fieldsets`, `list_display` or `list_filter` to choose their place;
    otherwise they come last.
    """

    class Media:
        css: ClassVar = {"all": ["syncqueue/admin.css"]}

    @admin.display(description=gettext_lazy("sync"))
    def sync_status(self, obj: Model) -> str:
        """Return a sentence for each destination, with a link to the copy."""
        try:
            sentences = services.explain(obj)
        except ConfigurationError as error:
            return str(error)
        shown = {
            "lines": self._lines(obj, sentences),
            "sync_url": self._sync_url(obj),
            "preview_parameter": PREVIEW,
            "preview": getattr(obj, _WANTS_PREVIEW, False),
            "previews": services.preview(obj) if getattr(obj, _WANTS_PREVIEW, False) else [],
            "urls": destination_urls({sentence.destination for sentence in sentences}, self.admin_site.name),
            **self._deliveries(obj),
        }
        return render_to_string("syncqueue/sync_panel.html", shown)

    def _lines(self, obj: Model, sentences: Sequence[Sentence]) -> list[tuple[Sentence, str, str]]:
        """Return each sentence with its text and buttons as HTML for the reader."""
        writer = getattr(obj, _SENTENCES, NOBODY)
        records = {record.pk: record for record in services.status(obj)} if any(s.record_id for s in sentences) else {}
        lines = []
        for one in sentences:
            record = records.get(one.record_id or 0)
            what = cures.of_record(record, one.hold) if record is not None else ()
            lines.append((one, writer.html(one.text), writer.buttons(what, one.destination, with_commands=True)))
        return lines

    def _deliveries(self, obj: Model) -> dict[str, Any]:
        """Return the last deliveries of an object from the log, if the user may see them."""
        source = source_for(type(obj))
        if source is None or not getattr(obj, _MAY_VIEW, False):
            return {}
        key = key_text(type(obj), obj.pk)
        entries = services.sent(about=f"{source.label}:{key}")[:DELIVERIES_SHOWN]
        return {"entries": entries, "log_url": log_url(self.admin_site.name, source.label, key), "with_names": True}

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Set on the object what its panel offers and shows, because the panel's method does not get the request."""
        obj = super().get_object(request, object_id, from_field)
        if obj is not None:
            setattr(obj, _MAY_SYNC, may_operate(request))
            setattr(obj, _MAY_VIEW, may_view(request))
            setattr(obj, _WANTS_PREVIEW, PREVIEW in request.GET)
            setattr(obj, _SENTENCES, Sentences(request.user, self.admin_site.name))
        return obj

    def _sync_url(self, obj: Model) -> str:
        """Return the URL of "sync now" for one object; "" if the user may not use it."""
        if not getattr(obj, _MAY_SYNC, False):
            return ""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_sync_now"
        return reverse(name, args=[quote(obj.pk)], current_app=self.admin_site.name)

    @admin.display(description=gettext_lazy("sync"))
    def sync_state(self, obj: Model) -> str:
        """Return how many of its records are in each state."""
        states = getattr(obj, _LOADED, None)
        if states is None:
            states = [record.state for record in services.status(obj)]
        return _state_words(states)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add `sync_status`."""
        fields = super().get_readonly_fields(request, obj)
        return fields if "sync_status" in fields else [*fields, "sync_status"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add `sync_status` at the end, unless it has a place already; remove it while there is no object yet."""
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is None:
            return [(title, _without_status(options)) for title, options in fieldsets]
        if "sync_status" in flatten_fieldsets(fieldsets):
            return fieldsets
        return [*fieldsets, (_("Sync"), {"fields": ["sync_status"]})]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Add `sync_state` at the end, unless it has a place already."""
        columns = list(super().get_list_display(request))
        return columns if "sync_state" in columns else [*columns, "sync_state"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Add the filter "not in sync" at the end, unless it has a place already."""
        filters = list(super().get_list_filter(request))
        return filters if SyncStateFilter in filters else [*filters, SyncStateFilter]

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of "sync now"."""
        view = non_atomic_requests(self.admin_site.admin_view(self.sync_now_view))
        name = f"{self.opts.app_label}_{self.opts.model_name}_sync_now"
        question = self.admin_site.admin_view(self.sync_now_question_view)
        return [
            path("sync-now/", question, name=f"{name}_question"),
            path("<path:object_id>/sync-now/", view, name=name),
            *super().get_urls(),
        ]

    def _list_address(self, name: str) -> str:
        address = f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}"
        return reverse(address, current_app=self.admin_site.name)

    def sync_now_question_view(self, request: HttpRequest) -> HttpResponse:
        """Ask before the list's action, or show its progress; the form is sent to the list, which does the work."""
        if not may_operate(request) or not self.has_view_permission(request):
            raise PermissionDenied
        return question_answer(
            self,
            request,
            self._list_address("changelist"),
            ask=lambda found, rows: self._ask(found, count(rows), list_address(found), "", list_address(found)),
            progress=self._progress,
        )

    def sync_now_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then sync one object again."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404(object_id)
        if not may_operate(request) or not self.has_view_permission(request, obj):
            raise PermissionDenied
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        way_back = reverse(name, args=[quote(obj.pk)], current_app=self.admin_site.name)
        if request.method != "POST":
            return self._ask(request, 1, way_back, str(obj))
        self._sync(request, [obj])
        return HttpResponseRedirect(way_back)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Load the records of the page's objects at once."""
        changelist = super().get_changelist_instance(request)
        load_states(self.model, changelist.result_list)
        return changelist

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Add "sync now" to the list, if the user may operate the queues."""
        # Django 6.1 passes the location of the actions; before, only the list had actions.
        place = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **place)
        in_list = action_location is None or action_location.name == "CHANGE_LIST"
        if in_list and may_operate(request) and IS_POPUP_VAR not in request.GET:
            actions["sync_now"] = self.get_action("sync_now")
        return actions

    @admin.action(description=gettext_lazy("Sync now"))
    def sync_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask with the count, then sync the chosen objects again; many of them in rounds."""
        if "confirmed" not in request.POST:
            if address := question_address(request, self._list_address("sync_now_question")):
                return HttpResponseRedirect(address)
            return self._ask(request, count(queryset), list_address(request), "", list_address(request))
        found = count(queryset)
        if found > TRIED_AT_ONCE or POSITION in request.POST:
            return self._sync_in_rounds(request, queryset)
        self._sync(request, queryset)
        return None

    def _ask(self, request: HttpRequest, found: int, way_back: str, subject: str, action: str = "") -> HttpResponse:
        question = ngettext(
            "%(count)s object is synced again: changes are sent.",
            "%(count)s objects are synced again: changes are sent.",
            found,
        ) % {"count": figure(found)}
        hidden = [*hidden_inputs(request), ("confirmed", "1")] if request.method == "POST" else []
        shown = {"question": question, "label": _("Sync now"), "way_back": way_back, "hidden": hidden, "action": action}
        return self._sync_page(request, "syncqueue/confirm.html", subject, shown)

    def _sync_page(self, request: HttpRequest, template: str, subject: str, shown: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("%s: sync now") % (subject or capfirst(str(self.opts.verbose_name_plural))),
            "app_name": apps.get_app_config("syncqueue").verbose_name,
            **shown,
        }
        return TemplateResponse(request, template, context)

    def _sync(self, request: HttpRequest, objects: Iterable[Any]) -> None:
        """Sync a few objects, which are tried immediately."""
        done = 0
        try:
            for obj in objects:
                services.sync_now(obj)
                done += 1
        except SyncQueueError as error:
            self.message_user(request, in_words(str(error)), messages.ERROR)
            return
        self._note_sync(request, done)
        self._say_synced(request, done)

    def _sync_in_rounds(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        before = read_position(request.POST.get(POSITION, ""))

        def sync(keys: Sequence[Any]) -> int:
            services.sync_queryset(self.model._base_manager.using(queryset.db).filter(pk__in=keys))
            return len(keys)

        try:
            at = run_round(partial(sync_piece, queryset, sync), before)
        except SyncQueueError as error:
            self.message_user(request, in_words(str(error)), messages.ERROR)
            return None
        self._note_sync(request, at.done - before.done)
        if at.finished:
            self._say_synced(request, at.done)
            return None
        address = question_address(request, self._list_address("sync_now_question"), at)
        return HttpResponseRedirect(address) if address else self._progress(request, at)

    def _progress(self, request: HttpRequest, at: Position) -> HttpResponse:
        hidden = [*hidden_inputs(request), ("confirmed", "1"), (POSITION, at.text())]
        address = list_address(request)
        shown = {"at": at, "way_back": address, "hidden": hidden, "action": address}
        return self._sync_page(request, "syncqueue/progress.html", "", shown)

    def _note_sync(self, request: HttpRequest, done: int) -> None:
        subject = str(self.opts.verbose_name_plural)
        audit.note(audit.Actor.of(request.user), f"sync now: {done} objects", subject=subject, model=self.model)

    def _say_synced(self, request: HttpRequest, done: int) -> None:
        text = ngettext("%(count)s object is being synced.", "%(count)s objects are being synced.", done)
        self.message_user(request, text % {"count": figure(done)}, level_of(done))


def _without_status(options: Mapping[str, Any]) -> dict[str, Any]:
    return {**options, "fields": [name for name in options["fields"] if name != "sync_status"]}


def load_states(model: type[Model], objects: Iterable[Model]) -> None:
    """Set on all objects the states of their records, with one query."""
    source = source_for(model)
    keys = [(obj, key_text(type(obj), obj.pk)) for obj in objects]
    by_pk: dict[str, list[str]] = {key: [] for _obj, key in keys}
    if source is not None and by_pk:
        records = SyncRecord.objects.filter(source=source.label, object_pk__in=by_pk)
        for pk, state in records.values_list("object_pk", "state"):
            by_pk[pk].append(state)
    for obj, key in keys:
        setattr(obj, _LOADED, by_pk[key])


def _state_words(states: Iterable[str]) -> str:
    counts = Counter(states)
    if len(counts) == 1:
        return str(RecordState(next(iter(counts))).label)
    return listed(f"{counts[state]} {state.label}" for state in RecordState if counts[state]) or "-"

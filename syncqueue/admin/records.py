"""Records in the admin: read-only, and synced on request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncqueue import services
from syncqueue.admin import cures
from syncqueue.admin.filters import DestinationFilter, ServiceFilter
from syncqueue.admin.keyset import KeysetChangeList
from syncqueue.admin.links import Link, as_html, object_url, part_link
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
from syncqueue.admin.titles import Titles, titles
from syncqueue.core.errors import ConfigurationError, QueueError, SyncQueueError
from syncqueue.core.hold import PAUSED, rate_of
from syncqueue.handlers.base import TRACE
from syncqueue.models import RecordState, SyncRecord
from syncqueue.presentation.figures import duration_words, figure, moment
from syncqueue.presentation.holds import hold_words
from syncqueue.presentation.reasons import in_words
from syncqueue.services import audit
from syncqueue.services.permissions import may_operate, may_view
from syncqueue.sources.keys import key_text, keys_of
from syncqueue.sources.registry import model_by_label

if TYPE_CHECKING:
    Page = admin.ModelAdmin[SyncRecord]
else:
    Page = admin.ModelAdmin

_TITLES = "_syncqueue_titles"  # attributes of a page's records: the titles of the page
_SENTENCES = "_syncqueue_sentences"  # the `Sentences` for the reader
_HOLD = "_syncqueue_hold"  # the name of a hold that a person can end
_NO_TITLES = Titles({})
DELIVERIES_SHOWN = 10


class _RecordList(KeysetChangeList):
    """The list of records; it uses the index of service, state and key if a service is chosen."""

    def first(self, rows: QuerySet[SyncRecord], count: int) -> list[SyncRecord]:
        """Return the first of ordered rows; those of a service are read state by state, as their index has them."""
        chosen = self.get_filters_params()
        if "service" not in chosen or "state__exact" in chosen:
            return super().first(rows, count)
        found = [row for state in RecordState for row in rows.filter(state=state)[:count]]
        return sorted(found, key=lambda row: row.pk, reverse=rows.query.order_by == ("-pk",))[:count]


class SyncRecordAdmin(Page):
    """What is synced where, and why something is not."""

    change_list_template = "syncqueue/record_list.html"
    change_form_template = "syncqueue/record_form.html"
    list_display = ("object_words", "destination_link", "service", "state", "short_error", "age", "remote")
    list_display_links = ("object_words",)
    list_filter = ("state", ServiceFilter, DestinationFilter)
    list_select_related = ("destination",)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count the whole table once per choice
    ordering = ("-id",)
    sortable_by = ()  # only the primary key is indexed over all states
    search_fields = ("object_pk__startswith",)
    search_help_text = gettext_lazy("The beginning of a primary key (42), or one object (notes.note:42).")
    actions = ("sync_now",)
    fields = (
        "object_link", "destination_link", "state", "full_error", "failed_at", "next_try", "remote",
        "changed", "synced", "certainty", "deliveries",
    )  # fmt: skip

    class Media:
        css: ClassVar = {"all": ["syncqueue/admin.css"]}

    # Columns and fields

    @admin.display(description=gettext_lazy("object"))
    def object_words(self, record: SyncRecord) -> str:
        """Return the object by its title, if the list has read it."""
        return getattr(record, _TITLES, _NO_TITLES).words(record.source, record.object_pk)

    @admin.display(description=gettext_lazy("object"))
    def object_link(self, record: SyncRecord) -> str:
        """Return the object, with a link to its own page in this admin if there is one."""
        url = object_url(record.source, record.object_pk, self.admin_site.name)
        return as_html(Link(self.object_words(record), url))

    @admin.display(description=gettext_lazy("destination"))
    def destination_link(self, record: SyncRecord) -> str:
        """Return the destination's name with a link to its page."""
        args, site = [record.destination_id], self.admin_site.name
        return as_html(
            Link(str(record.destination), reverse("admin:syncqueue_destination_change", args=args, current_app=site))
        )

    @admin.display(description=gettext_lazy("error"))
    def short_error(self, record: SyncRecord) -> str:
        """Return the beginning of the reason."""
        words = Truncator(_error_words(record)).chars(120)
        what = cures.of_record(record, _hold(record))
        return _sentences(record).html(words) + _sentences(record).buttons(what, self.object_words(record))

    @admin.display(description=gettext_lazy("error"))
    def full_error(self, record: SyncRecord) -> str:
        """Return the reason."""
        what, names = cures.of_record(record, _hold(record)), cures.names_of(record.destination)
        buttons = _sentences(record).buttons(what, self.object_words(record), with_commands=True)
        return _sentences(record).html(_error_words(record) or "-", names) + buttons

    @admin.display(description=gettext_lazy("failed at"))
    def failed_at(self, record: SyncRecord) -> str:
        """Return when the reason was stored."""
        return moment(record.error_at) or "-"

    @admin.display(description=gettext_lazy("next attempt at"))
    def next_try(self, record: SyncRecord) -> str:
        """Return when it is tried again."""
        return moment(record.next_attempt_at) or "-"

    @admin.display(description=gettext_lazy("changed"))
    def changed(self, record: SyncRecord) -> str:
        """Return when the wanted or synced change was made."""
        return moment(record.changed_at)

    @admin.display(description=gettext_lazy("synced"))
    def synced(self, record: SyncRecord) -> str:
        """Return when it was last synced."""
        return moment(record.synced_at) or "-"

    @admin.display(description=gettext_lazy("age"))
    def age(self, record: SyncRecord) -> str:
        """Return how long ago the wanted or synced change was made."""
        return duration_words((timezone.now() - record.changed_at).total_seconds())

    @admin.display(description=gettext_lazy("copy"))
    def remote(self, record: SyncRecord) -> str:
        """Return links to the remote parts; only the id of a part without a URL."""
        return (
            format_html_join(" ", "{}", ((as_html(part_link(part), is_outside=True),) for part in record.parts)) or "-"
        )

    @admin.display(description=gettext_lazy("certainty"))
    def certainty(self, record: SyncRecord) -> str:
        """Return whether all copies are known."""
        if record.uncertain or any(part.get("kind") == TRACE for part in record.parts):
            return _("A response was lost: there may be a copy that is not listed here.")
        return _("All copies are known.")

    @admin.display(description=gettext_lazy("last deliveries"))
    def deliveries(self, record: SyncRecord) -> str:
        """Return the last deliveries from the log."""
        entity = f"{record.source}:{record.object_pk}"
        shown = {
            "entries": services.sent(about=entity, destination_id=record.destination_id)[:DELIVERIES_SHOWN],
            "log_url": log_url(self.admin_site.name, record.source, record.object_pk),
        }
        return render_to_string("syncqueue/deliveries.html", shown)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return a list class that is fast with millions of rows."""
        return _RecordList

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Add the titles of the page's objects."""
        changelist = super().get_changelist_instance(request)
        _load(request, changelist.result_list, self.admin_site.name)
        return changelist

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> SyncRecord | None:
        """Add the title of its object."""
        record = super().get_object(request, object_id, from_field)
        if record is not None:
            _load(request, [record], self.admin_site.name)
        return record

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add the button that the user may press."""
        record = context.get("original")
        title = f"{self.object_words(record)} → {record.destination}" if record is not None else ""
        context |= {
            "can_sync": may_operate(request),
            "record_title": title,
            "subtitle": title,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Use the title of the object, as its page does."""
        record = self.get_object(request, unquote(object_id))
        title = f"{self.object_words(record)} → {record.destination}" if record is not None else ""
        return super().history_view(request, object_id, {**(extra_context or {}), "title": title})

    # Permissions: read-only

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may see the queues."""
        return may_view(request)

    def has_view_permission(self, request: HttpRequest, obj: SyncRecord | None = None) -> bool:
        """Return whether the user may see the queues."""
        return may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: saving an object creates records."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SyncRecord | None = None) -> bool:
        """Return False: there are actions instead."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SyncRecord | None = None) -> bool:
        """Return False: a record is deleted when its copies are gone."""
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may use the action."""
        return may_operate(request)

    # Search and action

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SyncRecord], search_term: str
    ) -> tuple[QuerySet[SyncRecord], bool]:
        """Search for one object ("notes.note:42"), or by the beginning of the primary key."""
        source, colon, pk = search_term.strip().partition(":")
        if colon and "." in source:
            model = model_by_label(source)
            known = keys_of(model, [pk]) if model is not None else {}
            text = key_text(model, known[pk]) if model is not None and known else pk
            return queryset.filter(source=source.lower(), object_pk__in={pk, text}), False
        return super().get_search_results(request, queryset, search_term)

    @admin.action(description=gettext_lazy("Sync now"), permissions=["operate"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[SyncRecord]) -> HttpResponse | None:
        """Ask, then sync the chosen records again, whatever their state, in rounds."""
        if "confirmed" not in request.POST:
            address = question_address(request, self._address("sync_now"))
            return HttpResponseRedirect(address) if address else self._ask(request, queryset)
        actor, before = audit.Actor.of(request.user), read_position(request.POST.get(POSITION, ""))

        def sync(keys: Sequence[int]) -> int:
            return services.sync_records(SyncRecord.objects.filter(pk__in=keys), actor=actor.name)

        try:
            at = run_round(partial(sync_piece, queryset, sync), before)
        except SyncQueueError as error:
            self.message_user(request, in_words(str(error)), messages.ERROR)
            return None
        what = f"sync now: {at.done - before.done} records"
        audit.note(actor, what, subject=_("records"), model=SyncRecord)
        if not at.finished:
            address = question_address(request, self._address("sync_now"), at)
            return HttpResponseRedirect(address) if address else self._progress(request, at)
        text = ngettext("%(count)s record is being synced.", "%(count)s records are being synced.", at.done)
        self.message_user(request, text % {"count": figure(at.done)}, level_of(at.done))
        return None

    def get_urls(self) -> list[URLPattern]:
        """Add the URL of the action's question."""
        view = self.admin_site.admin_view(self.sync_now_view)
        return [path("sync-now/", view, name="syncqueue_syncrecord_sync_now"), *super().get_urls()]

    def _address(self, name: str) -> str:
        return reverse(f"admin:syncqueue_syncrecord_{name}", current_app=self.admin_site.name)

    def sync_now_view(self, request: HttpRequest) -> HttpResponse:
        """Ask before the action, or show its progress; the form is sent to the list, which does the work."""
        if not may_operate(request):
            raise PermissionDenied
        return question_answer(self, request, self._address("changelist"), ask=self._ask, progress=self._progress)

    def _ask(self, request: HttpRequest, queryset: QuerySet[SyncRecord]) -> HttpResponse:
        """Return the question: a separate page, or the response to the form if its URL would be too long."""
        found = count(queryset)
        question = ngettext(
            "%(count)s record is synced again, whatever its state: changes are sent.",
            "%(count)s records are synced again, whatever their state: changes are sent.",
            found,
        ) % {"count": figure(found)}
        return self._page(request, "syncqueue/confirm.html", {"question": question, "label": _("Sync now")})

    def _progress(self, request: HttpRequest, at: Position) -> HttpResponse:
        return self._page(request, "syncqueue/progress.html", {"at": at}, at)

    def _page(
        self, request: HttpRequest, template: str, shown: dict[str, Any], at: Position | None = None
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        hidden = [*hidden_inputs(request), ("confirmed", "1"), (POSITION, at.text() if at else "")]
        context = {
            **self.admin_site.each_context(request),
            "title": _("Records: sync now"),
            "app_name": self.opts.app_config.verbose_name,
            "hidden": hidden,
            "action": list_address(request),
            "way_back": list_address(request),
            **shown,
        }
        return TemplateResponse(request, template, context)


def _load(request: HttpRequest, records: Iterable[SyncRecord], site_name: str) -> None:
    """Set on records what their columns show and their rows do not have; the columns do not get the request."""
    rows = list(records)
    found = titles(request.user, [(record.source, record.object_pk) for record in rows])
    sentences = Sentences(request.user, site_name)
    held = {name: _hold_names(name) for name in {row.service for row in rows if row.state == RecordState.WAITING}}
    for record in rows:
        setattr(record, _TITLES, found)
        setattr(record, _SENTENCES, sentences)
        names = (PAUSED.name, rate_of(record.destination_id).name) if record.state == RecordState.WAITING else ()
        setattr(record, _HOLD, next((name for name in names if name in held[record.service]), ""))


def _hold_names(service: str) -> set[str]:
    try:
        return {hold.name for hold in services.holds(service) if not hold.lifted}
    except (QueueError, ConfigurationError):  # unavailable, or not enabled: the record's own reason is shown
        return set()


def _hold(record: SyncRecord) -> str:
    found: str = getattr(record, _HOLD, "")
    return found


def _sentences(record: SyncRecord) -> Sentences:
    found: Sentences = getattr(record, _SENTENCES, NOBODY)
    return found


def _error_words(record: SyncRecord) -> str:
    if record.state == RecordState.WAITING and record.destination.broken_reason:
        return in_words(record.destination.broken_reason)  # it may never have been tried there
    if name := _hold(record):  # the reason of the last attempt is older
        return hold_words(name, record.service, {record.destination_id: record.destination.name})
    return in_words(record.error)

"""Records in the admin: to be read, and synced on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from syncqueue import audit, services
from syncqueue.admin.filters import DestinationFilter, ServiceFilter
from syncqueue.core.errors import SyncQueueError
from syncqueue.display import duration_words, web_url
from syncqueue.models import SyncRecord
from syncqueue.permissions import may_operate, may_view
from syncqueue.secrets import redact

if TYPE_CHECKING:
    Page = admin.ModelAdmin[SyncRecord]
else:
    Page = admin.ModelAdmin


class SyncRecordAdmin(Page):
    """What is synced where, and why not where it is not."""

    change_list_template = "syncqueue/change_list.html"
    change_form_template = "syncqueue/change_form.html"
    list_display = ("object_words", "destination", "service", "state", "short_error", "age", "remote")
    list_display_links = ("object_words",)
    list_filter = ("state", ServiceFilter, DestinationFilter)
    list_select_related = ("destination",)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count the whole table once a choice
    ordering = ("-id",)
    sortable_by = ()  # only the primary key is indexed over all states
    search_fields = ("object_pk__startswith",)
    search_help_text = gettext_lazy("The beginning of a primary key (42), or one object (notes.note:42).")
    actions = ("sync_now",)
    fields = (
        "object_link", "destination", "state", "full_error", "error_at", "next_attempt_at", "remote",
        "changed_at", "synced_at", "certainty",
    )  # fmt: skip

    class Media:
        css: ClassVar = {"all": ["syncqueue/admin.css"]}

    # Columns and fields

    @admin.display(description=gettext_lazy("object"))
    def object_words(self, record: SyncRecord) -> str:
        """The object as "Note 42": its own text would cost a query for each row."""
        try:
            name = capfirst(str(apps.get_model(record.source)._meta.verbose_name))
        except (LookupError, ValueError):
            name = record.source
        return f"{name} {record.object_pk}"

    @admin.display(description=gettext_lazy("object"))
    def object_link(self, record: SyncRecord) -> str:
        """The object with a link to its own page in this admin, where there is one."""
        words = self.object_words(record)
        name = "admin:{}_change".format(record.source.replace(".", "_"))
        try:
            url = reverse(name, args=[quote(record.object_pk)], current_app=self.admin_site.name)
        except NoReverseMatch:
            return words
        return format_html('<a href="{}">{}</a>', url, words)

    @admin.display(description=gettext_lazy("error"))
    def short_error(self, record: SyncRecord) -> str:
        """The beginning of the reason."""
        return Truncator(redact(record.error)).chars(120)

    @admin.display(description=gettext_lazy("error"))
    def full_error(self, record: SyncRecord) -> str:
        """The reason."""
        return redact(record.error) or "-"

    @admin.display(description=gettext_lazy("age"))
    def age(self, record: SyncRecord) -> str:
        """How long ago the change was that is wanted, or out there."""
        return duration_words((timezone.now() - record.changed_at).total_seconds())

    @admin.display(description=gettext_lazy("copy"))
    def remote(self, record: SyncRecord) -> str:
        """Links to what is out there; the id where there is no address."""
        return format_html_join(" ", "{}", ((_part_link(part),) for part in record.parts)) or "-"

    @admin.display(description=gettext_lazy("certainty"))
    def certainty(self, record: SyncRecord) -> str:
        """Whether all that is out there is known."""
        if record.uncertain:
            return _("An answer was lost: there may be a copy out there that is not listed here.")
        return _("All copies are known.")

    # Rights: to be read

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Shown to those who may see the queues."""
        return may_view(request)

    def has_view_permission(self, request: HttpRequest, obj: SyncRecord | None = None) -> bool:
        """Shown to those who may see the queues."""
        return may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: saving an object makes them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SyncRecord | None = None) -> bool:
        """Never: there are actions instead."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SyncRecord | None = None) -> bool:
        """Never: a record goes when its copies are gone."""
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """For the action."""
        return may_operate(request)

    # Search and action

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SyncRecord], search_term: str
    ) -> tuple[QuerySet[SyncRecord], bool]:
        """One object by "notes.note:42", else by the beginning of the primary key."""
        source, colon, pk = search_term.strip().partition(":")
        if colon and "." in source:
            return queryset.filter(source=source.lower(), object_pk=pk), False
        return super().get_search_results(request, queryset, search_term)

    @admin.action(description=gettext_lazy("Sync now"), permissions=["operate"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[SyncRecord]) -> None:
        """Bring the records chosen out again, whatever their state."""
        actor = audit.Actor.of(request.user)
        try:
            count = services.sync_records(queryset, actor=actor.name)
        except SyncQueueError as error:
            self.message_user(request, redact(str(error)), messages.ERROR)
            return
        audit.note(actor, f"sync now: {count} records", subject=_("records"), model=SyncRecord)
        text = ngettext("%d record is being synced.", "%d records are being synced.", count) % count
        self.message_user(request, text, messages.SUCCESS)


def _part_link(part: Any) -> str:
    words = f"{part.get('kind', '')} {part.get('id', '')}".strip() if isinstance(part, dict) else str(part)
    url = web_url(part.get("url")) if isinstance(part, dict) else ""
    if not url:
        return words
    return format_html('<a href="{}" rel="noreferrer noopener" target="_blank">{}</a>', url, words)

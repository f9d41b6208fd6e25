"""Notes and tags in the admin."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from syncqueue.admin import SyncStatusMixin

from .models import Note, Tag


class TrashFilter(admin.SimpleListFilter):
    title = _("place")
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("live", str(_("notes"))), ("trash", str(_("trash")))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Note]) -> QuerySet[Note]:
        if self.value() == "live":
            return queryset.filter(deleted_at=None)
        if self.value() == "trash":
            return queryset.exclude(deleted_at=None)
        return queryset


@admin.register(Note)
class NoteAdmin(SyncStatusMixin, admin.ModelAdmin):
    list_display = ["__str__", "owner", "is_markdown", "is_private", "deleted_at", "updated_at"]
    list_filter = [TrashFilter, "is_markdown", "is_private", "tags"]
    list_select_related = ["owner"]
    search_fields = ["text"]
    date_hierarchy = "created_at"
    autocomplete_fields = ["tags"]
    readonly_fields = ["deleted_at", "created_at", "updated_at"]
    actions = ["soft_delete", "restore"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        return {"owner": str(request.user.pk), **super().get_changeform_initial_data(request)}

    @admin.action(description=_("Put selected notes into the trash"), permissions=["change"])
    def soft_delete(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        # One by one, not update(): a bulk update sends no signals, so copies would stay until the next sweep.
        notes = list(queryset.filter(deleted_at=None))
        for note in notes:
            note.soft_delete()
        text = ngettext("%d note is in the trash.", "%d notes are in the trash.", len(notes)) % len(notes)
        self.message_user(request, text, messages.SUCCESS)

    @admin.action(description=_("Take selected notes out of the trash"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        notes = list(queryset.exclude(deleted_at=None))
        for note in notes:
            note.restore()
        text = ngettext("%d note is back.", "%d notes are back.", len(notes)) % len(notes)
        self.message_user(request, text, messages.SUCCESS)


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    search_fields = ["name"]

"""The log of sent messages: a list with search by object, destination and time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncqueue import services
from syncqueue.admin.filters import DestinationFilter, ServiceFilter
from syncqueue.admin.keyset import KeysetChangeList
from syncqueue.admin.links import Link, as_html, object_url
from syncqueue.admin.titles import Titles, titles
from syncqueue.core.errors import InvalidMoment
from syncqueue.models import Destination, SentEntry
from syncqueue.presentation.figures import figure, web_url
from syncqueue.presentation.sent import action_words, exact_moment, seconds_words
from syncqueue.secrets import redact
from syncqueue.services.permissions import may_view
from syncqueue.services.sent_log import of_object

if TYPE_CHECKING:
    Page = admin.ModelAdmin[SentEntry]
else:
    Page = admin.ModelAdmin

SINCE, UNTIL = "since", "until"  # parameters: from this time; before this time
_TITLES, _PLACES = "_syncqueue_titles", "_syncqueue_places"  # attributes with data for all entries of a page
_NO_TITLES = Titles({})


class SentChangeList(KeysetChangeList):
    """The list, restricted to a time span."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Return the parameters without the time span, which `get_queryset` reads."""
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in (SINCE, UNTIL)}

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str | None] | None = None) -> QuerySet[Any]:
        """Return the entries of the time span; an invalid time is reported and ignored."""
        rows = super().get_queryset(request, exclude_parameters)
        self.span: dict[str, str] = {}  # as entered in the form
        self.others = [(name, value) for name, value in self.params.items() if name not in (SINCE, UNTIL)]
        for name, lookup in ((SINCE, "at__gte"), (UNTIL, "at__lt")):
            if (moment := _moment(request, name)) is not None:
                rows = rows.filter(**{lookup: moment})
                self.span[name] = localtime(moment).strftime("%Y-%m-%dT%H:%M:%S")
        self.without_span = self.get_query_string(remove=[SINCE, UNTIL])
        return rows


def _moment(request: HttpRequest, name: str) -> datetime | None:
    if not (text := request.GET.get(name, "").strip()):
        return None
    try:
        return services.read_moment(text)
    except InvalidMoment as error:
        messages.error(request, str(error))
        return None


class SentEntryAdmin(Page):
    """The log entries, newest first."""

    change_list_template = "syncqueue/sent_list.html"
    list_display = ("time", "action_words", "object_link", "destination_link", "service", "remote", "took", "tries")
    list_display_links = None
    list_filter = ("action", ServiceFilter, DestinationFilter)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # they count the whole table once per choice
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("object_pk",)
    search_help_text = gettext_lazy("A primary key (42), or one object (notes.note:42).")
    actions = None

    class Media:
        css: ClassVar = {"all": ["syncqueue/admin.css"]}

    @admin.display(description=gettext_lazy("time"))
    def time(self, entry: SentEntry) -> str:
        """Return when it was stored, to the second."""
        return exact_moment(entry.at)

    @admin.display(description=gettext_lazy("action"))
    def action_words(self, entry: SentEntry) -> str:
        """Return what was done."""
        return action_words(entry)

    @admin.display(description=gettext_lazy("object"))
    def object_link(self, entry: SentEntry) -> str:
        """Return the object's title, with a link to its page in this admin."""
        words = getattr(entry, _TITLES, _NO_TITLES).words(entry.source, entry.object_pk)
        return as_html(Link(words, object_url(entry.source, entry.object_pk, self.admin_site.name)))

    @admin.display(description=gettext_lazy("destination"))
    def destination_link(self, entry: SentEntry) -> str:
        """Return the former name of the destination, with a link if it still exists."""
        url = ""
        if entry.destination_id in getattr(entry, _PLACES, ()):
            args, site = [entry.destination_id], self.admin_site.name
            url = reverse("admin:syncqueue_destination_change", args=args, current_app=site)
        return as_html(Link(entry.destination_name, url))

    @admin.display(description=gettext_lazy("copy"))
    def remote(self, entry: SentEntry) -> str:
        """Return the link to the copy."""
        url = web_url(redact(entry.url))
        return as_html(Link(_("Open"), url), is_outside=True) if url else "-"

    @admin.display(description=gettext_lazy("duration"))
    def took(self, entry: SentEntry) -> str:
        """Return the duration of the attempt."""
        return seconds_words(entry.seconds)

    @admin.display(description=gettext_lazy("attempt"))
    def tries(self, entry: SentEntry) -> str:
        """Return the number of the attempt."""
        return figure(entry.attempt)

    def get_urls(self) -> list[URLPattern]:
        """Return the URL of the list; there are no forms."""
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="syncqueue_sententry_changelist")]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list class with the time span."""
        return SentChangeList

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Add the titles of the page's objects, and the existing destinations."""
        changelist = super().get_changelist_instance(request)
        _load(request, changelist.result_list)
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Set the title of the page."""
        return super().changelist_view(request, {"title": _("Log of sent messages"), **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SentEntry], search_term: str
    ) -> tuple[QuerySet[SentEntry], bool]:
        """Search the entries of one object."""
        return (queryset.filter(of_object(search_term)) if search_term.strip() else queryset), False

    # Permissions: read-only

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may see the queues."""
        return may_view(request)

    def has_view_permission(self, request: HttpRequest, obj: SentEntry | None = None) -> bool:
        """Return whether the user may see the queues."""
        return may_view(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: attempts create entries."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SentEntry | None = None) -> bool:
        """Return False: it is a log."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SentEntry | None = None) -> bool:
        """Return False: a worker trims the log."""
        return False


def _load(request: HttpRequest, entries: Iterable[SentEntry]) -> None:
    rows = list(entries)
    found = titles(request.user, [(entry.source, entry.object_pk) for entry in rows])
    keys = {entry.destination_id for entry in rows}
    places = set(Destination.objects.filter(pk__in=keys).values_list("pk", flat=True)) if keys else set()
    for entry in rows:
        setattr(entry, _TITLES, found)
        setattr(entry, _PLACES, places)


def log_url(site_name: str, source: str, object_pk: str) -> str:
    """Return the URL of the page with all entries of an object; "" if the site has not registered it."""
    try:
        page = reverse("admin:syncqueue_sententry_changelist", current_app=site_name)
    except NoReverseMatch:
        return ""
    return f"{page}?{urlencode({'q': f'{source}:{object_pk}'})}"

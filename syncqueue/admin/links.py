"""Links between an object, its records and its copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.admin.utils import quote
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from syncqueue.core.hold import Hold
from syncqueue.handlers.base import TRACE
from syncqueue.models import Destination
from syncqueue.presentation.figures import web_url
from syncqueue.presentation.task_values import value_words


class Link(NamedTuple):
    """A text and its URL; "": no link."""

    words: str
    url: str


def object_words(source: str, pk: str) -> str:
    """Return an object as "Note 42": its own text would cost a query for each row."""
    try:
        name = capfirst(str(apps.get_model(source)._meta.verbose_name))
    except (LookupError, ValueError):
        name = source
    return f"{name} {pk}"


def object_url(source: str, pk: str, site_name: str) -> str:
    """Return the object's own page in an admin site; "" if there is none."""
    try:
        return reverse(f"admin:{source.replace('.', '_')}_change", args=[quote(pk)], current_app=site_name)
    except NoReverseMatch:
        return ""


def entity_link(entity: str, site_name: str) -> Link:
    """Return a link to the subject of a task; if that is not like "notes.note:42", only its text."""
    source, colon, pk = entity.partition(":")
    if not (colon and pk and "." in source):
        return Link(entity, "")
    return Link(object_words(source, pk), object_url(source, pk, site_name))


def held_destinations(holds: Iterable[str]) -> dict[int, Destination]:
    """Return the destinations of holds, which are given by name; by primary key."""
    found = (Hold.parse(name).destination_id for name in holds)
    keys = {key for key in found if key is not None}
    return Destination.objects.in_bulk(keys) if keys else {}


def destination_urls(names: Collection[str], site_name: str) -> dict[str, str]:
    """Return the pages of destinations by their names; a name that several destinations have is left out."""
    rows = list(Destination.objects.filter(name__in=names).values_list("name", "pk"))
    counts = Counter(name for name, _pk in rows)
    address = "admin:syncqueue_destination_change"
    try:
        return {name: reverse(address, args=[pk], current_app=site_name) for name, pk in rows if counts[name] == 1}
    except NoReverseMatch:  # the site has registered only some of the pages
        return {}


def part_link(part: Any) -> Link:
    """Return a link to a remote part."""
    if not isinstance(part, Mapping):
        return Link(str(part), "")
    if part.get("kind") == TRACE:
        return Link(_("a copy that was sent, and whose response is lost or pending"), "")
    return Link(f"{value_words(str(part.get('kind', '')))} {part.get('id', '')}".strip(), web_url(part.get("url")))


def as_html(link: Link, *, is_outside: bool = False) -> str:
    """Return the link as escaped HTML; only the text if it has no URL."""
    if not link.url:
        return format_html("{}", link.words)
    if is_outside:
        return format_html('<a href="{}" rel="noreferrer noopener" target="_blank">{}</a>', link.url, link.words)
    return format_html('<a href="{}">{}</a>', link.url, link.words)

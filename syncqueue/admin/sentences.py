"""Sentences with links to the things that they name, and with settings and commands that one click selects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib.auth import get_permission_codename
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from syncqueue.admin.links import Link, as_html, object_url
from syncqueue.secrets import redact
from syncqueue.services.permissions import VIEW
from syncqueue.sources.registry import source_by_label

# SYNCQUEUE['DESTINATIONS']['news'], ON_UNKNOWN_OUTCOME; manage.py runsyncworker.
_CODE = (
    r"SYNCQUEUE(?:\['[^'\]]+'\])*|(?<![A-Za-z0-9_])[A-Z]{2,}(?:_[A-Z0-9]+)+(?![A-Za-z0-9_])"
    r"|manage\.py (?:syncqueue )?[a-z]+(?:-[a-z]+)*(?: --[a-z-]+)*"
)
_OBJECT = r"(?<![A-Za-z0-9_.])(?P<source>[a-z]\w*\.[a-z]\w*):(?P<pk>[^\s:,;()（），；：。]*[^\s:,;.()（），；：。])"
# Not \w, which takes Chinese characters too: there are no blanks around a name in Chinese.
_BEFORE, _AFTER = r"(?<![A-Za-z0-9_.@/-])", r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"


class Target(NamedTuple):
    """A page of the app in the admin, independent of the reader and of the admin site."""

    page: str  # "destination_change"
    arguments: tuple[object, ...] = ()
    query: str = ""
    fragment: str = ""
    right: str = VIEW  # the permission that the page requires


def service_target(service: str) -> Target:
    """Return the card of a service on the dashboard."""
    return Target("queue_changelist", fragment=f"service-{service}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """A way to fix a problem: a button, whose page asks first, and the equivalent command."""

    label: str
    target: Target
    command: str = ""  # without "manage.py"; "": there is none


class Sentences:
    """Writes sentences for one reader of one admin site."""

    def __init__(self, user: Any, site_name: str) -> None:
        """`user`: pages that they may not open have no link and no button. None: no user."""
        self._user, self._site_name = user, site_name

    def url(self, target: Target) -> str:
        """Return the address of a page; "" if the site does not have it or the user may not open it."""
        if self._user is None or not self._user.has_perm(target.right):
            return ""
        try:
            url = reverse(f"admin:syncqueue_{target.page}", args=target.arguments, current_app=self._site_name)
        except NoReverseMatch:  # the site has registered only some of the pages
            return ""
        query = f"?{target.query}" if target.query else ""
        return f"{url}{query}#{target.fragment}" if target.fragment else f"{url}{query}"

    def html(self, text: str, names: Mapping[str, Target] | None = None) -> SafeString:
        """Return a sentence without secrets as HTML.

        `names` maps names in the sentence to pages; the first occurrence of each becomes a link. Objects
        ("notes.note:42") are linked to their own pages, and settings and commands are marked.
        """
        links = {name: url for name, target in (names or {}).items() if name and (url := self.url(target))}
        text, found, at = redact(text), [], 0
        for match in _pattern(tuple(sorted(links, key=len, reverse=True))).finditer(text):
            shown = self._shown(match, links)
            if shown:
                found += [format_html("{}", text[at : match.start()]), shown]
                at = match.end()
        return mark_safe("".join([*found, format_html("{}", text[at:])]))  # noqa: S308 - each piece is escaped

    def service(self, name: str) -> str:
        """Return the name of a service with a link to its card on the dashboard."""
        return as_html(Link(name, self.url(service_target(name))))

    def _shown(self, match: re.Match[str], links: dict[str, str]) -> str:
        words = match[0]
        if match["code"]:
            return format_html('<code class="syncqueue-copy">{}</code>', words)
        if match["object"]:
            url = self._object_url(match["source"], match["pk"])
            return as_html(Link(words, url)) if url else ""
        return as_html(Link(words, links.pop(words))) if words in links else ""

    def _object_url(self, label: str, pk: str) -> str:
        source = source_by_label(label)
        if source is None or self._user is None:
            return ""
        rights = (get_permission_codename(name, source.model._meta) for name in ("view", "change"))
        may_view = any(self._user.has_perm(f"{source.model._meta.app_label}.{right}") for right in rights)
        return object_url(label, pk, self._site_name) if may_view else ""

    def buttons(self, cures: Sequence[Cure], about: object = "", *, with_commands: bool = False) -> SafeString:
        """Return the buttons that the reader may press, as HTML, with a blank in front; "" if there are none.

        `about` is added to each, for people who cannot see in which line it is.
        """
        words = format_html('<span class="syncqueue-hidden"> {}</span>', about) if about else ""
        button = ' <a class="syncqueue-button syncqueue-cure" href="{}">{}{}</a>'
        found = []
        for cure in cures:
            if url := self.url(cure.target):
                found.append(format_html(button, url, cure.label, words))
                if with_commands and cure.command:
                    found.append(format_html(' <code class="syncqueue-copy">manage.py {}</code>', cure.command))
        return mark_safe("".join(found))  # noqa: S308 - each piece is escaped


NOBODY = Sentences(None, "admin")  # for methods that do not know the reader


@lru_cache(maxsize=256)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    any_name = f"{_BEFORE}(?:{'|'.join(map(re.escape, names))}){_AFTER}" if names else r"(?!)"
    return re.compile(f"(?P<name>{any_name})|(?P<code>{_CODE})|(?P<object>{_OBJECT})")

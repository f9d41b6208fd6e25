"""A list that is fast with millions of rows: pages begin after a primary key, and counting stops at a limit."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from syncqueue.admin.links import Link
from syncqueue.presentation.figures import capped

COUNTED = 10_000
OLDER, NEWER, OLDEST = "older", "newer", "oldest"  # parameters: older or newer than a key; the last page
_OWN = (OLDER, NEWER, OLDEST)


class CappedCount(int):
    """A count that is shown as "10,000+" if counting stopped; Django's templates format it."""

    def __str__(self) -> str:
        """Return the count for people."""
        return capped(int(self), COUNTED)


class KeysetChangeList(ChangeList):
    """The list, newest first, by primary key; an offset would cost as much as all rows that it skips."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Remove the position of the page from the parameters, so that no filter keeps it."""
        self.place = {name: request.GET[name] for name in _OWN if name in request.GET}
        super().__init__(request, *args, **kwargs)
        for name in _OWN:
            self.params.pop(name, None)
            self.filter_params.pop(name, None)

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Return the query string without the position of the page."""
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in _OWN}

    def get_results(self, request: HttpRequest) -> None:
        """Set the rows of the page, and the count up to the limit."""
        size = self.list_per_page
        rows, newer, older = self._page(size)
        self.result_list = rows
        self.result_count = CappedCount(self.queryset.order_by()[: COUNTED + 1].count())
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.result_count)
        self.can_show_all = False
        self.multi_page = newer or older
        self.paginator = Paginator(rows, size)
        self.ways = self._ways(rows, newer, older)

    def _page(self, size: int) -> tuple[list[Any], bool, bool]:
        """Return the rows, and whether there are newer and older ones."""
        newest_first, oldest_first = self.queryset.order_by("-pk"), self.queryset.order_by("pk")
        if OLDEST in self.place:
            rows = self.first(oldest_first, size)[::-1]
            return rows, bool(rows) and bool(self.first(oldest_first.filter(pk__gt=rows[0].pk), 1)), False
        if key := _key(self.place.get(NEWER)):
            rows = self.first(oldest_first.filter(pk__gt=key), size + 1)
            return rows[:size][::-1], len(rows) > size, True
        key = _key(self.place.get(OLDER))
        rows = self.first(newest_first.filter(pk__lt=key) if key else newest_first, size + 1)
        return rows[:size], bool(key), len(rows) > size

    def first(self, rows: QuerySet[Any], count: int) -> list[Any]:
        """Return the first of ordered rows."""
        return list(rows[:count])

    def _ways(self, rows: list[Any], newer: bool, older: bool) -> list[Link]:
        found = []
        if newer:
            found += [Link(_("Newest"), self.get_query_string(remove=list(_OWN)))]
        if newer and rows:
            found += [Link(_("Newer"), self._at(NEWER, rows[0].pk))]
        if older and rows:
            found += [Link(_("Older"), self._at(OLDER, rows[-1].pk)), Link(_("Oldest"), self._at(OLDEST, 1))]
        return found

    def _at(self, name: str, value: object) -> str:
        return str(self.get_query_string({name: value}, remove=list(_OWN)))


def _key(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None

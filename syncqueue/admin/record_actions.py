""" "Sync now" for records or objects: one, selected, or all of a filter, after a question with the count, in rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from django.contrib.admin import helpers
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict

from syncqueue.admin.rounds import PIECE, POSITION, Position, address_of, is_progress, read_position

_FILTER = "filter"  # the query of the list, in the address of the question


def question_address(request: HttpRequest, path: str, at: Position | None = None) -> str:
    """Return the address of the page that asks, or shows the progress, for an action of a list; "" if too long."""
    fields = [*hidden_inputs(request), (_FILTER, request.GET.urlencode())]
    return address_of(path, [*fields, (POSITION, at.text())] if at else fields)


def list_request(request: HttpRequest, path: str) -> HttpRequest:
    """Return the request that the list would have got for the action, from the request for its question."""
    found = copy(request)
    found.method, found.path, found.POST, found.GET = "POST", path, request.GET, QueryDict(request.GET.get(_FILTER, ""))
    return found


def chosen(page: Any, request: HttpRequest) -> QuerySet[Any] | None:
    """Return the rows of an action of a list: the selected ones, or all that match its filter.

    Returns None if the address has no valid selection, because it was changed.
    """
    try:
        rows: QuerySet[Any] = page.get_changelist_instance(request).get_queryset(request)
        if request.POST.get("select_across") == "1":
            return rows
        return rows.filter(pk__in=request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))
    except (IncorrectLookupParameters, ValidationError, ValueError):
        return None


def question_answer(
    page: Any,
    request: HttpRequest,
    path: str,
    *,
    ask: Callable[[HttpRequest, QuerySet[Any]], HttpResponse],
    progress: Callable[[HttpRequest, Position], HttpResponse],
) -> HttpResponse:
    """Return the page at `question_address`: `ask` and `progress` get the request of the list, which is at `path`.

    Anything else leads back to the list.
    """
    if request.method != "GET":
        return HttpResponseRedirect(path)
    found = list_request(request, path)
    if is_progress(request):
        return progress(found, read_position(request.GET[POSITION]))
    rows = chosen(page, found)
    return HttpResponseRedirect(path) if rows is None else ask(found, rows)


def list_address(request: HttpRequest) -> str:
    """Return the address of the list with its filter."""
    query = request.GET.urlencode()
    return f"{request.path}?{query}" if query else request.path


def sync_piece(rows: QuerySet[Any], sync: Callable[[Sequence[Any]], int], at: Position) -> Position:
    """Sync the next rows, in the order of their keys, because that order does not depend on their states.

    `sync` receives keys, and returns how many were synced.
    """
    left = rows.order_by("pk")
    keys = list((left.filter(pk__gt=at.cursor) if at.cursor else left).values_list("pk", flat=True)[:PIECE])
    total = count(rows) if at.total is None else at.total
    done = sync(keys) if keys else 0
    looked = at.looked + len(keys)
    return Position(
        total=max(total, looked),
        looked=looked,
        done=at.done + done,
        cursor=str(keys[-1]) if keys else at.cursor,
        finished=len(keys) < PIECE,
    )


def count(rows: QuerySet[Any]) -> int:
    """Return the exact count, because the question shows it."""
    return rows.order_by().count()


def hidden_inputs(request: HttpRequest) -> list[tuple[str, Any]]:
    """Return the form fields that select the same rows again."""
    kept = [(helpers.ACTION_CHECKBOX_NAME, pk) for pk in request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)]
    return [
        *kept,
        ("action", request.POST.get("action", "")),
        ("select_across", request.POST.get("select_across", "0")),
    ]

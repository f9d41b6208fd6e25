""" "Sync now" for records or objects: one, selected, or all of a filter, after a question with the count, in rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest

from syncqueue.admin.rounds import PIECE, Position


def sync_piece(rows: QuerySet[Any], sync: Callable[[Sequence[Any]], int], at: Position) -> Position:
    """Sync the next rows, in the order of their keys: they stay where they are, whatever state they come to.

    `sync` is given keys, and answers how many were done.
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
    """How many; exact, because the question must be true."""
    return rows.order_by().count()


def hidden_inputs(request: HttpRequest) -> list[tuple[str, Any]]:
    """What makes the admin choose the same rows again."""
    kept = [(helpers.ACTION_CHECKBOX_NAME, pk) for pk in request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)]
    return [
        *kept,
        ("action", request.POST.get("action", "")),
        ("select_across", request.POST.get("select_across", "0")),
    ]

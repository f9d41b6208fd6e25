""" "Sync now" for records: one, selected, or all of a filter, after a question with the count, in rounds."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest

from syncqueue import services
from syncqueue.admin.rounds import PIECE, Position
from syncqueue.models import SyncRecord


def sync_piece(rows: QuerySet[SyncRecord], actor: str, at: Position) -> Position:
    """Sync the next records, in the order of their keys: they stay where they are, whatever state they come to."""
    after = int(at.cursor or 0)
    keys = list(rows.order_by("pk").filter(pk__gt=after).values_list("pk", flat=True)[:PIECE])
    total = count(rows) if at.total is None else at.total
    done = services.sync_records(SyncRecord.objects.filter(pk__in=keys), actor=actor) if keys else 0
    looked = at.looked + len(keys)
    return Position(
        total=max(total, looked),
        looked=looked,
        done=at.done + done,
        cursor=str(keys[-1]) if keys else at.cursor,
        finished=len(keys) < PIECE,
    )


def count(rows: QuerySet[SyncRecord]) -> int:
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

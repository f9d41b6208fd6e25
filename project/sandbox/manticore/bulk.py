"""Many writes in one request: lines of JSON, each run of lines for one table a transaction of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .errors import Refusal, check_encoding
from .tables import Tables
from .writes import WRITES, Written, table_name

Line = tuple[int, str, dict[str, Any]]  # number in the request, action, its body


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkDone:
    """Status and body of the answer, and the rows that were changed."""

    status: int
    answer: dict[str, Any]
    row_ids: list[int]


def bulk(tables: Tables, text: str) -> BulkDone:
    """Carry out the transactions in order, up to the first that is refused: that one changes nothing."""
    items: list[dict[str, Any]] = []
    row_ids: list[int] = []
    number = 0
    for lines in _transactions(text):
        name = table_name(lines[0][2])
        table = tables.by_name.get(name)
        before = dict(table.rows) if table else {}
        written: list[Written] = []
        for number, action, body in lines:
            try:
                written.append(WRITES[action](tables, body))
            except Refusal as refusal:
                if table:
                    table.rows = before
                failed = {action: {"error": refusal.error, "status": refusal.status}}
                answer = {"items": [*items, failed], "current_line": number, "skipped_lines": 0, "errors": True}
                return BulkDone(status=500, answer=answer, row_ids=row_ids)
        items.append({"bulk": _counts(name, lines, written)})
        row_ids += [one.row_id for one in written if one.changed]
    answer = {"items": items, "current_line": number, "skipped_lines": 0, "errors": False, "error": ""}
    return BulkDone(status=200, answer=answer, row_ids=row_ids)


def _counts(name: str, lines: list[Line], written: list[Written]) -> dict[str, Any]:
    actions = [action for _, action, _ in lines]
    counts = {"created": sum(one in ("insert", "create", "replace", "index") for one in actions)}
    counts |= {"deleted": actions.count("delete"), "updated": actions.count("update")}
    return {"table": name, "_id": written[-1].row_id, **counts, "result": "created", "status": 201}


def _transactions(text: str) -> Iterator[list[Line]]:
    """Lines of one table in a row; a blank line ends a transaction too. Raises `Refusal`, before anything is done."""
    runs: list[list[Line]] = [[]]
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            runs.append([])
            continue
        action, body = _read(line)
        if runs[-1] and table_name(runs[-1][-1][2]) != table_name(body):
            runs.append([])
        runs[-1].append((number, action, body))
    return iter([run for run in runs if run])


def _read(line: str) -> tuple[str, dict[str, Any]]:
    try:
        ((action, body),) = json.loads(line).items()
    except (ValueError, AttributeError) as error:
        raise Refusal(400, {"type": "parse_exception", "reason": "bad JSON in bulk request"}) from error
    check_encoding(body, line)
    if action not in WRITES or not isinstance(body, dict):
        raise Refusal(400, {"type": "parse_exception", "reason": f"unknown action '{action}'"})
    return action, body

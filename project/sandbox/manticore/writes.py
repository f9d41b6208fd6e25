"""Insert, replace, update and delete of one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Refusal, write_refused
from .tables import Row, Table, Tables

MAX_ID = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a write answers."""

    answer: dict[str, Any]
    row_id: int
    changed: bool


def table_name(body: Mapping[str, Any]) -> str:
    """The table a request names ("index" is the older word)."""
    return str(body.get("table") or body.get("index") or "")


def insert(tables: Tables, body: Mapping[str, Any]) -> Written:
    table, row_id = _target(tables, body)
    if row_id in table.rows:
        raise write_refused(table.name, f"duplicate id '{row_id}'")
    table.rows[row_id] = _row(tables, table, body)
    answer = {"table": table.name, "id": row_id, "created": True, "result": "created", "status": 201}
    return Written(answer=answer, row_id=row_id, changed=True)


def replace(tables: Tables, body: Mapping[str, Any]) -> Written:
    """Put a row in the place of one that may be there. The answer says "updated" also for the first one."""
    table, row_id = _target(tables, body)
    table.rows[row_id] = _row(tables, table, body)
    answer = {"table": table.name, "id": row_id, "created": False, "result": "updated", "status": 200}
    return Written(answer=answer, row_id=row_id, changed=True)


def update(tables: Tables, body: Mapping[str, Any]) -> Written:
    """Change attributes of a row that is there; full-text columns can only be replaced with the row."""
    table, row_id = tables.to_write(table_name(body)), _given_id(body)
    values = _document(body)
    for name in values:
        if table.columns.get(name, "text") == "text":
            raise write_refused(table.name, f"attribute '{name}' not found")
    row = table.rows.get(row_id)
    if row is not None:
        new = table.row({**row, **values})
        table.rows[row_id] = new
    answer = {"table": table.name, "id": row_id, "result": "noop" if row is None else "updated"}
    return Written(answer=answer, row_id=row_id, changed=row is not None)


def delete(tables: Tables, body: Mapping[str, Any]) -> Written:
    """Remove a row; one that is not there is no error."""
    table, row_id = tables.to_write(table_name(body)), _given_id(body)
    found = table.rows.pop(row_id, None) is not None
    answer = {"table": table.name, "id": row_id, "found": found, "result": "deleted" if found else "not found"}
    return Written(answer=answer, row_id=row_id, changed=found)


WRITES: dict[str, Callable[[Tables, Mapping[str, Any]], Written]] = {
    "insert": insert,
    "create": insert,
    "replace": replace,
    "index": replace,
    "update": update,
    "delete": delete,
}


def _target(tables: Tables, body: Mapping[str, Any]) -> tuple[Table, int]:
    table = tables.to_write(table_name(body))
    return table, _given_id(body) or tables.new_id()


def _row(tables: Tables, table: Table, body: Mapping[str, Any]) -> Row:
    values = _document(body)
    tables.check_document(table.name, values)
    return table.row(values)


def _given_id(body: Mapping[str, Any]) -> int:
    """The id of a request; 0, none and a text all mean that there is none."""
    given = body.get("id", 0)
    if isinstance(given, bool) or not isinstance(given, int):
        return 0
    if not 0 <= given <= MAX_ID:
        raise write_refused(table_name(body), "Negative document ids are not allowed", 400)
    return given


def _document(body: Mapping[str, Any]) -> dict[str, Any]:
    document = body.get("doc")
    if not isinstance(document, dict):
        raise Refusal(400, {"type": "parse_exception", "reason": "'doc' property should be an object"})
    return document

"""Compares rows of a table with documents, and lists the rows of a table. It blocks: run it in a thread."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import CopyPage, CopyState, DocumentJob, RemotePart
from syncqueue.handlers.manticore.answers import Refusal, Refused
from syncqueue.handlers.manticore.client import Account
from syncqueue.handlers.manticore.row import KIND, Write, id_of, put

PAGE_COUNT = 1000  # rows per page of the list
_FLOAT_SHARE = 1e-5  # relative tolerance: 32 bits have about 7 digits, and the server prints 6 decimals

Rows = Mapping[int, Mapping[str, Any]]  # columns by the row's id


def read(account: Account, table: str, jobs: Sequence[DocumentJob]) -> list[CopyState | Exception]:
    """Return the state of each job's row. Raises `HandlerError`."""
    asked: dict[int, list[int] | PermanentError] = {}
    for number, job in enumerate(jobs):
        try:
            asked[number] = [id_of(part) for part in job.parts]
        except PermanentError as error:
            asked[number] = error
    ids = sorted({row_id for found in asked.values() if isinstance(found, list) for row_id in found})
    rows = _rows(account, table, {"in": {"id": ids}}, len(ids)) if ids else {}
    return [_state(job, asked[number], rows) for number, job in enumerate(jobs)]


def page(account: Account, table: str, after: str, identity: str) -> CopyPage:
    """Return the rows after an id. Raises `HandlerError`."""
    beyond = {"range": {"id": {"gt": int(after or 0)}}}
    rows = _rows(account, table, beyond, PAGE_COUNT, columns=["object_source"])
    parts = [RemotePart(kind=KIND, id=str(row_id), address=table, identity=identity) for row_id in rows]
    return CopyPage(parts=parts, after=parts[-1].id if len(parts) == PAGE_COUNT else "")


def _rows(
    account: Account, table: str, condition: Mapping[str, Any], limit: int, columns: Sequence[str] = ("*",)
) -> dict[int, Mapping[str, Any]]:
    """Return the rows that meet a condition, in the order of their ids; none if there is no table."""
    try:
        answer = account.search(
            {
                "table": table,
                "query": {"bool": {"must": [condition]}},
                "sort": [{"id": "asc"}],
                "limit": limit,
                "max_matches": limit,
                "_source": list(columns),
            }
        )
    except Refused as refused:
        if refused.why is not Refusal.NO_TABLE:
            raise
        return {}
    hits = (answer.hits.hits or ()) if answer.hits else ()
    return {one.id: one.source or {} for one in hits if one.id}


def _state(job: DocumentJob, ids: list[int] | PermanentError, rows: Rows) -> CopyState | Exception:
    if isinstance(ids, PermanentError):
        return ids
    there = [row_id for row_id in ids if row_id in rows]
    if job.step == "delete":
        return CopyState.THERE if there else CopyState.GONE
    if len(there) < len(ids):
        return CopyState.GONE
    try:
        wanted = put(job)
    except PermanentError as error:
        return error
    return CopyState.SAME if len(ids) == 1 and is_row_of(wanted, rows[ids[0]]) else CopyState.OTHER


def is_row_of(wanted: Write, row: Mapping[str, Any]) -> bool:
    """Return whether a row of the server equals the row to write. A missing column counts as empty."""
    values, columns = wanted.values or {}, wanted.columns or {}
    return all(_equal(kind, values.get(name), row.get(name)) for name, kind in columns.items())


def _equal(kind: str, wanted: Any, found: Any) -> bool:
    match kind:
        case "text" | "string":
            return str(wanted or "") == str(found or "")
        case "float":
            return math.isclose(float(wanted or 0), _number(found), rel_tol=_FLOAT_SHARE, abs_tol=_FLOAT_SHARE)
        case "multi":
            return {*(wanted or ())} == _numbers(found)
        case "json":
            return (wanted or None) == (_parsed(found) or None)
    return int(wanted or 0) == _number(found)


def _number(found: Any) -> float:
    try:
        return found if isinstance(found, int) else float(found or 0)  # a float would round a 64-bit number
    except (TypeError, ValueError):
        return math.nan


def _numbers(found: Any) -> set[float]:
    listed = found.split(",") if isinstance(found, str) and found else found
    return {int(one) if str(one).strip().isdecimal() else math.nan for one in listed or ()}


def _parsed(found: Any) -> Any:
    try:
        return json.loads(found) if isinstance(found, str) and found else found
    except ValueError:
        return found

"""The statements a site needs: to make, look at, change and empty tables, and to count rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .columns import SHOWN, default
from .errors import query_refused
from .tables import Table, Tables
from .words import BARE, BARE_TABLES, RESERVED

_NAME = r"(?P<name>`\w+`|\w+)"
_OPTION = re.compile(r"(\w+)\s*=\s*'((?:[^'\\]|\\.)*)'")
_COLUMN = re.compile(r"(`\w+`|\w+)\s+(\w+)(?:\s+(?:stored|indexed|attribute|engine\s*=\s*'\w+'))*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a statement answers: rows under their column names, and the table it changed."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)  # of the rows' columns
    changed: str | None = None


def carry_out(tables: Tables, text: str) -> Statement:
    """Carry out one statement. Raises `Refusal`."""
    for pattern, work in _STATEMENTS:
        found = pattern.fullmatch(text.strip().rstrip(";").strip())
        if found:
            return work(tables, found)
    word = (text.split() or ["$end"])[0]
    raise query_refused(f"P01: syntax error, unexpected identifier near '{word}'")


def as_raw(done: Statement) -> list[dict[str, Any]]:
    """The raw form of an answer: a list with one result."""
    meta = {"total": len(done.rows), "error": "", "warning": ""}
    if not done.types:
        return [meta]
    return [{"columns": [{name: {"type": kind}} for name, kind in done.types.items()], "data": done.rows, **meta}]


def is_select(text: str) -> bool:
    """Whether a statement may be asked without the raw form."""
    return text.lstrip().lower().startswith("select")


def _table_name(found: re.Match[str]) -> str:
    return _name(found["name"], BARE_TABLES)


def _name(given: str, taken: frozenset[str]) -> str:
    """A name without its backticks. Raises `Refusal` for a word of the language that stands without them."""
    name = given.strip("`").lower()
    if name in taken and not given.startswith("`"):
        raise query_refused(f"P02: syntax error, unexpected {name.upper()}, expecting identifier near '{given}'")
    return name


def _existing(tables: Tables, name: str) -> Table:
    if name not in tables.by_name:
        raise query_refused(f"no such table '{name}'")
    return tables.by_name[name]


def _create(tables: Tables, found: re.Match[str]) -> Statement:
    name = _table_name(found)
    columns = dict(_column(part) for part in (found["columns"] or "").split(",") if part.strip())
    if name in tables.by_name:
        if found["lenient"]:
            return Statement()
        raise query_refused(f"CREATE TABLE: table '{name}' already exists")
    if name in RESERVED:
        raise query_refused(f"table '{name}': CREATE TABLE failed: '{name}' is a reserved keyword")
    if reserved := [column for column in columns if column in RESERVED]:
        text = f"attribute name '{reserved[0]}' is a reserved keyword"
        raise query_refused(f"table '{name}': CREATE TABLE failed: {text}")
    if tables.options.disk_full:
        raise query_refused(f"table '{name}': CREATE TABLE failed: No space left on device")
    columns.pop("id", None)
    options = dict(_OPTION.findall(found["options"] or ""))
    if options.get("type") == "distributed":
        tables.by_name[name] = Table(name=name, columns={}, options=options, kind="distributed")
        return Statement(changed=name)
    if not any(kind == "text" for kind in columns.values()):
        columns = {"title": "text", "content": "text"} | columns  # a table needs something to search
    tables.by_name[name] = Table(name=name, columns=columns, options=options)
    return Statement(changed=name)


def _column(text: str) -> tuple[str, str]:
    found = _COLUMN.fullmatch(text.strip())
    kind = SHOWN.get(found[2].lower()) if found else None
    if found is None or kind is None:
        raise query_refused(f"P02: syntax error, unexpected identifier near '{text.strip()}'")
    return _name(found[1], BARE), kind


def _drop(tables: Tables, found: re.Match[str]) -> Statement:
    name = _table_name(found)
    if name not in tables.by_name:
        if found["lenient"]:
            return Statement()
        raise query_refused(f"DROP TABLE failed: unknown table '{name}'")
    del tables.by_name[name]
    return Statement(changed=name)


def _describe(tables: Tables, found: re.Match[str]) -> Statement:
    table = _existing(tables, _table_name(found))
    if table.kind == "distributed":
        rows = [{"Agent": table.options.get("local", ""), "Type": "local"}]
        return Statement(rows=rows, types={"Agent": "string", "Type": "string"})
    rows = [{"Field": "id", "Type": "bigint", "Properties": ""}]
    for name, kind in table.columns.items():
        rows.append({"Field": name, "Type": kind, "Properties": "indexed stored" if kind == "text" else ""})
    return Statement(rows=rows, types=dict.fromkeys(("Field", "Type", "Properties"), "string"))


def _show(tables: Tables, found: re.Match[str]) -> Statement:
    like = re.escape(found["like"] or "%").replace("%", ".*").replace("_", ".")
    named = sorted(name for name in tables.by_name if re.fullmatch(like, name))
    rows = [{"Table": name, "Type": tables.by_name[name].kind} for name in named]
    return Statement(rows=rows, types={"Table": "string", "Type": "string"})


def _truncate(tables: Tables, found: re.Match[str]) -> Statement:
    table = _existing(tables, _table_name(found))
    table.rows.clear()
    return Statement(changed=table.name)


def _alter(tables: Tables, found: re.Match[str]) -> Statement:
    table = _existing(tables, _table_name(found))
    name, kind = _column(found["column"])
    if name in table.columns:
        raise query_refused(f"'{name}' attribute already in schema")
    if name in RESERVED:
        raise query_refused(f"table '{table.name}': ALTER TABLE failed: attribute name '{name}' is a reserved keyword")
    if tables.options.disk_full:
        raise query_refused(f"table '{table.name}': ALTER TABLE failed: No space left on device")
    table.columns[name] = kind
    for row in table.rows.values():
        row[name] = default(kind)
    return Statement(changed=table.name)


def _alter_drop(tables: Tables, found: re.Match[str]) -> Statement:
    table = _existing(tables, _table_name(found))
    name = _name(found["column"].strip(), BARE)
    if name not in table.columns:
        raise query_refused(f"attribute '{name}' does not exist")
    del table.columns[name]
    for row in table.rows.values():
        del row[name]
    return Statement(changed=table.name)


def _select(tables: Tables, found: re.Match[str]) -> Statement:
    name = _table_name(found)
    table = tables.by_name.get(name)
    if table is None:
        raise query_refused(f"unknown local table(s) '{name}' in search request")
    if found["what"] != "*":
        held = tables.by_name.get(table.options.get("local", ""), table) if table.kind == "distributed" else table
        return Statement(rows=[{"count(*)": len(held.rows)}], types={"count(*)": "long long"})
    rows = [{"id": row_id, **row} for row_id, row in table.rows.items()][: int(found["limit"] or 20)]
    return Statement(rows=rows, types={"id": "long long", **table.columns})


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_STATEMENTS: tuple[tuple[re.Pattern[str], Callable[[Tables, re.Match[str]], Statement]], ...] = (
    (
        _pattern(rf"CREATE TABLE (?P<lenient>IF NOT EXISTS )?{_NAME}(?:\s*\((?P<columns>[^)]*)\))?(?P<options>.*)"),
        _create,
    ),
    (_pattern(rf"DROP TABLE (?P<lenient>IF EXISTS )?{_NAME}"), _drop),
    (_pattern(rf"(?:DESC|DESCRIBE) {_NAME}"), _describe),
    (_pattern(r"SHOW TABLES(?: LIKE '(?P<like>[^']*)')?"), _show),
    (_pattern(rf"TRUNCATE TABLE {_NAME}"), _truncate),
    (_pattern(rf"ALTER TABLE {_NAME} ADD COLUMN (?P<column>.+)"), _alter),
    (_pattern(rf"ALTER TABLE {_NAME} DROP COLUMN (?P<column>.+)"), _alter_drop),
    (_pattern(rf"SELECT (?P<what>\*|COUNT\(\*\)) FROM {_NAME}(?: LIMIT (?P<limit>\d+))?"), _select),  # noqa: S608  a pattern, not a query
)

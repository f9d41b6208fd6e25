"""Tables as the page shows them: the last rows, text first, then the attributes that are set."""

from __future__ import annotations

from dataclasses import dataclass

from .tables import Row, Table, Tables

ROWS_SHOWN_COUNT = 100  # of each table, the last ones
PREVIEW_CHARS = 600


@dataclass(frozen=True, slots=True)
class RowView:
    """A row ready for the template."""

    id: int
    text: str
    attributes: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TableView:
    table: Table
    rows: list[RowView]
    hidden_count: int


def table_views(tables: Tables) -> list[TableView]:
    """All tables with their last rows, oldest first."""
    return [_table_view(table) for table in tables.by_name.values()]


def _table_view(table: Table) -> TableView:
    shown = list(table.rows.items())[-ROWS_SHOWN_COUNT:]
    views = [_row_view(table, row_id, row) for row_id, row in shown]
    return TableView(table, views, len(table.rows) - len(shown))


def _row_view(table: Table, row_id: int, row: Row) -> RowView:
    text = " · ".join(row[name] for name in table.text_columns if row[name])
    attributes = [(name, str(value)) for name, value in row.items() if table.columns[name] != "text" and value]
    return RowView(row_id, text[:PREVIEW_CHARS], attributes)

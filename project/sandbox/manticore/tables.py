"""The tables and their rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .columns import coerced, default, misfit
from .errors import write_refused
from .options import Options

Row = dict[str, Any]
BINLOG = "/var/lib/manticore/binlog/binlog.0001"
FIRST_AUTO_ID = 8_217_000_000_000_000_001  # the real ones are as long


@dataclass(slots=True, kw_only=True)
class Table:
    """One real-time table: columns by name with their type, rows by id."""

    name: str
    columns: dict[str, str]  # as DESCRIBE shows them, without the id
    options: dict[str, str] = field(default_factory=dict)  # charset_table, ngram_len, ...
    rows: dict[int, Row] = field(default_factory=dict)
    kind: str = "rt"  # or "distributed": other tables under one name, which takes no rows

    def row(self, values: Row) -> Row:
        """A whole row of these values. Raises `Refusal` for a column that is not there."""
        for name in values:
            if name not in self.columns:
                raise write_refused(self.name, f"unknown column: '{name}'")
        for number, (name, kind) in enumerate(self.columns.items(), 2):  # the first one is the id
            if values.get(name) is not None and (why := misfit(kind, values[name])):
                raise write_refused(self.name, f"row 1, column {number}: {why}")
        return {
            name: coerced(kind, values[name]) if values.get(name) is not None else default(kind)
            for name, kind in self.columns.items()
        }

    @property
    def text_columns(self) -> list[str]:
        return [name for name, kind in self.columns.items() if kind == "text"]


class Tables:
    """All tables by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Table] = {}
        self.options = Options()
        self._last_id = FIRST_AUTO_ID

    def new_id(self) -> int:
        """An id for a row that came with none; never given twice."""
        self._last_id += 1
        return self._last_id

    def to_write(self, name: str) -> Table:
        """Raises `Refusal` as a write does."""
        table = self.by_name.get(name)
        if table is None or table.kind != "rt":
            raise write_refused(name, f"table '{name}' absent, or does not support INSERT")
        if self.options.disk_full:
            raise write_refused(name, f"unable to write to binlog: {BINLOG}: write error: No space left on device")
        if self.options.locked_table == name:
            raise write_refused(name, f"table '{name}' is locked")
        return table

    def check_document(self, table: str, values: Row) -> None:
        """Raises `Refusal` for a document that the switch names."""
        refused = self.options.refused_text
        if refused and any(refused in value for value in values.values() if isinstance(value, str)):
            raise write_refused(table, "row 1, column 2: refused by the switch")

    def reset(self) -> None:
        self.by_name.clear()
        self.options = Options()

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON for `load`."""
        return {"tables": [asdict(table) for table in self.by_name.values()], "last_id": self._last_id}

    def load(self, dumped: dict[str, Any]) -> None:
        self._last_id = dumped["last_id"]
        for values in dumped["tables"]:
            rows = {int(row_id): row for row_id, row in values.pop("rows").items()}  # JSON has no numbers as keys
            self.by_name[values["name"]] = Table(**values, rows=rows)

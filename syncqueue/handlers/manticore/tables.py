"""Creates missing tables and columns, and detects changed tables. It blocks."""

from __future__ import annotations

import time
from collections.abc import Mapping

from syncqueue.core.errors import DestinationBroken
from syncqueue.handlers.manticore.answers import Refused
from syncqueue.handlers.manticore.client import Account
from syncqueue.handlers.manticore.row import add_column, create_table, differing

_REAL_TIME = "rt"  # the type of tables that accept rows


class Tables:
    """A cache of a server's tables, so that each process reads them once a minute. Threads share it."""

    def __init__(self) -> None:
        """Start empty."""
        self._known: dict[str, tuple[float, dict[str, str]]] = {}  # valid until (monotonic), and its columns

    def ensure(self, account: Account, table: str, columns: Mapping[str, str], known_seconds: float) -> bool:
        """Create the table and missing columns; return whether the table had to be created.

        The table is not checked again for `known_seconds`, unless it is forgotten.

        Raises `DestinationBroken` for a table that cannot be created, accepts no rows or has a column of another type.
        """
        until, known = self._known.get(table, (0.0, {}))
        if time.monotonic() < until and columns.items() <= known.items():
            return False
        made = not is_there(account, table)
        if made:
            # Explicitly: a table that Manticore creates itself on a first write would not index Chinese words.
            _change(account, table, create_table(table, columns))
        else:
            self._complete(account, table, columns)
        self._known[table] = (time.monotonic() + known_seconds, {**known, **columns})
        return made

    def forget(self, table: str) -> None:
        """Forget a table that has changed."""
        self._known.pop(table, None)

    def _complete(self, account: Account, table: str, columns: Mapping[str, str]) -> None:
        found = describe(account, table)
        if wrong := differing(found, columns):
            raise DestinationBroken(
                f"The table {table!r} has {wrong[0]!r} as {found[wrong[0]]}, which is declared as "
                f"{columns[wrong[0]]!r}: name another table, or drop this one and resync."
            )
        for name in [name for name in columns if name not in found]:
            self._add(account, table, name, columns[name])

    def _add(self, account: Account, table: str, name: str, kind: str) -> None:
        try:
            _change(account, table, add_column(table, name, kind))
        except DestinationBroken:
            if name not in describe(account, table):  # otherwise another process was first
                raise


def describe(account: Account, table: str) -> dict[str, str]:
    """Return the columns of a table with their types; raises `Refused` if there is no such table."""
    return {str(row.get("Field")): str(row.get("Type")) for row in account.sql(f"DESC `{table}`")}


def is_there(account: Account, table: str) -> bool:
    """Return whether the table exists; raises `DestinationBroken` if it accepts no rows."""
    # `_` matches any character in the pattern, so the name is compared here. Its column is "Table" or, in older
    # versions, "Index". https://manual.manticoresearch.com/Listing_tables
    rows = account.sql(f"SHOW TABLES LIKE '{table}'")
    row = next((row for row in rows if table in (row.get("Table"), row.get("Index"))), None)
    if row is not None and (kind := str(row.get("Type") or _REAL_TIME)) != _REAL_TIME:
        raise DestinationBroken(
            f"The table {table!r} is of the type {kind!r}, which takes no rows: name a real-time table."
        )
    return row is not None


def _change(account: Account, table: str, statement: str) -> None:
    """Create or change a table. A refusal is not the fault of a document, but no document can be stored."""
    try:
        account.sql(statement)
    except Refused as refused:
        raise DestinationBroken(f"The table {table!r} cannot be made as it is declared. {refused}") from None

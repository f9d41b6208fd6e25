"""Makes the tables and columns that are missing, and finds out when a table is not what it was. It blocks."""

from __future__ import annotations

import time
from collections.abc import Mapping

from syncqueue.core.errors import DestinationBroken
from syncqueue.handlers.manticore.answers import Refused
from syncqueue.handlers.manticore.client import Account
from syncqueue.handlers.manticore.row import add_column, create_table, differing

_REAL_TIME = "rt"  # the type of a table that takes rows


class Tables:
    """What is known of a server's tables, so that each process asks once a minute. Threads share it."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[str, tuple[float, dict[str, str]]] = {}  # until when, and its columns

    def ensure(self, account: Account, table: str, columns: Mapping[str, str], known_seconds: float) -> bool:
        """Make the table and the columns that are missing; return whether the table had to be made.

        It is not looked at again for `known_seconds`, unless it is forgotten.

        Raises `DestinationBroken` for a table that cannot be made, that takes no rows or has a column of another type.
        """
        until, known = self._known.get(table, (0.0, {}))
        if time.monotonic() < until and columns.items() <= known.items():
            return False
        made = not is_there(account, table)
        if made:
            # Explicitly: a table that Manticore makes by itself on a first write would not know Chinese words.
            _change(account, table, create_table(table, columns))
        else:
            self._complete(account, table, columns)
        self._known[table] = (time.monotonic() + known_seconds, {**known, **columns})
        return made

    def forget(self, table: str) -> None:
        """Look again: the table is not what it was."""
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
            if name not in describe(account, table):  # else another process was first
                raise


def describe(account: Account, table: str) -> dict[str, str]:
    """Return the columns of a table with their types; raises `Refused` where there is no such table."""
    return {str(row.get("Field")): str(row.get("Type")) for row in account.sql(f"DESC `{table}`")}


def is_there(account: Account, table: str) -> bool:
    """Return whether there is such a table; raises `DestinationBroken` for one that takes no rows."""
    # `_` stands for any character in the pattern, so the name is compared here. Its column is "Table" or, in older
    # versions, "Index". https://manual.manticoresearch.com/Listing_tables
    rows = account.sql(f"SHOW TABLES LIKE '{table}'")
    row = next((row for row in rows if table in (row.get("Table"), row.get("Index"))), None)
    if row is not None and (kind := str(row.get("Type") or _REAL_TIME)) != _REAL_TIME:
        raise DestinationBroken(
            f"The table {table!r} is of the type {kind!r}, which takes no rows: name a real-time table."
        )
    return row is not None


def _change(account: Account, table: str, statement: str) -> None:
    """Make or change a table. Where that is refused, no document is at fault, and none can be stored either."""
    try:
        account.sql(statement)
    except Refused as refused:
        raise DestinationBroken(f"The table {table!r} cannot be made as it is declared. {refused}") from None

"""Writes rows, many in one request, and sees to it that their table is there. It blocks: for threads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, RateLimited, RetryLater, Unreachable
from syncqueue.handlers.manticore.answers import Refusal, Refused
from syncqueue.handlers.manticore.client import Account
from syncqueue.handlers.manticore.row import Write, add_column, create_table, differing

# searchd's own limit for a request (max_packet_size) is 8 MB where nothing else is said.
REQUEST_BYTES = 4 * 1024 * 1024
# Somebody may drop a table by hand. Where Manticore makes missing ones by itself, a write would not tell.
KNOWN_SECONDS = 60.0
# In the way of the rest too: what one row met, the next would meet.
_WHY_AGAIN = (Refusal.NO_TABLE, Refusal.NO_COLUMN)

Problem = HandlerError | None


class Tables:
    """What is known of a server's tables, so that each process asks once a minute. Threads share it."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._known: dict[str, tuple[float, dict[str, str]]] = {}  # until when, and its columns

    def ensure(self, account: Account, table: str, columns: Mapping[str, str]) -> None:
        """Make the table and the columns that are missing; raises `DestinationBroken` for columns of another type."""
        until, known = self._known.get(table, (0.0, {}))
        if time.monotonic() < until and columns.items() <= known.items():
            return
        # Explicitly: a table that Manticore makes by itself on a first write would not know Chinese words.
        account.sql(create_table(table, columns))
        found = _describe(account, table)
        if wrong := differing(found, columns):
            raise DestinationBroken(
                f"The table {table!r} has {wrong[0]!r} as {found[wrong[0]]}, which is declared as "
                f"{columns[wrong[0]]!r}: name another table, or drop this one and resync."
            )
        for name in [name for name in columns if name not in found]:
            self._add(account, table, name, columns[name])
        self._known[table] = (time.monotonic() + KNOWN_SECONDS, {**known, **columns})

    def _add(self, account: Account, table: str, name: str, kind: str) -> None:
        try:
            account.sql(add_column(table, name, kind))
        except Refused:
            if name not in _describe(account, table):  # else another process was first
                raise

    def forget(self, table: str) -> None:
        """Look again: the table is not what it was."""
        self._known.pop(table, None)


def _describe(account: Account, table: str) -> dict[str, str]:
    return {str(row.get("Field")): str(row.get("Type")) for row in account.sql(f"DESC {table}")}


class Store:
    """Writes under one credential."""

    def __init__(self, account: Account, tables: Tables) -> None:
        """`tables`: of the same server."""
        self._account = account
        self._tables = tables

    def write(self, writes: Sequence[Write]) -> list[Problem]:
        """Write all; answers for each what it alone ended with. What is raised counts for all of them."""
        if len(writes) == 1:
            return [self._alone(writes[0])]
        # None of a refused transaction was stored, and which row was to blame is told by no version alike. What was
        # stored before is written again: every write comes to the same end twice.
        try:
            self._together(writes)
        except Refused as refused:
            if refused.why not in _WHY_AGAIN:
                return self._one_by_one(writes)
            for table in {one.table for one in writes}:
                self._tables.forget(table)
            try:
                self._together(writes)
            except Refused:
                return self._one_by_one(writes)
        return [None] * len(writes)

    def _together(self, writes: Sequence[Write]) -> None:
        for table, columns in _columns(writes).items():
            self._tables.ensure(self._account, table, columns)
        for number, lines in enumerate(_requests(writes)):
            try:
                self._account.bulk(lines)
            except (Unreachable, RateLimited, DestinationBroken) as error:
                if number:  # those say that nothing was stored, which holds for the first request alone
                    raise RetryLater(str(error)) from error
                raise

    def _one_by_one(self, writes: Sequence[Write]) -> list[Problem]:
        """Each for itself, up to what stops all: then the rest ends with that."""
        found: list[Problem] = []
        for write in writes:
            try:
                found.append(self._alone(write))
            except HandlerError as error:
                return [*found, *[error] * (len(writes) - len(found))]
        return found

    def _alone(self, write: Write) -> Problem:
        """What this one row ended with, if it was refused; raises what is no fault of the row."""
        try:
            self._send(write)
        except Refused as refused:
            if refused.why not in _WHY_AGAIN:
                return refused
            if write.values is None:
                return None  # no table, no row
            return self._again(write)
        return None

    def _again(self, write: Write) -> Problem:
        """The table was dropped or changed since it was looked at."""
        self._tables.forget(write.table)
        try:
            self._send(write)
        except PermanentError as refused:
            return refused
        return None

    def _send(self, write: Write) -> None:
        if write.values is None:
            self._account.delete(write.table, write.row_id)
            return
        self._tables.ensure(self._account, write.table, write.columns or {})
        self._account.replace(write.table, write.row_id, write.values)


def _columns(writes: Sequence[Write]) -> dict[str, dict[str, str]]:
    """The columns that each table needs, of all the models that are written to it."""
    found: dict[str, dict[str, str]] = {}
    for one in writes:
        if one.columns is not None:
            found.setdefault(one.table, {}).update(one.columns)
    return found


def _requests(writes: Sequence[Write]) -> Iterator[list[str]]:
    """Lines of bulk requests. Rows of one table stand together: each change of table ends a transaction."""
    for _, rows in groupby(sorted(writes, key=attrgetter("table")), key=attrgetter("table")):
        lines: list[str] = []
        size = 0
        for row in rows:
            line = row.line
            if lines and size + len(line) > REQUEST_BYTES:
                yield lines
                lines, size = [], 0
            lines.append(line)
            size += len(line) + 1
        yield lines

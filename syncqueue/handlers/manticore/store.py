"""Writes rows, many in one request, and creates missing tables. It blocks: run it in a thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from syncqueue.core.errors import HandlerError, PermanentError, Unavailable
from syncqueue.handlers.manticore.answers import Hindered, Refusal, Refused
from syncqueue.handlers.manticore.client import Account
from syncqueue.handlers.manticore.row import Write
from syncqueue.handlers.manticore.tables import Tables

# Maximum size of one request. searchd accepts 8 MB and more, but a request without a response at the end of the attempt
# is lost: with this size, a slow server makes progress.
REQUEST_BYTES = 1024 * 1024
# A person may drop a table. If Manticore creates missing tables itself, a write does not reveal that.
KNOWN_SECONDS = 60.0
# Errors that would stop the following rows too.
_WHY_AGAIN = (Refusal.NO_TABLE, Refusal.NO_COLUMN)
# After this many consecutive refusals without a reason in the rows, the server is the cause.
_MOST_HINDERED = 2

Problem = HandlerError | None
Numbered = tuple[int, Write]


class Store:
    """Writes with one credential, for one call of the handler."""

    def __init__(self, account: Account, tables: Tables) -> None:
        """`tables`: those of the same server."""
        self._account = account
        self._tables = tables
        self._rechecked: set[str] = set()
        self.made: set[str] = set()  # tables that had to be created

    def write(self, writes: Sequence[Write]) -> list[Problem]:
        """Write all rows; return for each its exception, or None. A raised exception applies to all of them.

        Completed writes stay valid whatever follows; rows that could not be written get the reason.
        """
        if len(writes) == 1:
            return [self._alone(writes[0])]
        self._ensure(writes)
        problems: list[Problem] = [None] * len(writes)
        requests = list(_requests(writes))
        for number, rows in enumerate(requests):
            try:
                for at, problem in self._request(rows):
                    problems[at] = problem
            except HandlerError as error:
                if number == 0:
                    raise
                for at, _write in [row for left in requests[number:] for row in left]:
                    problems[at] = error
                break
        return problems

    def _request(self, rows: Sequence[Numbered]) -> list[tuple[int, Problem]]:
        """Write the rows of one request, or one by one if it is refused; raises exceptions that apply to all rows."""
        writes = [write for _at, write in rows]
        try:
            self._bulk(writes)
        except (Refused, Hindered) as refused:
            # Nothing of a refused transaction was stored, and versions differ in how they name the refused row.
            if not isinstance(refused, Refused) or refused.why not in _WHY_AGAIN:
                return self._one_by_one(rows)
            for table in {one.table for one in writes}:
                self._tables.forget(table)
            self._ensure(writes)
            try:
                self._bulk(writes)
            except (Refused, Hindered):
                return self._one_by_one(rows)
        return [(at, None) for at, _write in rows]

    def _bulk(self, writes: Sequence[Write]) -> None:
        self._account.bulk(one.line for one in writes)

    def _one_by_one(self, rows: Sequence[Numbered]) -> list[tuple[int, Problem]]:
        """Write each row separately, until an exception that stops all: the remaining rows get that exception.

        A refusal without a reason in the row may still concern this row only. So one such row does not stop the others.
        """
        found: list[tuple[int, Problem]] = []
        hindered = 0
        for number, (at, write) in enumerate(rows):
            try:
                found.append((at, self._alone(write)))
                hindered = 0
            except HandlerError as error:
                hindered += 1
                if isinstance(error, Hindered) and hindered < _MOST_HINDERED:
                    found.append((at, error))
                    continue
                return [*found, *((left, error) for left, _write in rows[number:])]
        return found

    def _alone(self, write: Write) -> Problem:
        """Write one row; returns its exception if the row is refused, and raises those with another cause."""
        try:
            self._send(write)
        except Refused as refused:
            if refused.why not in _WHY_AGAIN:
                self._recheck(write)
                return refused
            if write.values is None:
                return None  # no table, no row
            return self._again(write)
        return None

    def _again(self, write: Write) -> Problem:
        """Write a row again after the table was dropped or changed."""
        self._tables.forget(write.table)
        try:
            self._send(write)
        except Refused as refused:
            if refused.why in _WHY_AGAIN:
                raise Unavailable(f"The table {write.table!r} was made, and yet: {refused}") from None
            return refused
        except PermanentError as refused:
            return refused
        return None

    def _recheck(self, write: Write) -> None:
        """Check the table after a refusal: if the type of a column was changed, every document is refused."""
        if write.columns is not None and write.table not in self._rechecked:
            self._rechecked.add(write.table)
            self._tables.forget(write.table)
            self._ensure([write])

    def _send(self, write: Write) -> None:
        if write.values is None:
            self._account.delete(write.table, write.row_id)
            return
        self._ensure([write])
        self._account.replace(write.table, write.row_id, write.values)

    def _ensure(self, writes: Sequence[Write]) -> None:
        for table, columns in _columns(writes).items():
            if self._tables.ensure(self._account, table, columns, KNOWN_SECONDS):
                self.made.add(table)


def _columns(writes: Sequence[Write]) -> dict[str, dict[str, str]]:
    """Return the columns that each table needs, for all models that are written to it."""
    found: dict[str, dict[str, str]] = {}
    for one in writes:
        if one.columns is not None:
            found.setdefault(one.table, {}).update(one.columns)
    return found


def _requests(writes: Sequence[Write]) -> Iterator[list[Numbered]]:
    """Yield the rows of bulk requests, with their indexes. Each request is one transaction, so it has one table."""
    for _, rows in groupby(sorted(enumerate(writes), key=_table_of), key=_table_of):
        request: list[Numbered] = []
        size = 0
        for at, row in rows:
            length = len(row.line) + 1
            if request and size + length > REQUEST_BYTES:
                yield request
                request, size = [], 0
            request.append((at, row))
            size += length
        yield request


def _table_of(row: Numbered) -> str:
    return row[1].table

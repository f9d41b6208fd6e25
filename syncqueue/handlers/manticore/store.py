"""Writes rows, many in one request, and sees to it that their table is there. It blocks, so it belongs into threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from syncqueue.core.errors import HandlerError, PermanentError, Unavailable
from syncqueue.handlers.manticore.answers import Hindered, Refusal, Refused
from syncqueue.handlers.manticore.client import Account
from syncqueue.handlers.manticore.row import Write
from syncqueue.handlers.manticore.tables import Tables

# What one request holds. searchd takes 8 MB and more, but what it has not answered when the attempt ends counts for
# nothing: a slow server gets on by steps of this size.
REQUEST_BYTES = 1024 * 1024
# Somebody may drop a table by hand. Where Manticore makes missing ones by itself, a write would not tell.
KNOWN_SECONDS = 60.0
# In the way of the rest too: what one row met, the next would meet.
_WHY_AGAIN = (Refusal.NO_TABLE, Refusal.NO_COLUMN)
# So many rows in a row that were refused without a reason in them: it is the server, not the rows.
_MOST_HINDERED = 2

Problem = HandlerError | None
Numbered = tuple[int, Write]


class Store:
    """Writes under one credential, for one call of the handler."""

    def __init__(self, account: Account, tables: Tables) -> None:
        """`tables`: of the same server."""
        self._account = account
        self._tables = tables
        self._rechecked: set[str] = set()
        self.made: set[str] = set()  # tables that had to be made

    def write(self, writes: Sequence[Write]) -> list[Problem]:
        """Write all; return for each the error that it ended with, or None. What is raised counts for all of them.

        What was answered counts, whatever comes after: rows that could not be written end with the reason.
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
        """Write the rows of one request, one by one where it is refused; raises what counts for all of them."""
        writes = [write for _at, write in rows]
        try:
            self._bulk(writes)
        except (Refused, Hindered) as refused:
            # Nothing of a refused transaction was stored, and no version says alike which row was to blame.
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
        """Each row for itself, up to an error that stops all: the rest ends with that.

        A refusal without a reason in the row may be the row's all the same. So one such row does not stop the others.
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
        """Return the error that this one row ended with, if it was refused; raises what is no fault of the row."""
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
        """Write a row again: the table was dropped or changed since it was looked at."""
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
        """Look at the table after a refusal: a column whose type was changed makes every document look wrong."""
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
    """The columns that each table needs, of all the models that are written to it."""
    found: dict[str, dict[str, str]] = {}
    for one in writes:
        if one.columns is not None:
            found.setdefault(one.table, {}).update(one.columns)
    return found


def _requests(writes: Sequence[Write]) -> Iterator[list[Numbered]]:
    """Rows of bulk requests, with their place among all. Each request is one transaction, so it has one table."""
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

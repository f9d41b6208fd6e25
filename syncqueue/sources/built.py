"""Statements whose SQL is built once and used again with other values.

Django takes several times as long to build some statements as the database takes to run them. These are written with
the ORM too, so that their SQL suits each database, but with slots in place of the values. The SQL is built for each
number of rows, and for each set of columns whose values differ between the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Model, QuerySet
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

from syncqueue.models import Destination, SyncRecord
from syncqueue.sources.case_by_key import CaseByKey

M = TypeVar("M", bound=Model)

_MOST_STATEMENTS = 256  # a worker uses some dozens
_KEY = "pk"


class _Slot(Expression):
    """A value of one row, which is given when the statement is executed."""

    def __init__(self, name: str, number: int) -> None:
        """`name`: see `_field`. `number`: of the row."""
        super().__init__(output_field=_field(name))
        self.name = name
        self.number = number

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, tuple[Any, ...]]:
        """Return a placeholder; its parameter is the slot."""
        return "%s", (self,)


def _field(name: str) -> Any:
    """Return the field of a value: a primary key, the owner of a destination, or a field of the record."""
    if name == _KEY:
        return SyncRecord._meta.pk
    return (Destination if name == "owner" else SyncRecord)._meta.get_field(name)


class Given:
    """The open values of a statement, as expressions."""

    def __init__(self, counts: Mapping[str, int], varying: frozenset[str] = frozenset()) -> None:
        """`counts`: of the values by name. `varying`: the names whose values differ between the rows of an update."""
        self._counts = counts
        self._varying = varying

    @property
    def keys(self) -> list[Any]:
        """The primary keys of the rows, for `pk__in`."""
        return self.several(_KEY)

    def several(self, name: str) -> list[Any]:
        """Return all values of a name."""
        return [_Slot(name, number) for number in range(self._counts[name])]

    def __getitem__(self, name: str) -> Any:
        """Return the one value of a name; in an update, that of each row."""
        if name not in self._varying:
            return _Slot(name, 0)
        rows = range(self._counts[_KEY])
        return CaseByKey(_field(name), {_Slot(_KEY, number): _Slot(name, number) for number in rows})


# The rows to update, and their new values.
Change: TypeAlias = tuple[QuerySet[SyncRecord], Mapping[str, Any]]


def read(query: Callable[..., QuerySet[M]], db: str, values: Mapping[str, Sequence[Any]], *form: Hashable) -> list[M]:
    """Return the rows of a query; its annotations are attributes of the rows.

    `values`: what the query takes from `Given`. `form`: further arguments of `query`, which decide what the SQL is.
    """
    padded = {name: _padded(list(some)) for name, some in values.items()}
    model, built = _built_query(query, db, tuple((name, len(some)) for name, some in padded.items()), form)
    return list(model._base_manager.using(db).raw(built.sql, built.params_with(padded, db)))


def primary_keys(query: Callable[..., QuerySet[Any]], db: str, keys: Sequence[int]) -> list[int]:
    """Return which of these primary keys a query of nothing else returns."""
    padded = _padded(list(keys))
    built = _built_query(query, db, ((_KEY, len(padded)),), ())[1]
    with connections[db].cursor() as cursor:
        cursor.execute(built.sql, built.params_with({_KEY: padded}, db))
        return [key for (key,) in cursor.fetchall()]


def read_keys(query: Callable[..., QuerySet[M]], db: str, keys: Sequence[int]) -> list[M]:
    """Return the rows of a query by primary key."""
    return read(query, db, {_KEY: keys}) if keys else []


def update(change: Callable[..., Change], db: str, rows: Mapping[int, Mapping[str, Any]], *form: Hashable) -> int:
    """Update records by primary key; returns how many were updated.

    `rows`: for each record the values that `change` takes from `Given`; not empty. `form`: as in `read`.
    """
    padded = _padded(list(rows.items()))
    values = {name: [row[name] for _, row in padded] for name in padded[0][1]}
    varying = frozenset(name for name, column in values.items() if any(one != column[0] for one in column))
    built = _built_update(change, db, len(padded), varying, form)
    params = built.params_with({_KEY: [key for key, _ in padded], **values}, db)
    with transaction.mark_for_rollback_on_error(using=db), connections[db].cursor() as cursor:
        cursor.execute(built.sql, params)
        return int(cursor.rowcount)


def _padded(rows: list[Any]) -> list[Any]:
    """Repeat the last row up to a power of two, so that there are few numbers of rows."""
    return rows + rows[-1:] * ((1 << (len(rows) - 1).bit_length()) - len(rows)) if rows else []


@dataclass(frozen=True, slots=True)
class _Built:
    sql: str
    params: tuple[Any, ...]

    def params_with(self, values: Mapping[str, Sequence[Any]], db: str) -> list[Any]:
        connection = connections[db]

        def value(one: Any) -> Any:
            if isinstance(one, list):
                return [value(each) for each in one]
            if isinstance(one, _Slot):
                return one.output_field.get_db_prep_save(values[one.name][one.number], connection)
            return one

        return [value(one) for one in self.params]


@lru_cache(maxsize=_MOST_STATEMENTS)
def _built_query(
    query: Callable[..., QuerySet[M]], db: str, counts: tuple[tuple[str, int], ...], form: tuple[Hashable, ...]
) -> tuple[type[M], _Built]:
    rows = query(Given(dict(counts)), *form)
    sql, params = rows.query.get_compiler(using=db).as_sql()
    return rows.model, _Built(sql, tuple(params))


@lru_cache(maxsize=_MOST_STATEMENTS)
def _built_update(
    change: Callable[..., Change], db: str, count: int, varying: frozenset[str], form: tuple[Hashable, ...]
) -> _Built:
    rows, values = change(Given({_KEY: count}, varying), *form)
    statement: Any = rows.query.chain(UpdateQuery)
    statement.add_update_values(values)
    sql, params = statement.get_compiler(using=db).as_sql()
    return _Built(sql, tuple(params))

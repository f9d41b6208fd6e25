"""A separate value for each record in one statement: `CASE id WHEN 1 THEN 'a' WHEN 2 THEN 'b' END`.

Django's `Case` with a `When` for each row, as in `bulk_update`, takes longer to build than the statement takes to run;
this expression generates the SQL directly. PostgreSQL gets two arrays, `('{a,b}')[array_position('{1,2}', id)]`,
because psycopg and the server take long to parse hundreds of branches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Field
from django.db.models.sql.compiler import SQLCompiler

from syncqueue.models import SyncRecord


def case_by_key(name: str, values: Mapping[int, Any]) -> Any:
    """Return an expression with a value of the field `name` for each primary key. `values` must not be empty."""
    first, *others = values.values()
    if all(value == first for value in others):
        return first
    field = SyncRecord._meta.get_field(name)
    if not isinstance(field, Field):
        raise TypeError(f"{name} is no column of a record.")
    return CaseByKey(field, values)


class CaseByKey(Expression):
    """The expression, also where all values are equal."""

    def __init__(self, field: Field[Any, Any], values: Mapping[Any, Any]) -> None:
        """`values`: the value for each primary key; expressions among them become parameters as they are."""
        super().__init__(output_field=field)
        self._values = values

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL and its parameters."""
        params: list[Any] = []
        for key, value in zip(self._values, self._prepared(connection), strict=True):
            params += (key, value)
        return f"CASE {_key_column(connection)}{' WHEN %s THEN %s' * len(self._values)} END", tuple(params)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL and its parameters, which are two lists."""
        values, keys = self.output_field.db_type(connection), SyncRecord._meta.pk.rel_db_type(connection)
        sql = f"(%s::{values}[])[array_position(%s::{keys}[], {_key_column(connection)})]"
        return sql, (self._prepared(connection), list(self._values))

    def _prepared(self, connection: BaseDatabaseWrapper) -> list[Any]:
        field = self.output_field
        return [
            one if isinstance(one, Expression) else field.get_db_prep_save(one, connection)
            for one in self._values.values()
        ]


def _key_column(connection: BaseDatabaseWrapper) -> str:
    meta = SyncRecord._meta
    return ".".join(connection.ops.quote_name(name) for name in (meta.db_table, str(meta.pk.column)))

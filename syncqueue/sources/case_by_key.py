"""A separate value for each record in one statement: `CASE id WHEN 1 THEN 'a' WHEN 2 THEN 'b' END`.

Django's `Case` with a `When` for each row, as in `bulk_update`, takes longer to build than the statement takes to run;
this expression generates the SQL directly.
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
        field, meta = self.output_field, SyncRecord._meta
        params: list[Any] = []
        for key, value in self._values.items():
            params += (key, value if isinstance(value, Expression) else field.get_db_prep_save(value, connection))
        column = ".".join(connection.ops.quote_name(name) for name in (meta.db_table, str(meta.pk.column)))
        sql = f"CASE {column}{' WHEN %s THEN %s' * len(self._values)} END"
        if connection.features.requires_casted_case_in_updates:
            sql = f"CAST({sql} AS {field.db_type(connection)})"
        return sql, tuple(params)

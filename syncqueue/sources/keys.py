"""The spelling of a primary key in records: one text per key, whatever spelling the site uses.

`Note(pk=uuid4().hex)`, `Note(pk=str(uuid4()).upper())` and the row read from the database are the same object, so their
keys must have the same text. Every writer and reader of `SyncRecord.object_pk` uses these functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import DecimalField, Field, ForeignObject, IntegerField, Model
from django.utils import timezone

from syncqueue.models import SyncRecord

# The length of the column in a record.
MAX_CHARACTERS: int = SyncRecord._meta.get_field("object_pk").max_length or 200


class UnreadableKey(ValueError):
    """A text that is not a key of the model (any more)."""


def key_text(model: type[Model], value: Any) -> str:
    """Return the text of a primary key. Raises `UnreadableKey` for a value that is not a key of the model."""
    field = _column(model)
    return _spell(field, _to_python(field, value))


def key_of(model: type[Model], value: Any) -> Any:
    """Return the primary key for a text or another spelling. Raises `UnreadableKey`."""
    return _to_python(_column(model), value)


def keys_of(model: type[Model], texts: Iterable[str]) -> dict[str, Any]:
    """Return the primary keys by their texts; a text that is not a key of the model (any more) is left out."""
    found: dict[str, Any] = {}
    for text in texts:
        with suppress(UnreadableKey):
            found[text] = key_of(model, text)
    return found


def _column(model: type[Model]) -> Field[Any, Any]:
    """Return the field of the key; for a child table, the one of its parent table."""
    field: Any = model._meta.pk
    while isinstance(field, ForeignObject):
        field = field.target_field
    return field  # type: ignore[no-any-return]


def _to_python(field: Field[Any, Any], value: Any) -> Any:
    if isinstance(value, Model):
        value = value.pk
    try:
        found = field.to_python(value)
        if isinstance(field, IntegerField) and found is not None:
            field.run_validators(found)  # a value outside the column's range would make the query of a whole chunk fail
        return found
    except (ValidationError, TypeError, ValueError, ArithmeticError) as error:
        text = f"{value!r} is no key of {field.model._meta.label}, whose key is a {type(field).__name__}"
        raise UnreadableKey(text) from error


def _spell(field: Field[Any, Any], value: Any) -> str:
    match value:
        case datetime():
            if timezone.is_naive(value) and settings.USE_TZ:
                value = timezone.make_aware(value, timezone.get_default_timezone())
            return str(value if timezone.is_naive(value) else value.astimezone(UTC))
        case Decimal() if isinstance(field, DecimalField) and value.is_finite():
            return f"{value:.{field.decimal_places}f}"
    return str(value)

"""Turns a document into a row: its id, its columns and their values. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document, DocumentJob, RemotePart
from syncqueue.handlers.search_fields import TYPES

KIND = "row"
TABLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
MAX_ID = 2**64 - 1
# A declared type -> the word of CREATE TABLE, and the one that DESCRIBE shows for it.
SQL_TYPES: Mapping[str, tuple[str, str]] = {
    "text": ("text", "text"),
    "string": ("string", "string"),
    "integer": ("integer", "uint"),
    "bigint": ("bigint", "bigint"),
    "float": ("float", "float"),
    "boolean": ("bool", "bool"),
    "timestamp": ("timestamp", "timestamp"),
    "multi": ("multi", "mva"),
    "json": ("json", "json"),
}
# Every row leads back to its object, and can be searched without any declaration. The last ones may be declared anew.
OWN_COLUMNS: Mapping[str, str] = {"object_source": "string", "object_pk": "string"}
DOCUMENT_COLUMNS: Mapping[str, str] = {
    "title": "text", "content": "text", "tags": "text", "url": "string", "is_private": "boolean",
}  # fmt: skip
# Words in Chinese, Japanese and Thai are not divided by spaces: each sign counts as a word, and is found in a row.
TABLE_OPTIONS = "charset_table = 'non_cont' ngram_len = '1' ngram_chars = 'cont'"
_PK_BITS = 40
_PK_MASK = (1 << _PK_BITS) - 1
_HASH_MASK = 2**63 - 1  # ids are unsigned, but not every client of a site reads them so


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One row to be put into a table, or (without values) to be taken out of it."""

    table: str
    row_id: int
    values: Mapping[str, Any] | None = None
    columns: Mapping[str, str] | None = None  # name -> declared type, of a row that is put there

    @property
    def line(self) -> str:
        """The row as a line of a bulk request; ASCII, so its length is its size in bytes."""
        body: dict[str, Any] = {"table": self.table, "id": self.row_id}
        if self.values is None:
            return json.dumps({"delete": body})
        return json.dumps({"replace": {**body, "doc": self.values}})

    @property
    def part(self) -> RemotePart:
        """The row as the record stores it."""
        return RemotePart(kind=KIND, id=str(self.row_id), address=self.table)


def row_id(source: str, object_pk: str) -> int:
    """Return the row's id, always the same for an object, so that writing it again replaces it.

    Whole numbers up to 2**40 stand in the lower 40 bits as they are, under 23 bits that are a hash of the source:
    objects of one model never collide, and those of two models in one table only if these bits are equal, which is
    one chance in 8 million.
    Other keys (UUIDs, texts) are a hash of 63 bits: among a million objects two are equal with a probability of
    1 in 18 million. Never 0, which would ask Manticore for an id of its own. A site that wants the keys as they are
    returns them from `ModelSync.existing_remote`, and keeps each model in a table of its own.
    """
    if object_pk.isdecimal() and object_pk.isascii() and 0 < int(object_pk) <= _PK_MASK:
        return (_hash(source) << _PK_BITS) & _HASH_MASK | int(object_pk)
    return _hash(f"{source}:{object_pk}") & _HASH_MASK or 1


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def put(job: DocumentJob) -> Write:
    """Return the row that shows a job's document; raises `PermanentError` for a value its column cannot hold."""
    columns = columns_of(job.document)
    values = {
        **values_of(job.document),
        "object_source": job.source,
        "object_pk": job.object_pk,
    }
    number = id_of(job.parts[0]) if job.parts else row_id(job.source, job.object_pk)
    return Write(table=job.place.address, row_id=number, values=values, columns=columns)


def take_away(job: DocumentJob) -> list[Write]:
    """Return the removals of the rows that a job's parts are."""
    return [Write(table=part.address or job.place.address, row_id=id_of(part)) for part in job.parts]


def id_of(part: RemotePart) -> int:
    """Return the id that a part names; raises `PermanentError` for an adopted one that is none."""
    if part.id.isdecimal() and part.id.isascii() and 0 < int(part.id) <= MAX_ID:
        return int(part.id)
    raise PermanentError(f"{part.id[:40]!r} is no id of a row: those are whole numbers from 1 to {MAX_ID}.")


def columns_of(document: Document) -> dict[str, str]:
    """Return the columns of a document's table, by name with their declared types."""
    return {**OWN_COLUMNS, **DOCUMENT_COLUMNS, **document.field_types}


def create_table(table: str, columns: Mapping[str, str]) -> str:
    """Return the statement that makes the table, if it is not there."""
    text = ", ".join(f"`{name}` {SQL_TYPES[kind][0]}" for name, kind in columns.items())
    return f"CREATE TABLE IF NOT EXISTS `{table}` ({text}) {TABLE_OPTIONS}"


def add_column(table: str, name: str, kind: str) -> str:
    """Return the statement that adds a column that was declared later."""
    return f"ALTER TABLE `{table}` ADD COLUMN `{name}` {SQL_TYPES[kind][0]}"


def differing(found: Mapping[str, str], columns: Mapping[str, str]) -> Sequence[str]:
    """Return the columns that are there with another type than declared. `found`: the types that DESCRIBE shows."""
    return [name for name, kind in columns.items() if name in found and found[name] not in SQL_TYPES[kind]]


def values_of(document: Document) -> dict[str, Any]:
    """Return what a row holds of a document; raises `PermanentError` for a value its column cannot hold."""
    return {**_document_values(document), **_declared_values(document)}


def _document_values(document: Document) -> dict[str, Any]:
    values = {
        "title": _checked("title", "text", document.title),
        "content": _checked("text", "text", document.text),
        "tags": _checked("tags", "text", ", ".join(document.tags)),
        "url": _checked("url", "string", document.url),
        "is_private": document.is_private,
    }
    return {name: value for name, value in values.items() if name not in document.field_types}


def _declared_values(document: Document) -> dict[str, Any]:
    """The checked values of `Document.fields`. What is None or missing is left to Manticore: 0, or empty."""
    values: dict[str, Any] = {}
    for name, value in document.fields.items():
        kind = document.field_types.get(name)
        if kind is None:
            raise PermanentError(f"Document.fields has {name!r}, but ModelSync.search_fields does not declare it.")
        checked = None if value is None else _checked(name, kind, value)
        if checked is not None:
            values[name] = checked
    return values


def _checked(name: str, kind: str, value: Any) -> Any:
    """The value as it is sent; raises `PermanentError` for one that Manticore would store as another."""
    try:
        return TYPES[kind](value)
    except ValueError as error:
        # The value itself is not shown: it is somebody's content.
        found = type(value).__name__
        raise PermanentError(f"The field {name!r} is {kind}: expected {error}, got a value of type {found}.") from None

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
# A declared type -> its name in CREATE TABLE, and its name in the output of DESCRIBE.
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
# Columns of every row: they identify its object and make it searchable. The last ones may be declared with other types.
OWN_COLUMNS: Mapping[str, str] = {"object_source": "string", "object_pk": "string"}
DOCUMENT_COLUMNS: Mapping[str, str] = {
    "title": "text", "content": "text", "tags": "text", "url": "string", "is_private": "boolean",
}  # fmt: skip
# Chinese, Japanese and Thai have no spaces between words: each character counts as a word, and words are phrases.
TABLE_OPTIONS = "charset_table = 'non_cont' ngram_len = '1' ngram_chars = 'cont'"
_PK_BITS = 40
_PK_MASK = (1 << _PK_BITS) - 1
_HASH_MASK = 2**63 - 1  # ids are unsigned, but some clients read them as signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One row to write to a table or, without values, to delete from it."""

    table: str
    row_id: int
    values: Mapping[str, Any] | None = None
    columns: Mapping[str, str] | None = None  # name -> declared type, for a row to write

    @property
    def line(self) -> str:
        """Return the row as a line of a bulk request; it is ASCII, so its length is its size in bytes."""
        body: dict[str, Any] = {"table": self.table, "id": self.row_id}
        if self.values is None:
            return json.dumps({"delete": body})
        return json.dumps({"replace": {**body, "doc": self.values}})

    @property
    def part(self) -> RemotePart:
        """Return the row as a remote part."""
        return RemotePart(kind=KIND, id=str(self.row_id), address=self.table)


def row_id(source: str, object_pk: str) -> int:
    """Return the row's id, always the same for an object, so that writing it again replaces it.

    Whole numbers up to 2**40 are stored unchanged in the lower 40 bits, below 23 bits with a hash of the source:
    objects of one model never collide, and those of two models in one table only if these bits are equal, which has
    a probability of 1 in 8 million.
    Other keys (UUIDs, texts) are a hash of 63 bits: among a million objects two are equal with a probability of
    1 in 18 million. Never 0, for which Manticore would assign an id. A site that wants unchanged keys
    returns them from `ModelSync.existing_remote`, and keeps each model in a separate table.
    """
    if object_pk.isdecimal() and object_pk.isascii() and 0 < int(object_pk) <= _PK_MASK:
        return (_hash(source) << _PK_BITS) & _HASH_MASK | int(object_pk)
    return _hash(f"{source}:{object_pk}") & _HASH_MASK or 1


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def put(job: DocumentJob) -> Write:
    """Return the row of a job's document; raises `PermanentError` for a value that its column cannot store."""
    columns = columns_of(job.document)
    values = {
        **values_of(job.document),
        "object_source": job.source,
        "object_pk": job.object_pk,
    }
    number = id_of(job.parts[0]) if job.parts else row_id(job.source, job.object_pk)
    return Write(table=job.place.address, row_id=number, values=values, columns=columns)


def take_away(job: DocumentJob) -> list[Write]:
    """Return the deletions of the rows of a job's parts."""
    return [Write(table=part.address or job.place.address, row_id=id_of(part)) for part in job.parts]


def id_of(part: RemotePart) -> int:
    """Return the id of a part; raises `PermanentError` for an adopted part with a malformed id."""
    if part.id.isdecimal() and part.id.isascii() and 0 < int(part.id) <= MAX_ID:
        return int(part.id)
    raise PermanentError(f"{part.id[:40]!r} is no id of a row: those are whole numbers from 1 to {MAX_ID}.")


def columns_of(document: Document) -> dict[str, str]:
    """Return the columns of a document's table, by name with their declared types."""
    return {**OWN_COLUMNS, **DOCUMENT_COLUMNS, **document.field_types}


def create_table(table: str, columns: Mapping[str, str]) -> str:
    """Return the statement that creates the table if it does not exist."""
    text = ", ".join(f"`{name}` {SQL_TYPES[kind][0]}" for name, kind in columns.items())
    return f"CREATE TABLE IF NOT EXISTS `{table}` ({text}) {TABLE_OPTIONS}"


def add_column(table: str, name: str, kind: str) -> str:
    """Return the statement that adds a column that was declared later."""
    return f"ALTER TABLE `{table}` ADD COLUMN `{name}` {SQL_TYPES[kind][0]}"


def differing(found: Mapping[str, str], columns: Mapping[str, str]) -> Sequence[str]:
    """Return the existing columns whose type differs from the declared one. `found`: the types from DESCRIBE."""
    return [name for name, kind in columns.items() if name in found and found[name] not in SQL_TYPES[kind]]


def values_of(document: Document) -> dict[str, Any]:
    """Return the values of a row for a document; raises `PermanentError` for a value that its column cannot store."""
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
    """Return the validated values of `Document.fields`. None and missing values are left to Manticore: 0, or empty."""
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
    """Return the value to send; raises `PermanentError` for a value that Manticore would store as another one."""
    try:
        return TYPES[kind](value)
    except ValueError as error:
        # The value itself is not shown, because it is content of the site.
        found = type(value).__name__
        raise PermanentError(f"The field {name!r} is {kind}: expected {error}, got a value of type {found}.") from None

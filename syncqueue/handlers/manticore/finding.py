"""Searches a table: rows with the exact phrase come first, then rows with all of the words."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import manticoresearch

from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.manticore.answers import Refusal, Refused
from syncqueue.handlers.manticore.client import Account
from syncqueue.handlers.manticore.handler import ManticoreHandler
from syncqueue.handlers.manticore.row import TABLE_NAME
from syncqueue.handlers.registry import shared_handler

SEARCH_SECONDS = 3.0  # time limit; a person is waiting
MAX_LIMIT = 1000
MAX_REACH = 10_000  # the last reachable match: Manticore keeps this many in memory for each search
MAX_WORDS = 50  # maximum words of a query; the rest is ignored
MAX_CHARACTERS = 2000  # maximum length of a query
MATCH_ALL_SCORE = 1  # Manticore's weight for a row if no word was compared
# The operators of a query string, which become spaces. Other characters are left to the settings of the table, which
# split documents into words too: many combining marks are letters there.
# https://manual.manticoresearch.com/Searching/Full_text_matching/Operators
_OPERATORS: Final = str.maketrans(dict.fromkeys('"()|!-@~&/^$=<>*?%\\[]{}\0', " "))
_INT64: Final = 2**63 - 1
_RANGE_WORDS: Final = frozenset({"gt", "gte", "lt", "lte"})

Filters = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row that was found, with the source and key of its object."""

    source: str  # "notes.note"
    object_pk: str
    id: int  # id of the row
    score: int
    values: Mapping[str, Any]  # the row's columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A page of search results."""

    total: int  # number of results on all pages
    hits: Sequence[Hit] = ()


def search(
    table: str,
    query: str,
    filters: Filters | None = None,
    limit: int = 20,
    offset: int = 0,
    *,
    service: str = "manticore",
    secret: Mapping[str, str] | None = None,
) -> Results:
    """Return the rows of a table that match a query, those with the exact phrase first; blocks for at most 3 s.

    All `filters` must match: {"userid": 7}, {"isprivate": False}, {"userid": [7, 8]}, {"createdat": {"gte": moment}}.
    A query without words finds nothing, and so does a search in a table that does not exist yet. `secret` is the
    destination's, if the server needs one. Raises `HandlerError` if the server is unavailable or refuses,
    `ValueError` for an impossible filter or page, and `ConfigurationError` if the service is not enabled.
    """
    if not TABLE_NAME.fullmatch(table):
        raise ValueError(f"{table!r:.80} is no name of a table.")
    if not 0 < limit <= MAX_LIMIT or offset < 0:
        raise ValueError(f"limit: from 1 to {MAX_LIMIT}; offset: 0 or more.")
    conditions = [_condition(name, value) for name, value in (filters or {}).items()]
    words = words_of(query)
    limit = min(limit, MAX_REACH - offset)
    if not words or limit <= 0:
        return Results(total=0)
    handler = shared_handler(service)
    if not isinstance(handler, ManticoreHandler):
        raise ConfigurationError(f"SYNCQUEUE['HANDLERS'][{service!r}] is not Manticore Search.")
    account = handler.client.account(secret or {}, SEARCH_SECONDS)
    try:
        return _Search(account, table, conditions).page(words, limit, offset)
    except Refused as refused:
        if refused.why is Refusal.NO_TABLE:
            return Results(total=0)
        raise


def words_of(query: str) -> list[str]:
    """Return the words of a query, without operators; a word has a letter, a digit or a combining mark."""
    text = query[:MAX_CHARACTERS].encode("utf-8", "replace").decode().translate(_OPERATORS)
    return [word for word in text.split() if any(unicodedata.category(sign)[0] in "LNM" for sign in word)][:MAX_WORDS]


class _Search:
    """One table with one set of conditions."""

    def __init__(self, account: Account, table: str, conditions: Sequence[Mapping[str, Any]]) -> None:
        self._account = account
        self._table = table
        self._conditions = conditions

    def page(self, words: Sequence[str], limit: int, offset: int) -> Results:
        """Search twice, for the phrase and for the words without it, so that pages neither repeat nor skip rows."""
        phrase = f'"{" ".join(words)}"'
        first = self._ask(phrase, limit, offset)
        if first is None:
            return Results(total=0)
        if len(words) == 1:
            return first
        left = limit - len(first.hits)
        # Even if the page is full already, because the total counts both. Each word is quoted, because MAYBE, SENTENCE
        # and others are operators.
        quoted = " ".join(f'"{word}"' for word in words)
        others = f"({quoted}) -{phrase}"
        rest = self._ask(others, max(left, 1), max(offset - first.total, 0)) or Results(total=0)
        return Results(total=first.total + rest.total, hits=(*first.hits, *rest.hits[:left]))

    def _ask(self, text: str, limit: int, offset: int) -> Results | None:
        """Return the matching rows; None if the table's settings see no word in the query, so all rows match."""
        answer = self._account.search(
            {
                "table": self._table,
                "query": {"bool": {"must": [{"query_string": text}, *self._conditions]}},
                "sort": [{"_score": "desc"}, {"id": "desc"}],
                "limit": limit,
                "offset": offset,
                "max_matches": max(offset + limit, MAX_LIMIT),
            }
        )
        hits = tuple(_hit(one) for one in (answer.hits.hits or ())) if answer.hits else ()
        if any(hit.score <= MATCH_ALL_SCORE for hit in hits):
            return None
        return Results(total=(answer.hits.total or 0) if answer.hits else 0, hits=hits)


def _hit(one: manticoresearch.HitsHits) -> Hit:
    values = one.source or {}
    return Hit(
        source=str(values.get("object_source", "")),
        object_pk=str(values.get("object_pk", "")),
        id=one.id or 0,
        score=one.score or 0,
        values=values,
    )


def _condition(name: str, value: Any) -> dict[str, Any]:
    """Return a filter in Manticore's syntax."""
    if not TABLE_NAME.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name of a column.")
    if isinstance(value, Mapping):
        if not value or not value.keys() <= _RANGE_WORDS:
            raise ValueError(f"The filter {name!r}: a range has {', '.join(sorted(_RANGE_WORDS))}.")
        return {"range": {name: {word: _comparable(name, bound) for word, bound in value.items()}}}
    if isinstance(value, list | tuple | set | frozenset):
        if not value:
            raise ValueError(f"The filter {name!r} allows no value at all.")
        return {"in": {name: [_comparable(name, one) for one in value]}}
    return {"equals": {name: _comparable(name, value)}}


def _comparable(name: str, value: Any) -> int | float | str:
    """Return a value in the form that Manticore compares; raises `ValueError` for one that no column can have."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return math.floor(value.timestamp())
    if isinstance(value, int) and abs(value) <= _INT64:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and "\0" not in value:
        return value.encode("utf-8", "replace").decode()  # lone surrogates are stored in this form
    raise ValueError(
        f"The filter {name!r}: expected a finite number of 64 bits, a text, a bool or a datetime with time zone."
    )

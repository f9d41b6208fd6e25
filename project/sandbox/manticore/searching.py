"""The search request: full-text queries and filters on attributes, order and page of the hits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .columns import coerced
from .errors import query_refused
from .fulltext import Node, QueryString, all_words, indexed, phrase, word_nodes
from .tables import Row, Table, Tables
from .writes import table_name

MAX_MATCHES = 1000
DEFAULT_LIMIT = 20
Filter = Callable[[int, Row], bool]


@dataclass(slots=True)
class Wanted:
    """What a search asks for."""

    texts: list[Node] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)


def search(tables: Tables, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a search. Raises `Refusal`, with 500 for everything that is wrong with the request."""
    name = table_name(body)
    table = tables.by_name.get(name)
    if table is None:
        raise query_refused(f"unknown local table(s) '{name}' in search request")
    wanted = Wanted()
    _read(table, body.get("query") or {"match_all": {}}, wanted)
    hits = _hits(table, wanted)
    _sort(table, hits, body.get("sort"))
    offset, limit = _page(body)
    shown = [_shown(hit, body.get("_source")) for hit in hits[offset : offset + limit]]
    return {
        "took": 0,
        "timed_out": False,
        "hits": {"total": len(hits), "total_relation": "eq", "hits": shown},
    }


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    offset, limit = int(body.get("offset") or 0), int(body.get("limit", body.get("size", DEFAULT_LIMIT)))
    most = int(body.get("max_matches") or MAX_MATCHES)
    if offset >= most:
        raise query_refused(f"offset out of bounds (offset={offset}, max_matches={most})")
    return offset, min(limit, most - offset)


def _hits(table: Table, wanted: Wanted) -> list[dict[str, Any]]:
    """Rows with their weight. Texts that ask for no word match every row."""
    asked = tuple(word for node in wanted.texts for word in all_words(node))
    hits = []
    for row_id, row in table.rows.items():
        words = indexed(table, row)
        if all(words.matches(node) for node in wanted.texts) and all(ok(row_id, row) for ok in wanted.filters):
            hits.append({"_id": row_id, "_score": words.weight(asked) if asked else 1, "_source": row})
    return sorted(hits, key=lambda hit: (-hit["_score"], hit["_id"]))


def _shown(hit: dict[str, Any], names: Any) -> dict[str, Any]:
    if not isinstance(names, list) or "*" in names:
        return hit
    return {**hit, "_source": {name: value for name, value in hit["_source"].items() if name in names}}


def _read(table: Table, query: Mapping[str, Any], wanted: Wanted) -> None:
    for kind, value in query.items():
        match kind:
            case "match_all":
                continue
            case "query_string":
                _add(wanted, QueryString(table, str(value)).read())
            case "match":
                _add(wanted, _match(table, value))
            case "match_phrase":
                ((names, text),) = value.items()
                _add(wanted, phrase(table, _text(text), names.split(",")))
            case "bool":
                _read_bool(table, value, wanted)
            case "equals" | "in" | "range":
                wanted.filters.append(_filter(table, kind, value))
            case _:
                raise query_refused(f"unknown full-text node '{kind}'")


def _add(wanted: Wanted, node: Node | None) -> None:
    if node is not None:
        wanted.texts.append(node)


def _text(value: Any) -> str:
    return str(value["query"]) if isinstance(value, dict) else str(value)


def _match(table: Table, value: Mapping[str, Any]) -> Node | None:
    ((names, given),) = value.items()
    words = word_nodes(table, _text(given), names.split(","))
    operator = str(given.get("operator", "or")).lower() if isinstance(given, dict) else "or"
    return Node(kind="all" if operator == "and" else "any", nodes=words) if words else None


def _read_bool(table: Table, value: Mapping[str, Any], wanted: Wanted) -> None:
    for inner in _list(value.get("must")) + _list(value.get("filter")):
        _read(table, inner, wanted)
    for inner in _list(value.get("must_not")):
        excluded = Wanted()
        _read(table, inner, excluded)
        wanted.texts += [Node(kind="not", nodes=[node]) for node in excluded.texts]
        wanted.filters += [_negated(ok) for ok in excluded.filters]
    should = []
    for inner in _list(value.get("should")):
        one = Wanted()
        _read(table, inner, one)
        should += one.texts
    if should:
        wanted.texts.append(Node(kind="any", nodes=should))


def _negated(ok: Filter) -> Filter:
    return lambda row_id, row: not ok(row_id, row)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] if value else []


def _filter(table: Table, kind: str, given: Mapping[str, Any]) -> Filter:
    ((name, wanted),) = given.items()
    column = "bigint" if name == "id" else table.columns.get(name)
    if column is None or column == "text":
        raise query_refused(f"table {table.name}: unsupported filter column '{name}'")

    def value(row_id: int, row: Row) -> Any:
        return row_id if name == "id" else row[name]

    if kind == "range":
        bounds = {word: coerced(column, bound) for word, bound in wanted.items()}
        return lambda row_id, row: _is_within(value(row_id, row), bounds)
    allowed = [coerced(column, one) for one in (wanted if kind == "in" else [wanted])]
    return lambda row_id, row: value(row_id, row) in allowed


def _is_within(value: Any, bounds: Mapping[str, Any]) -> bool:
    tests: dict[str, Callable[[Any], bool]] = {
        "gt": lambda bound: value > bound,
        "gte": lambda bound: value >= bound,
        "lt": lambda bound: value < bound,
        "lte": lambda bound: value <= bound,
    }
    return all(tests[word](bound) for word, bound in bounds.items())


def _sort(table: Table, hits: list[dict[str, Any]], sort: Any) -> None:
    """By columns, the first one first: `["createdat", {"title": "desc"}, {"userid": {"order": "asc"}}]`."""
    for entry in reversed(_list(sort)):
        ((name, order),) = (
            entry.items() if isinstance(entry, dict) else ((entry, "desc" if entry == "_score" else "asc"),)
        )
        order = order.get("order", "asc") if isinstance(order, dict) else order
        if name not in ("_score", "id") and name not in table.columns:
            raise query_refused(f"table {table.name}: sort-by attribute '{name}' not found")
        inner = {"_score": "_score", "id": "_id"}.get(name)
        hits.sort(key=lambda hit: hit[inner] if inner else hit["_source"][name], reverse=order == "desc")  # noqa: B023

"""Queries in Manticore's own words: `hello world`, `"a phrase"`, `one | other`, `this -that`, `@title word`, (...)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import query_refused
from .tables import Row, Table
from .tokens import tokens

# Operators in capitals, unless they are quoted. The last two need a table that knows where sentences end.
_WORD_OPERATORS = ("MAYBE", "SENTENCE", "PARAGRAPH")
_PARTS = re.compile(r'\\.|"(?:[^"\\]|\\.)*"|["()|!]|-|@\w+|@\*|[^\s"()|!@\\-]+|\S', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A query as a tree. `kind`: "words" (all in a row: a phrase), "all", "any" or "not"."""

    kind: str
    words: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  # the columns that are looked at
    nodes: Sequence[Node] = field(default=())


@dataclass(frozen=True, slots=True)
class Indexed:
    """A row's texts as words, by column."""

    words: dict[str, list[str]]

    def matches(self, node: Node) -> bool:
        match node.kind:
            case "words":
                return any(self._position(name, node.words) for name in node.fields)
            case "all":
                return all(self.matches(inner) for inner in node.nodes)
            case "any":
                return any(self.matches(inner) for inner in node.nodes)
        return not self.matches(node.nodes[0])

    def _position(self, name: str, words: tuple[str, ...]) -> bool:
        own, count = self.words.get(name, []), len(words)
        return any(tuple(own[at : at + count]) == words for at in range(len(own) - count + 1))

    def weight(self, asked: tuple[str, ...]) -> int:
        """As the default ranker weighs: above all by the longest stretch of the query that stands in a row."""
        longest = max((self._stretch(own, asked) for own in self.words.values()), default=0)
        return 1000 * longest + sum(min(own.count(word), 9) for own in self.words.values() for word in set(asked))

    @staticmethod
    def _stretch(own: list[str], asked: tuple[str, ...]) -> int:
        best, before = 0, [0] * (len(asked) + 1)
        for word in own:
            now = [0] * (len(asked) + 1)
            for at, other in enumerate(asked, 1):
                now[at] = before[at - 1] + 1 if word == other else 0
            best, before = max(best, *now), now
        return best


def indexed(table: Table, row: Row) -> Indexed:
    """A row ready to be matched."""
    return Indexed({name: tokens(row[name], table.options) for name in table.text_columns})


def phrase(table: Table, text: str, names: Sequence[str]) -> Node | None:
    """The words of `text` in a row, in one of these columns. None: there are no words in it."""
    words = tuple(tokens(text, table.options))
    return Node(kind="words", words=words, fields=_columns(table, names)) if words else None


def word_nodes(table: Table, text: str, names: Sequence[str]) -> list[Node]:
    """Each word of `text` by itself."""
    fields = _columns(table, names)
    return [Node(kind="words", words=(word,), fields=fields) for word in tokens(text, table.options)]


def _columns(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    if "*" in names:
        return tuple(table.text_columns)
    for name in names:
        if name not in table.text_columns:
            raise query_refused(f"table {table.name}: query error: no field '{name}' found in schema")
    return tuple(names)


def all_words(node: Node | None) -> tuple[str, ...]:
    """The words that are asked for, in order; those behind a "not" are left out."""
    if node is None or node.kind == "not":
        return ()
    return node.words + tuple(word for inner in node.nodes for word in all_words(inner))


class QueryString:
    """Reads one query string by descent. Raises `Refusal` for what cannot be read."""

    def __init__(self, table: Table, text: str) -> None:
        self._table = table
        self._parts = _PARTS.findall(text)
        self._names: Sequence[str] = ("*",)

    def read(self) -> Node | None:
        """The tree; None when the query asks for nothing at all, so that every row matches."""
        node = self._any()
        if self._parts:
            raise self._syntax_error(self._parts[0])
        if node is not None and node.kind == "not":
            raise query_refused(f"table {self._table.name}: query error: query is non-computable (single NOT operator)")
        return node

    def _any(self) -> Node | None:
        found = [self._all()]
        while self._parts[:1] == ["|"]:
            self._parts.pop(0)
            found.append(self._all())
        return _joined("any", [node for node in found if node])

    def _all(self) -> Node | None:
        found: list[Node] = []
        while self._parts and self._parts[0] not in ("|", ")"):
            found += self._one()
        return _joined("all", found)

    def _one(self) -> list[Node]:
        part = self._parts.pop(0)
        if part in _WORD_OPERATORS:
            return self._word_operator(part)
        if part == '"':
            raise self._syntax_error("$end")
        if part in ("-", "!"):
            inner = self._one() if self._parts else []
            return [Node(kind="not", nodes=inner[:1])] if inner else []
        if part == "(":
            return self._group()
        if part.startswith("@"):
            self._names = (part[1:],)
            _columns(self._table, self._names)
            return []
        if part.startswith('"'):
            node = phrase(self._table, part[1:-1], self._names)
            return [node] if node else []
        return word_nodes(self._table, part.removeprefix("\\"), self._names)

    def _word_operator(self, word: str) -> list[Node]:
        """`this MAYBE that`: what follows need not be there."""
        if word != "MAYBE":
            raise query_refused(f"table {self._table.name}: query error: {word} needs index_sp")
        if not self._parts or self._parts[0] in ("|", ")"):
            raise self._syntax_error("$end")
        self._one()
        return []

    def _group(self) -> list[Node]:
        node = self._any()
        if self._parts[:1] != [")"]:
            raise self._syntax_error("$end")
        self._parts.pop(0)
        return [node] if node else []

    def _syntax_error(self, near: str) -> Exception:
        return query_refused(f"table {self._table.name}: P08: syntax error, unexpected '{near}'")


def _joined(kind: str, nodes: list[Node]) -> Node | None:
    return (nodes[0] if len(nodes) == 1 else Node(kind=kind, nodes=nodes)) if nodes else None

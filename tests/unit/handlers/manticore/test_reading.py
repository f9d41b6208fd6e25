"""Rows as the server returns them, compared with what would be written."""

from __future__ import annotations

from typing import Any

import pytest

from syncqueue.handlers.manticore.reading import is_row_of
from syncqueue.handlers.manticore.row import Write


def shows(kind: str, wanted: Any, found: Any) -> bool:
    """Whether a row with one column is the one that was written."""
    values = {} if wanted is None else {"column": wanted}
    return is_row_of(Write(table="notes", row_id=1, values=values, columns={"column": kind}), {"column": found})


@pytest.mark.parametrize(
    ("kind", "wanted", "found"),
    [
        ("text", "Hello", "Hello"),
        ("string", "", None),
        ("text", None, ""),
        ("integer", 7, 7),
        ("bigint", 2**62 + 1, 2**62 + 1),
        ("bigint", -5, "-5"),
        ("timestamp", None, 0),
        ("boolean", True, 1),
        ("boolean", False, False),
        ("float", 0.1, 0.10000000149011612),
        ("float", 1e-9, 0.0),
        ("float", 3.4e38, 3.3999999521443642e38),
        ("multi", [3, 1, 3], [1, 3]),
        ("multi", [3, 1], "1,3"),
        ("multi", [], ""),
        ("json", {"a": [1, "two"]}, {"a": [1, "two"]}),
        ("json", {"a": 1}, '{"a":1}'),
        ("json", None, None),
        ("json", {}, None),
    ],
)
def test_a_value_is_known_again_in_each_form_the_server_gives_it(kind: str, wanted: Any, found: Any) -> None:
    assert shows(kind, wanted, found)


@pytest.mark.parametrize(
    ("kind", "wanted", "found"),
    [
        ("text", "Hello", "Hello "),
        ("string", None, "left over"),
        ("integer", 7, 8),
        ("bigint", 2**62 + 1, 2**62),
        ("integer", 7, "seven"),
        ("integer", 7, {}),
        ("boolean", True, 0),
        ("float", 0.1, 0.2),
        ("float", 0.1, "nothing"),
        ("multi", [3], [1, 3]),
        ("multi", [], "x"),
        ("json", {"a": 1}, {"a": 2}),
        ("json", {"a": 1}, "no JSON"),
    ],
)
def test_another_value_is_seen(kind: str, wanted: Any, found: Any) -> None:
    assert not shows(kind, wanted, found)


def test_a_column_that_the_row_lacks_counts_as_empty() -> None:
    columns = {"content": "text", "rank": "integer"}
    assert is_row_of(
        Write(table="notes", row_id=1, values={"content": "A", "rank": 0}, columns=columns), {"content": "A"}
    )
    assert not is_row_of(Write(table="notes", row_id=1, values={"content": "A"}, columns=columns), {})

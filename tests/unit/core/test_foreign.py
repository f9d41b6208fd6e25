"""Values of another form are left out and counted."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncqueue.core.foreign import Readable, json_object, read_each, read_one
from syncqueue.core.task import from_ms


def seen_at(text: str) -> Any:
    return from_ms(json_object(text)["at"])


def test_what_cannot_be_read_is_left_out_and_counted() -> None:
    found = read_each(
        seen_at, ['{"at": 1000}', "", "[]", "{}", '{"at": "x"}', '{"at": 1e300}', "[" * 100_000, '{"at": 2}']
    )
    assert found == Readable(values=(from_ms(1000), from_ms(2)), unreadable_count=6)
    assert list(found) == list(found.values)
    assert len(found) == 2


def test_of_one_value_that_cannot_be_read_there_is_nothing() -> None:
    assert read_one(int, "7") == 7
    assert read_one(int, "seven") is None


@settings(max_examples=200, deadline=None)
@given(
    st.text() | st.recursive(st.none() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_no_value_ends_a_reader(value: Any) -> None:
    text = value if isinstance(value, str) else json.dumps({"at": value})
    found = read_each(seen_at, [text])
    assert len(found) + found.unreadable_count == 1

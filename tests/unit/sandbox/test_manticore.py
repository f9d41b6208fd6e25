"""The stand-in for Manticore stores and refuses what the real server was seen to store and refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

from project.sandbox.manticore.errors import Refusal, check_encoding
from project.sandbox.manticore.searching import search
from project.sandbox.manticore.service import ManticoreService
from project.sandbox.manticore.sql import carry_out
from project.sandbox.manticore.tables import Tables
from project.sandbox.manticore.tokens import tokens
from project.sandbox.manticore.writes import replace
from syncqueue.testing.sandbox.service import Call
from syncqueue.testing.sandbox.service_options import changed

OPTIONS = {"charset_table": "non_cont", "ngram_len": "1", "ngram_chars": "cont"}


@pytest.fixture
def tables() -> Tables:
    """One table with a column of each type."""
    made = Tables()
    columns = "content text, name string, n integer, big bigint, f float, b bool, t timestamp, m multi, j json"
    carry_out(made, f"CREATE TABLE notes ({columns}) charset_table='non_cont' ngram_len='1' ngram_chars='cont'")
    return made


def stored(tables: Tables, **values: Any) -> dict[str, Any]:
    replace(tables, {"table": "notes", "id": 1, "doc": values})
    return tables.by_name["notes"].rows[1]


@pytest.mark.parametrize(
    ("column", "given", "kept"),
    [
        ("content", "cut\0here", "cut"),
        ("name", "cut\0here", "cut"),
        ("n", "abc", 0),
        ("n", -1, 2**32 - 1),
        ("f", 1e300, float("inf")),
        ("f", -1e300, float("-inf")),
        ("f", 16777217, 16777216.0),
        ("m", [3, 1, 3], [1, 3]),
        ("j", 7, None),
        ("j", "text", None),
        ("j", {"a": 1}, {"a": 1}),
    ],
)
def test_a_value_that_does_not_fit_is_stored_as_another(tables: Tables, column: str, given: Any, kept: Any) -> None:
    assert stored(tables, **{column: given})[column] == kept


def test_a_text_is_cut_at_four_megabytes(tables: Tables) -> None:
    assert len(stored(tables, content="ж" * 3_000_000)["content"].encode()) <= 4 * 1024 * 1024


@pytest.mark.parametrize(("column", "value"), [("n", [1]), ("m", 1), ("j", [[1]])])
def test_lists_and_single_values_do_not_take_each_others_place(tables: Tables, column: str, value: Any) -> None:
    with pytest.raises(Refusal, match=r"row 1, column \d+: ") as refused:
        stored(tables, **{column: value})
    assert refused.value.status == 409


def test_half_an_emoji_makes_the_request_unreadable_and_the_error_quotes_it() -> None:
    text = json.dumps({"doc": {"content": "a secret text \ud83d" + "x" * 1000}})
    with pytest.raises(Refusal, match="a secret text") as refused:
        check_encoding(json.loads(text), text)
    assert refused.value.status == 400
    assert len(str(refused.value)) < 500


def test_a_search_that_meets_an_infinite_number_is_no_json(tables: Tables) -> None:
    stored(tables, content="Infinity", f=1e300)
    service = ManticoreService()
    service._tables = tables
    outcome = service.perform(Call(method="search", arguments={"table": "notes"}))
    assert outcome.response is not None
    body = bytes(outcome.response.body).decode()
    assert '"f": inf' in body and '"content": "Infinity"' in body
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(body)


@pytest.mark.parametrize("text", ["বাংলা", "مُحَمَّد", "ᤕᤠᤰᤌᤢᤱ", "snake_case"])
def test_some_combining_marks_are_letters(text: str) -> None:
    assert tokens(text, OPTIONS) == [text]


@pytest.mark.parametrize(("text", "words"), [("e\u0301te\u0301", ["e", "te"]), ("हिन्दी", ["ह", "न", "द"])])
def test_others_divide_words(text: str, words: list[str]) -> None:
    assert tokens(text, OPTIONS) == words


@pytest.mark.parametrize(
    ("query", "said"), [("a SENTENCE b", "needs index_sp"), ("PARAGRAPH", "index_sp"), ("a MAYBE", "P08")]
)
def test_words_in_capitals_are_operators(tables: Tables, query: str, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        search(tables, {"table": "notes", "query": {"query_string": query}})


def test_what_follows_maybe_need_not_be_there(tables: Tables) -> None:
    stored(tables, content="green tea")
    body = {"table": "notes", "query": {"query_string": "tea MAYBE coffee"}}
    assert search(tables, body)["hits"]["total"] == 1
    body = {"table": "notes", "query": {"query_string": '"tea" "MAYBE" "coffee"'}}
    assert search(tables, body)["hits"]["total"] == 0


@pytest.mark.parametrize("word", ["text", "timestamp", "from", "table"])
def test_a_word_of_the_language_is_no_name_without_backticks(tables: Tables, word: str) -> None:
    for statement in (f"CREATE TABLE {word} (a text)", f"CREATE TABLE x ({word} text)", f"DESC {word}"):
        with pytest.raises(Refusal, match="P02: syntax error"):
            carry_out(tables, statement)


@pytest.mark.parametrize("word", ["select", "order", "knn"])
def test_a_reserved_word_is_none_with_them(tables: Tables, word: str) -> None:
    for statement in (f"CREATE TABLE `{word}` (a text)", f"CREATE TABLE x (a text, `{word}` integer)"):
        with pytest.raises(Refusal, match=f"'{word}' is a reserved keyword"):
            carry_out(tables, statement)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ({"disk_full": True}, "unable to write to binlog.*No space left on device"),
        ({"locked_table": "notes"}, "locked"),
    ],
)
def test_a_state_that_passes_is_answered_like_a_bad_document(
    tables: Tables, trouble: dict[str, Any], said: str
) -> None:
    tables.options = changed(tables.options, trouble)
    with pytest.raises(Refusal, match=said) as refused:
        stored(tables, content="x")
    assert refused.value.status == 409
    tables.reset()
    assert tables.options.disk_full is False and tables.options.locked_table == ""


def test_a_distributed_table_takes_no_rows_and_is_described_otherwise(tables: Tables) -> None:
    carry_out(tables, "CREATE TABLE all_notes type='distributed' local='notes'")
    assert carry_out(tables, "DESC all_notes").rows == [{"Agent": "notes", "Type": "local"}]
    assert carry_out(tables, "SHOW TABLES LIKE 'all_notes'").rows == [{"Table": "all_notes", "Type": "distributed"}]
    with pytest.raises(Refusal, match="does not support INSERT"):
        replace(tables, {"table": "all_notes", "id": 1, "doc": {}})


def test_the_pattern_of_show_tables_knows_two_jokers(tables: Tables) -> None:
    carry_out(tables, "CREATE TABLE notex (a text)")
    assert [row["Table"] for row in carry_out(tables, "SHOW TABLES LIKE 'note_'").rows] == ["notes", "notex"]
    assert [row["Table"] for row in carry_out(tables, "SHOW TABLES LIKE '%s'").rows] == ["notes"]

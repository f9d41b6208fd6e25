"""What becomes of a document in a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document, DocumentJob, Place, RemotePart
from syncqueue.handlers.manticore.row import (
    MAX_ID,
    add_column,
    create_table,
    differing,
    put,
    row_id,
    take_away,
)
from syncqueue.handlers.search_fields import check_declaration

TYPES = {
    "userid": "integer",
    "balance": "bigint",
    "weight": "float",
    "isprivate": "boolean",
    "createdat": "timestamp",
    "labels": "multi",
    "language": "string",
    "more": "json",
    "summary": "text",
}


def job(fields: Mapping[str, Any], *parts: RemotePart, pk: str = "42", **values: Any) -> DocumentJob:
    """A job for a note."""

    async def store(_: Any) -> str:
        return "next key"

    return DocumentJob(
        place=Place(id=1, name="Search", address="notes"),
        document=Document(**{"text": "A text", "fields": fields, "field_types": TYPES, **values}),
        parts=parts,
        idempotency_key="key",
        uncertain=False,
        store=store,
        source="notes.note",
        object_pk=pk,
    )


def test_an_object_has_the_same_id_always() -> None:
    assert row_id("notes.note", "42") == row_id("notes.note", "42") == 2276064935798636586


def test_whole_numbers_of_one_model_never_collide() -> None:
    keys = [str(2**n) for n in range(40)] + [str(2**n - 1) for n in range(2, 41)]
    assert len({row_id("notes.note", key) for key in keys}) == len(keys)
    assert {row_id("notes.note", key) % 2**40 for key in keys} == {int(key) for key in keys}


def test_two_models_in_one_table_do_not_overwrite_each_other() -> None:
    assert not {row_id("notes.note", str(n)) for n in range(1, 500)} & {
        row_id("notes.page", str(n)) for n in range(1, 500)
    }


@pytest.mark.parametrize("key", ["0", "-1", "7f0e1c1e-0000-4000-8000-000000000000", "²", "٣", "a\ud800", str(2**80)])
def test_any_other_key_is_an_id_too_and_never_zero(key: str) -> None:
    assert 0 < row_id("notes.note", key) < 2**63
    assert row_id("notes.note", key) != row_id("notes.page", key)


def test_a_row_has_the_document_and_leads_back_to_the_object() -> None:
    write = put(job({}, title="Title", tags=("a", "b"), url="https://example.org/42", is_private=True))
    assert write.values == {
        "title": "Title",
        "content": "A text",
        "tags": "a, b",
        "url": "https://example.org/42",
        "is_private": True,
        "object_source": "notes.note",
        "object_pk": "42",
    }
    assert write.part == RemotePart(kind="row", id=str(row_id("notes.note", "42")), address="notes")


def test_declared_values_are_sent_as_their_types() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    given = {
        "userid": 7, "balance": -(2**40), "weight": 1, "isprivate": False, "createdat": moment, "labels": (3, 1),
        "language": "de", "more": {"a": [1]}, "summary": "cut \ud83d",
    }  # fmt: skip
    values = put(job(given)).values or {}
    assert {name: values[name] for name in TYPES} == {
        **given, "weight": 1.0, "createdat": int(moment.timestamp()), "labels": [3, 1], "summary": "cut ?",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("userid", "abc"),
        ("userid", -1),
        ("userid", 2**32),
        ("userid", True),
        ("balance", 2**63),
        ("weight", float("nan")),
        ("weight", float("-inf")),
        ("weight", 3.5e38),  # the server would store inf, and no search that finds it could be read
        ("weight", -1e300),
        ("weight", 10**400),
        ("isprivate", 1),
        ("createdat", datetime(2026, 1, 2)),  # noqa: DTZ001 - that is the mistake
        ("labels", "12"),
        ("labels", ["x"]),
        ("language", 5),
        ("labels", [2**32]),
        ("language", "cut\0here"),
        ("language", "x" * (4 * 1024 * 1024)),
        ("more", {1, 2}),
        ("more", 7),  # the server would store null
        ("more", "text"),
        ("more", True),
        ("more", [[1, 2], [3]]),
        ("more", {"deep": {"text": "cut\0here"}}),
        ("more", {"cut\0here": 1}),
        ("more", {"n": 2**63}),
        ("more", {"n": float("inf")}),
        ("more", {"text": "x" * (4 * 1024 * 1024)}),
        ("summary", b"bytes"),
        ("summary", "ж" * (2 * 1024 * 1024)),
    ],
)
def test_a_value_of_another_type_is_refused_by_name_before_it_is_sent(name: str, value: Any) -> None:
    with pytest.raises(PermanentError, match=f"'{name}' is {TYPES[name]}: expected"):
        put(job({name: value}))


def test_a_json_value_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(PermanentError, match="'more' is json: expected at most"):
        put(job({"more": endless}))


@pytest.mark.parametrize(
    "moment", [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2107, 1, 1, tzinfo=UTC), -1]
)
def test_a_time_that_a_column_cannot_hold_is_left_out(moment: Any) -> None:
    assert "createdat" not in (put(job({"createdat": moment})).values or {})


def test_a_float_of_32_bits_is_taken_up_to_its_end() -> None:
    assert (put(job({"weight": -3.4e38})).values or {})["weight"] == -3.4e38


def test_a_half_emoji_in_json_is_no_reason_to_fail() -> None:
    values = put(job({"more": {"\ud83d": ["\ud83d", 1, None, 1.5]}})).values or {}
    assert values["more"] == {"?": ["?", 1, None, 1.5]}


@pytest.mark.parametrize("name", ["text", "title", "tags"])
def test_a_nul_character_does_not_cut_a_text(name: str) -> None:
    values = put(job({}, **{name: ("a\0b",) if name == "tags" else "a\0b"})).values or {}
    assert values["content" if name == "text" else name] == "a b"


def test_a_text_that_would_be_cut_is_refused_without_showing_it() -> None:
    with pytest.raises(PermanentError, match="'text' is text: expected at most 4194303 bytes") as refused:
        put(job({}, text="secret" * 1_000_000))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("word", ["select", "from", "order", "null", "limit", "offset", "knn"])
def test_a_reserved_word_is_no_name_of_a_column(word: str) -> None:
    assert "reserved" in check_declaration(word, "text")


@pytest.mark.parametrize("word", ["text", "timestamp", "table", "json", "type", "desc", "interval"])
def test_other_words_of_sql_can_name_a_column(word: str) -> None:
    assert check_declaration(word, "text") == ""


def test_a_field_that_nobody_declared_is_refused_by_name() -> None:
    with pytest.raises(PermanentError, match="'colour'.*search_fields does not declare"):
        put(job({"colour": "red"}))


def test_nothing_is_sent_for_an_empty_value() -> None:
    assert "userid" not in (put(job({"userid": None})).values or {})


def test_a_column_of_the_document_can_be_declared_anew() -> None:
    declared = job({"tags": [1, 2]}, tags=("x",), field_types={"tags": "multi"})
    write = put(declared)
    assert (write.values or {})["tags"] == [1, 2]
    assert (write.columns or {})["tags"] == "multi"


def test_an_adopted_row_keeps_its_id() -> None:
    adopted = RemotePart(kind="row", id="17", address="notes")
    assert put(job({}, adopted)).row_id == 17


@pytest.mark.parametrize("number", ["0", "", "x", "-3", str(MAX_ID + 1), "²"])
def test_an_adopted_id_that_is_none_is_refused(number: str) -> None:
    with pytest.raises(PermanentError, match="is no id of a row"):
        put(job({}, RemotePart(kind="row", id=number)))


def test_a_row_is_taken_away_where_it_was_put() -> None:
    (write,) = take_away(job({}, RemotePart(kind="row", id="17", address="old")))
    assert json.loads(write.line) == {"delete": {"table": "old", "id": 17}}


def test_a_line_of_a_batch_is_one_line_whatever_the_text() -> None:
    line = put(job({}, text="one\ntwo\u2028three")).line
    assert "\n" not in line and "\u2028" not in line
    assert json.loads(line)["replace"]["doc"]["content"] == "one\ntwo\u2028three"


def test_the_table_is_made_of_the_declared_columns_and_knows_chinese_words() -> None:
    statement = create_table("notes", {"content": "text", "userid": "integer", "isprivate": "boolean"})
    assert statement == (
        "CREATE TABLE IF NOT EXISTS `notes` (`content` text, `userid` integer, `isprivate` bool) "
        "charset_table = 'non_cont' ngram_len = '1' ngram_chars = 'cont'"
    )
    assert add_column("notes", "labels", "multi") == "ALTER TABLE `notes` ADD COLUMN `labels` multi"


def test_a_column_of_another_type_is_noticed() -> None:
    found = {"userid": "uint", "labels": "mva", "content": "string"}
    assert differing(found, {"userid": "integer", "labels": "multi", "content": "text", "new": "text"}) == ["content"]

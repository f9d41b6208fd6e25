"""Responses that should be JSON."""

from __future__ import annotations

import pytest

from syncqueue.outbound.json_answer import JsonAnswer


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": ', b"\xff", b"[" * 100_000])
def test_what_is_no_json_has_no_content(body: bytes) -> None:
    answer = JsonAnswer(status=502, body=body)
    assert answer.content is None
    assert answer.text_of("error") == ""


def test_the_first_filled_field_counts_if_it_is_a_text() -> None:
    answer = JsonAnswer(status=400, body=b'{"error": "bad", "detail": "", "code": 7}')
    assert answer.text_of("detail", "error") == "bad"
    assert answer.text_of("error", "code") == "bad"
    assert answer.text_of("code", "error") == ""
    assert answer.text_of("missing") == ""


def test_a_list_has_no_fields() -> None:
    answer = JsonAnswer(status=200, body=b'["error"]')
    assert answer.content == ["error"]
    assert answer.text_of("error") == ""

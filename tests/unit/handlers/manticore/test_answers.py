"""What Manticore's answers mean: the bodies are those that searchd was seen to send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, RateLimited, Unavailable
from syncqueue.handlers.manticore.answers import QUOTED_CHARACTERS, Hindered, Refusal, Refused, translate


def said(status: int, body: Any, retry_after: str | None = None) -> HandlerError:
    """The error for an answer."""
    return translate(status, body if isinstance(body, str) else json.dumps(body), retry_after)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (409, {"error": {"type": "table 'notes' absent, or does not support INSERT", "table": "notes"}}, "no table"),
        (409, {"error": {"type": "unknown column: 'userid'", "table": "notes"}, "status": 409}, "no column"),
        (400, {"error": {"type": "parse_exception", "reason": "bad JSON"}, "status": 400}, "other"),
        (500, {"error": "unknown local table(s) 'notes' in search request"}, "no table"),
        (500, {"error": "no such table 'notes'"}, "no table"),
        (500, {"error": "table notes: P08: syntax error, unexpected '\"'"}, "other"),
        (500, {"error": "table notes: query error: no field 'colour' found in schema"}, "other"),
        (500, {"error": "'labels' attribute already in schema"}, "no column"),
        (500, [{"error": "P01: syntax error, unexpected identifier"}], "other"),
        (
            500,
            {
                "items": [{"insert": {"error": {"type": "duplicate id '7'", "table": "n"}, "status": 409}}],
                "errors": True,
            },
            "batch",
        ),
        (409, {"items": [{"replace": {"error": {"type": "row 1, column 2: x"}}}], "errors": True}, "batch"),
        (200, {"items": [{"replace": {"error": "row 1, column 2: x"}}], "errors": True}, "batch"),
        (409, {"error": {"type": "row 1, column 3: MVA value specified for a non-MVA column", "table": "n"}}, "other"),
        (400, {"error": {"type": "parse_exception", "reason": "Negative document ids are not allowed"}}, "other"),
        (409, {"error": {"type": "KNN error: data has 2 values, index 'v' needs 4 values", "table": "n"}}, "other"),
        (500, {"error": "table 't': CREATE TABLE failed: attribute name 'order' is a reserved keyword"}, "other"),
        (413, "<html>too large</html>", "other"),
    ],
)
def test_a_refusal_for_good_is_known_whatever_its_status(status: int, body: Any, why: str) -> None:
    error = said(status, body)
    assert isinstance(error, Refused) and isinstance(error, PermanentError)
    assert error.why == Refusal(why)


@pytest.mark.parametrize(
    "body",
    [{"error": "internal error"}, "", "<html><h1>Bad gateway</h1></html>", {"error": "out of memory"}, [1, None]],
)
@pytest.mark.parametrize("status", [301, 400, 404, 405, 409, 500, 502, 503, 504])
def test_an_answer_that_names_no_document_says_nothing_about_it(status: int, body: Any) -> None:
    assert isinstance(said(status, body), Unavailable)


@pytest.mark.parametrize(
    "text",
    [
        "unable to write to binlog: /var/lib/manticore/binlog/binlog.0001: write error: No space left on device",
        "table 'notes' is locked",
        "index 'notes': busy",
    ],
)
def test_a_full_disk_and_a_locked_table_are_no_refusal_of_the_document(text: str) -> None:
    details = {"error": {"type": text, "table": "notes"}, "status": 409}
    batch = {"items": [{"replace": details}], "current_line": 2, "skipped_lines": 0, "errors": True}
    for error in (said(409, details), said(500, batch), said(500, {"error": text})):
        assert isinstance(error, Hindered) and isinstance(error, Unavailable)
    assert ("No space left on device" in str(said(409, details))) is ("binlog" in text)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_breaks_the_destination(status: int) -> None:
    assert isinstance(said(status, {"error": "access denied"}), DestinationBroken)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (None, 5.0), ("soon", 5.0), ("0.5", 1.0)])
def test_a_429_waits_as_long_as_it_says(header: str | None, seconds: float) -> None:
    error = said(429, {"error": "too many requests"}, header)
    assert isinstance(error, RateLimited)
    assert error.after_seconds == seconds


def test_the_reason_is_quoted_for_people_and_not_at_any_length() -> None:
    error = said(409, {"error": {"type": "unknown column: 'userid'", "reason": "x" * 5000}})
    assert "Manticore answers 409: unknown column: 'userid'" in str(error)
    assert len(str(error)) < QUOTED_CHARACTERS + 50


def test_a_page_of_a_proxy_is_not_quoted() -> None:
    assert "secret" not in str(said(502, "<html>secret</html>"))


WORDS = "Meet Ada at the old mill, and tell nobody what the syntax error was."


@pytest.mark.parametrize(
    "reason",
    [
        f"unable to parse: invalid unicode near '{WORDS}'",
        f"bad JSON: {WORDS}",
        f'unexpected "{WORDS}"',
        f"row 1, column 3: '{WORDS}' is no number",
        f"unexpected {{{WORDS}}}",
    ],
)
@pytest.mark.parametrize("status", [400, 409, 500])
def test_what_an_error_quotes_of_a_document_is_never_shown(status: int, reason: str) -> None:
    error = said(status, {"error": {"type": "parse_exception", "reason": reason}, "status": status})
    assert isinstance(error, Refused)
    assert "Ada" not in str(error) and "mill" not in str(error)


def test_words_of_a_quoted_document_do_not_decide() -> None:
    error = said(409, {"error": {"type": f"cannot write just now near '{WORDS}'", "table": "notes"}})
    assert isinstance(error, Unavailable)


@pytest.mark.parametrize("depth", [5, 500])
def test_lists_in_lists_are_read_to_a_depth_only(depth: int) -> None:
    body = "[" * depth + '{"error": "duplicate id"}' + "]" * depth
    assert isinstance(translate(500, body), Unavailable)


def test_an_answer_for_each_of_many_rows_is_a_short_error() -> None:
    items = [{"replace": {"error": {"type": f"unknown column: 'c{number}'"}}} for number in range(50_000)]
    assert len(str(said(500, {"items": items, "errors": True}))) < QUOTED_CHARACTERS + 50

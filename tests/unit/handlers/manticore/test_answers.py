"""What Manticore's answers mean: the bodies are those that searchd was seen to send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError, RateLimited, RetryLater
from syncqueue.handlers.manticore.answers import QUOTED_CHARACTERS, Refusal, Refused, translate


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
        (409, {"items": [{"replace": {"error": {"type": "x"}}}], "errors": True}, "batch"),
        (200, {"items": [{"replace": {"error": "x"}}], "errors": True}, "batch"),
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
def test_any_other_500_is_tried_again(body: Any) -> None:
    assert isinstance(said(500, body), RetryLater)
    assert isinstance(said(503, body), RetryLater)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_breaks_the_destination(status: int) -> None:
    assert isinstance(said(status, {"error": "access denied"}), DestinationBroken)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (None, 5.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 5.0)])
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

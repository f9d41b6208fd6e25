"""What answers of instances mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from syncqueue.core.errors import (
    DestinationBroken,
    HandlerError,
    PermanentError,
    RateLimited,
    Unavailable,
)
from syncqueue.handlers.mastodon.answers import Answer, Asked, Doubtful, FailedInside, Gone, judge, wait_seconds

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def answer(status: int, content: object = None, **headers: str) -> Answer:
    body = json.dumps(content if content is not None else {"error": "Because"}).encode()
    return Answer(status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("status", [200, 202, 206])
def test_what_was_hoped_for_is_no_error(status: int) -> None:
    assert judge(answer(status, {"id": "1"}), Asked(), NOW) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Doubtful),
        (401, DestinationBroken),
        (403, DestinationBroken),
        (404, Gone),
        (408, Unavailable),
        (410, Gone),
        (413, PermanentError),
        (422, PermanentError),
        (429, RateLimited),
        (500, FailedInside),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (301, DestinationBroken),
        (307, Unavailable),
        (308, DestinationBroken),
    ],
)
def test_each_status_has_its_meaning(status: int, error: type[HandlerError]) -> None:
    assert type(judge(answer(status), Asked(), NOW)) is error


def test_a_refusal_quotes_the_server_without_secrets() -> None:
    said = "Validation failed:\n Text limit of 500\texceeded Bearer abcdefghijklmnop " + "x" * 999
    text = str(judge(answer(422, {"error": said}), Asked(), NOW))
    assert "Validation failed: Text limit of 500 exceeded [secret]" in text
    assert len(text) < 400


@pytest.mark.parametrize(
    ("status", "meaning"), [(400, PermanentError), (401, PermanentError), (404, Gone), (422, PermanentError)]
)
def test_a_refusal_that_is_no_json_may_be_the_instances_or_a_proxys(status: int, meaning: type[HandlerError]) -> None:
    error = judge(Answer(status=status, body=b"<html>Blocked</html>"), Asked(), NOW)
    assert isinstance(error, Doubtful)
    assert error.is_page
    assert type(error.refusal) is meaning


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"", b"[" * 50_000, b"null"])
def test_a_yes_that_is_no_json_is_no_yes(body: bytes) -> None:
    assert type(judge(Answer(status=200, body=body), Asked(), NOW)) is Unavailable


def test_a_limit_holds_the_account_and_one_of_deletes_the_task_alone() -> None:
    limited = judge(answer(429), Asked(), NOW)
    assert isinstance(limited, RateLimited)
    assert limited.scope == "credential"
    limited = judge(answer(429), Asked(limited="task"), NOW)
    assert isinstance(limited, RateLimited)
    assert limited.scope == "task"


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("2026-03-01T12:04:00.000000Z", 240),
        ("2026-03-01T13:04:00+01:00", 240),
        ("2026-03-01T12:04:00", 240),
        (str(int((NOW + timedelta(seconds=240)).timestamp())), 240),
        ("2026-03-01T11:00:00Z", 1),
        ("2036-03-01T12:00:00Z", 3600),
        ("soon", 300),
        ("", 300),
        ("9" * 40, 300),
    ],
)
def test_the_wait_is_what_the_header_says_within_reason(reset: str, seconds: float) -> None:
    assert wait_seconds({"X-RateLimit-Reset": reset}, NOW) == seconds


def test_the_servers_clock_counts_not_ours() -> None:
    headers = {"X-RateLimit-Reset": "2026-03-01T12:04:00Z", "Date": "Sun, 01 Mar 2026 12:03:30 GMT"}
    assert wait_seconds(headers, NOW) == 30


def test_a_proxys_limit_is_kept_too() -> None:
    assert wait_seconds({"Retry-After": "17"}, NOW) == 17
    assert wait_seconds({"Retry-After": "Sun, 01 Mar 2026 12:00:40 GMT"}, NOW) == 40

"""What a server's responses mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from syncqueue import DestinationBroken, PermanentError, RateLimited, Unavailable
from syncqueue.handlers.bluesky.answers import (
    Answer,
    BlobGone,
    Gone,
    SessionOver,
    Taken,
    TooLong,
    judge,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def answer(status: int, error: str = "", message: str = "", **headers: str) -> Answer:
    body = json.dumps({"error": error, "message": message}).encode() if error else b"<h1>Hello</h1>"
    return Answer(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(400, "ExpiredToken", "Token has expired"), SessionOver),
        (answer(400, "InvalidToken", "Token could not be verified"), SessionOver),
        (answer(401, "AuthenticationRequired", "Invalid identifier or password"), DestinationBroken),
        (answer(401, "AccountTakedown", "Account has been taken down"), DestinationBroken),
        (answer(400, "InvalidSwap", "Record was at bafy"), Taken),
        (answer(400, "RecordNotFound", "Could not locate record: at://x"), Gone),
        (answer(400, "InvalidRequest", "Could not locate record: at://x"), Gone),
        (answer(400, "BlobNotFound", "Could not find blob: x"), BlobGone),
        (answer(400, "InvalidRequest", "Invalid record: grapheme too big (maximum 300, got 301)"), TooLong),
        (answer(400, "InvalidRequest", "Invalid record: string too big (maximum 3000, got 3001)"), TooLong),
        (answer(413, "PayloadTooLarge", "request entity too large"), PermanentError),
        (answer(400, "InvalidRequest", "no"), PermanentError),
        (answer(500, "InternalServerError", "Internal Server Error"), Unavailable),
        (answer(502), Unavailable),
        (answer(403), Unavailable),  # a proxy's page
        (answer(408, "RequestTimeout", "slow"), Unavailable),
        (answer(200), Unavailable),
        (answer(302), Unavailable),
        (answer(308), DestinationBroken),
    ],
)
def test_a_response_means(found: Answer, expected: type[Exception]) -> None:
    assert type(judge(found, NOW)) is expected


def test_json_with_200_is_what_was_hoped_for() -> None:
    assert judge(Answer(status=200, body=b"{}"), NOW) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"ratelimit_reset": str(int(NOW.timestamp()) + 40)}, 40),
        ({"retry_after": "86400"}, 3600),
        ({}, 300),
    ],
)
def test_a_limit_holds_the_account_for_as_long_as_the_server_says(headers: dict[str, str], seconds: float) -> None:
    error = judge(answer(429, "RateLimitExceeded", "Rate Limit Exceeded", **headers), NOW)
    assert isinstance(error, RateLimited)
    assert (error.after_seconds, error.scope) == (seconds, "credential")


def test_no_token_is_quoted() -> None:
    token = "eyJ0eXAiOiJhdCtqd3QifQ.eyJzdWIiOiJkaWQ6cGxjOngifQ.c2lnbmF0dXJl"
    said = str(judge(answer(400, "InvalidRequest", f"odd token {token} here"), NOW))
    assert "eyJ" not in said and "c2lnbmF0dXJl" not in said
    assert "odd token [secret] here" in said

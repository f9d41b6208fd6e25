"""Whatever a service answers (cut JSON, a proxy's page, wrong types, megabytes), it ends in one of our outcomes."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncqueue.core.errors import HandlerError
from syncqueue.core.result import ERROR_CHARACTERS, SyncResult
from syncqueue.handlers.base import RemotePart
from syncqueue.handlers.manticore.answers import translate as manticore
from syncqueue.handlers.mastodon.answers import Answer, Asked, judge
from tests.unit.handlers.conftest import TOKEN, api, bench

__all__ = ["api", "bench"]

# A loop and a client are made for each example.
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STATUSES = st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504, 599])
NOW = datetime(2026, 1, 1, tzinfo=UTC)

_SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20)
_WORDS = st.sampled_from(
    ["ok", "result", "error", "error_code", "description", "parameters", "retry_after", "migrate_to_chat_id",
     "message_id", "chat", "id", "items", "type", "status", "error_description"]
)  # fmt: skip
JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=10,
)
BODIES = (
    JSON.map(lambda value: json.dumps(value).encode())
    | JSON.map(lambda value: json.dumps(value).encode()[:-1])  # truncated
    | st.sampled_from([b"", b"<html><body>502 Bad Gateway</body></html>", b"\xff\xfe", b"NaN", b"1e999"])
    | st.binary(max_size=50)
)
PART = RemotePart(kind="text", id="41", url="", address="@news")


def check(error: BaseException) -> None:
    """An error that people are shown is short, and holds no token."""
    result = SyncResult.from_exception(error) if isinstance(error, Exception) else None
    assert result is not None and len(result.error) <= ERROR_CHARACTERS
    assert result.traceback == ""  # one of ours: nothing unexpected came up
    assert TOKEN not in result.error


@QUICK
@given(status=STATUSES, body=BODIES, act=st.sampled_from(["create", "update", "delete", "check"]))
def test_any_answer_of_telegram_is_an_outcome(bench: Any, api: Any, status: int, body: bytes, act: str) -> None:
    api.answers[:] = [httpx.Response(status, content=body)] * 4
    calls = {
        "create": lambda: bench.create("A note"),
        "update": lambda: bench.update("A note", PART),
        "delete": lambda: bench.delete(PART),
        "check": lambda: bench.run(lambda handler: handler.check(bench.place)),
    }
    try:
        calls[act]()
    except HandlerError as error:
        check(error)


@pytest.mark.parametrize("status", [200, 400, 502])
def test_json_that_is_nested_without_end_is_an_outcome(bench: Any, api: Any, status: int) -> None:
    deep = b"[" * 50_000
    api.answers[:] = [httpx.Response(status, content=deep)] * 4
    with pytest.raises(HandlerError) as caught:
        bench.create("A note")
    check(caught.value)
    check(manticore(status, deep.decode()))
    if status > 200:
        check(judge(Answer(status=status, body=deep), Asked(), NOW) or KeyError())


@pytest.mark.parametrize("status", [200, 400, 502])
def test_an_answer_of_ten_megabytes_is_an_outcome_with_a_short_error(bench: Any, api: Any, status: int) -> None:
    text = "x" * 10_000_000
    api.answers[:] = [httpx.Response(status, json={"ok": False, "error_code": status, "description": text})] * 4
    with pytest.raises(HandlerError) as caught:
        bench.create("A note")
    check(caught.value)


@settings(max_examples=200, deadline=None)
@given(
    status=STATUSES,
    body=BODIES,
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "X-RateLimit-Reset", "Date"]), st.text(max_size=30), max_size=3
    ),
)
def test_any_answer_of_a_mastodon_instance_is_an_outcome(status: int, body: bytes, headers: dict[str, str]) -> None:
    error = judge(Answer(status=status, headers=headers, body=body), Asked(), NOW)
    if error is not None:
        check(error)


@settings(max_examples=200, deadline=None)
@given(status=STATUSES, body=BODIES, after=st.none() | st.text(max_size=10))
def test_any_refusal_of_manticore_is_an_outcome(status: int, body: bytes, after: str | None) -> None:
    error = manticore(status, body.decode(errors="replace"), after)
    assert isinstance(error, HandlerError)
    check(error)


@settings(max_examples=100, deadline=None)
@given(st.text(), st.sampled_from([ValueError, OSError, KeyError, RecursionError, UnicodeError, RuntimeError]))
def test_any_exception_of_a_handler_is_a_result_that_fits_the_queue(text: str, kind: type[Exception]) -> None:
    with contextlib.suppress(TypeError):
        result = SyncResult.from_exception(kind(text * 100))
        assert len(result.error) <= ERROR_CHARACTERS
        assert result.outcome == "retry"

"""What every answer, and the lack of one, is called. Through the real client library over a mock transport."""

from typing import Any

import httpx
import pytest

from syncqueue.core.errors import (
    AddressMoved,
    Busy,
    DestinationBroken,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryLater,
    Unavailable,
    Unreachable,
)
from syncqueue.core.result import SyncResult
from syncqueue.handlers.base import RemotePart

TOKEN = "110201543:sandbox-token-of-the-demo-bot"
PART = RemotePart(kind="text", id="7", url="https://t.me/news/7", address="@news")
HTML = "<html><body><h1>No such page</h1></body></html>"


def outcome(bench: Any, request: str) -> HandlerError:
    """What a create, update or delete raises."""
    acts = {
        "create": lambda: bench.create("Hello"),
        "update": lambda: bench.update("Hello", PART),
        "delete": lambda: bench.delete(PART),
    }
    with pytest.raises(HandlerError) as caught:
        acts[request]()
    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return caught.value


@pytest.mark.parametrize("status", [401, 404])
def test_a_refused_token_breaks_the_destination(bench: Any, api: Any, status: int) -> None:
    api.refuse(status, "Unauthorized" if status == 401 else "Not Found")
    error = outcome(bench, "create")
    assert isinstance(error, DestinationBroken)
    assert "BotFather" in str(error)


def test_a_group_that_became_a_supergroup_names_its_new_number(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001)
    error = outcome(bench, "create")
    assert isinstance(error, AddressMoved)
    assert error.new_address == "-1001"


def test_a_429_holds_the_destination_for_the_time_it_names(bench: Any, api: Any) -> None:
    api.refuse(429, "Too Many Requests: retry after 17", retry_after=17)
    error = outcome(bench, "create")
    assert isinstance(error, RateLimited)
    assert (error.after_seconds, error.scope) == (17.0, "destination")


def test_a_429_without_a_time_holds_the_destination_too(bench: Any, api: Any) -> None:
    for answer in (
        httpx.Response(429, json={"ok": False, "error_code": 429, "description": "Too Many Requests"}),
        httpx.Response(429, json={"ok": False, "description": "x", "parameters": {"retry_after": 0}}),
        httpx.Response(429, json={"ok": False, "description": "x", "parameters": {"retry_after": "soon"}}),
        httpx.Response(429, text=HTML),
    ):
        api.answers.append(answer)
        error = outcome(bench, "create")
        assert isinstance(error, RateLimited)
        assert error.after_seconds > 0


def test_a_conflict_is_tried_again(bench: Any, api: Any) -> None:
    api.refuse(409, "Conflict: terminated by other getUpdates request")
    assert isinstance(outcome(bench, "create"), RetryLater)


@pytest.mark.parametrize("request_name", ["update", "delete"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "body", [HTML, '{"ok": false, "error_code": 500, "description": "Internal Server Error: restart"}']
)
def test_a_server_out_of_order_costs_no_attempt_where_repeating_is_harmless(
    bench: Any, api: Any, status: int, request_name: str, body: str
) -> None:
    api.answers.append(httpx.Response(status, text=body))
    error = outcome(bench, request_name)
    assert isinstance(error, Unavailable)
    assert str(status) in str(error)
    assert "<html>" not in str(error)


@pytest.mark.parametrize("status", [200, 500, 502, 503, 504])
def test_a_page_instead_of_an_answer_leaves_a_create_unknown(bench: Any, api: Any, status: int) -> None:
    api.answers.append(httpx.Response(status, text=HTML))
    error = outcome(bench, "create")
    assert isinstance(error, OutcomeUnknown)
    assert "<html>" not in str(error)


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (500, "Internal Server Error: Request aborted"),
        (500, "Internal Server Error: restart"),
        (500, "Internal Server Error: sent message was immediately deleted and can't be returned"),
        (500, "Internal Server Error: receive invalid message identifier as sent message identifier"),
        (500, "Internal Server Error: words that are new next year"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
    ],
)
def test_a_server_that_lost_track_of_a_message_leaves_a_create_unknown(
    bench: Any, api: Any, status: int, description: str
) -> None:
    api.refuse(status, description)
    error = outcome(bench, "create")
    assert isinstance(error, OutcomeUnknown)
    assert description in str(error)


def test_a_server_that_failed_before_it_did_anything_is_out_of_order(bench: Any, api: Any) -> None:
    api.refuse(500, "Internal Server Error")
    assert isinstance(outcome(bench, "create"), Unavailable)


def test_too_large_a_file_fails_for_good(bench: Any, api: Any) -> None:
    api.refuse(413, "Request Entity Too Large")
    assert isinstance(outcome(bench, "create"), PermanentError)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 407])
@pytest.mark.parametrize("request_name", ["create", "update", "delete"])
def test_a_proxy_that_turns_a_request_away_is_not_taken_for_telegram(
    bench: Any, api: Any, status: int, request_name: str
) -> None:
    api.answers.append(httpx.Response(status, text=HTML))
    assert isinstance(outcome(bench, request_name), Unavailable)


@pytest.mark.parametrize("body", [HTML, "", "[]", "null", '{"hello": 1}', '{"ok": true}'])
def test_a_200_that_says_nothing_leaves_a_create_unknown(bench: Any, api: Any, body: str) -> None:
    api.answers.append(httpx.Response(200, text=body))
    assert isinstance(outcome(bench, "create"), OutcomeUnknown)


@pytest.mark.parametrize("request_name", ["update", "delete"])
def test_a_200_that_says_nothing_is_repeated_where_repeating_is_harmless(
    bench: Any, api: Any, request_name: str
) -> None:
    api.answers.append(httpx.Response(200, text=HTML))
    assert isinstance(outcome(bench, request_name), Unavailable)


LOST = [
    httpx.ReadTimeout(""),
    httpx.WriteTimeout(""),
    httpx.ReadError(""),
    httpx.WriteError(""),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
]


@pytest.mark.parametrize("failure", LOST, ids=lambda failure: type(failure).__name__)
def test_a_lost_answer_leaves_a_create_unknown(bench: Any, api: Any, failure: httpx.HTTPError) -> None:
    api.answers.append(failure)
    error = outcome(bench, "create")
    assert isinstance(error, OutcomeUnknown)
    assert type(failure).__name__ in str(error)


@pytest.mark.parametrize("request_name", ["update", "delete"])
@pytest.mark.parametrize("failure", LOST, ids=lambda failure: type(failure).__name__)
def test_a_lost_answer_is_repeated_where_repeating_is_harmless(
    bench: Any, api: Any, failure: httpx.HTTPError, request_name: str
) -> None:
    api.answers.append(failure)
    error = outcome(bench, request_name)
    assert isinstance(error, Unavailable)
    assert "lost" in str(error)


@pytest.mark.parametrize("request_name", ["create", "update", "delete"])
def test_what_was_never_sent_is_unreachable(bench: Any, api: Any, request_name: str) -> None:
    api.answers.append(httpx.ProxyError("407 Proxy Authentication Required"))
    assert isinstance(outcome(bench, request_name), Unreachable)


@pytest.mark.parametrize("request_name", ["create", "update", "delete"])
def test_a_full_pool_is_busy_and_says_nothing_about_telegram(bench: Any, api: Any, request_name: str) -> None:
    api.answers.append(httpx.PoolTimeout(""))
    error = outcome(bench, request_name)
    assert isinstance(error, Busy)
    assert SyncResult.from_exception(error).was_asked is False


def test_a_text_that_quotes_the_token_is_shown_without_it(bench: Any, api: Any) -> None:
    api.refuse(400, f"Bad Request: bot {TOKEN} may not")
    assert "[secret]" in str(outcome(bench, "create"))

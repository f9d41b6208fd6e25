"""Answers that are not as wished, and answers that never come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from syncqueue.core.errors import (
    DestinationBroken,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    Unavailable,
    Unreachable,
)
from syncqueue.handlers.base import Document
from syncqueue.handlers.mastodon.handler import MastodonHandler
from tests.services.mastodon.desk import FLAVOURS, Desk

POST = "POST /statuses"


@pytest.fixture
def hasty(desk: Desk) -> Desk:
    """A desk whose attempts are short."""
    desk.config = replace(desk.config, attempt_timeout_seconds=4.0)
    return desk


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"mode": "error"}, Unavailable),
        ({"mode": "error", "status": 502, "html": True}, Unavailable),
        ({"mode": "error", "status": 503, "html": True}, Unavailable),
        ({"mode": "error", "status": 504}, Unavailable),
        ({"mode": "error", "status": 422}, PermanentError),
        ({"mode": "error", "status": 403}, DestinationBroken),
        ({"mode": "broken"}, DestinationBroken),
        ({"mode": "unauthorized"}, DestinationBroken),
        ({"mode": "hang-before"}, Unavailable),
    ],
)
def test_each_way_to_refuse_has_its_name_stores_nothing_and_leaves_no_secret(
    hasty: Desk, answer: dict[str, Any], error: type[HandlerError]
) -> None:
    hasty.sandbox.plan_answers("mastodon", {**answer, "method": POST})
    with pytest.raises(error) as caught:
        hasty.create("Hello")
    assert hasty.sandbox.mastodon_token not in str(caught.value)
    assert hasty.texts() == []


def test_an_instance_that_is_away_was_sent_nothing(desk: Desk) -> None:
    desk.sandbox.set_mode("mastodon", "down")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        desk.create("Hello")


@pytest.mark.parametrize("answer", ["hang", "store-then-reset"])
def test_a_status_whose_answer_was_lost_is_found_at_once(hasty: Desk, answer: str) -> None:
    hasty.sandbox.plan_answers("mastodon", {"mode": answer, "method": POST})
    hasty.create("Hello")
    assert hasty.texts() == ["Hello"]
    assert hasty.parts[0].id == hasty.statuses()[0]["id"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_status_whose_answer_was_lost_is_found_by_the_next_attempt(hasty: Desk, flavour: str) -> None:
    hasty.sandbox.set_options("mastodon", flavour=flavour)
    lose_answer(hasty, "Hello")
    hasty.create("Hello")
    assert hasty.texts() == ["Hello"]
    assert hasty.parts[0].id == hasty.statuses()[0]["id"]


def test_a_search_with_more_pages_than_an_attempt_has_time_for_goes_on_in_the_next(hasty: Desk) -> None:
    hasty.sandbox.set_options("mastodon", flavour="gotosocial", request_limit=10_000)
    lose_answer(hasty, "Hello")
    post_many(hasty, 100)
    hasty.config = replace(hasty.config, attempt_timeout_seconds=2.8)
    hasty.sandbox.set_mode("mastodon", "slow", delay_seconds=1.0)

    async def attempts(handler: MastodonHandler) -> list[HandlerError]:
        refusals: list[HandlerError] = []
        while len(refusals) < 30:
            try:
                await hasty.keep(handler.create, "Hello")
                break
            except HandlerError as error:
                refusals.append(error)
        return refusals

    refusals = hasty.run(attempts, seconds=90)
    assert hasty.texts().count("Hello") == 1
    assert hasty.parts[0].id == next(status["id"] for status in hasty.statuses() if status["text"] == "Hello")
    # None of these uses an attempt.
    assert refusals
    uses = [error for error in refusals if not isinstance(error, Unavailable | RateLimited)]
    assert uses == []


@pytest.mark.parametrize("is_private", [False, True])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_status_whose_answer_was_lost_shows_what_the_note_says_by_now(
    hasty: Desk, flavour: str, is_private: bool
) -> None:
    hasty.sandbox.set_options("mastodon", flavour=flavour)
    lose_answer(hasty, "Hello")
    hasty.create(Document(text="Hello again", is_private=is_private))
    [status] = hasty.statuses()
    assert status["text"] == "Hello again"
    assert status["visibility"] == ("private" if is_private else "public")
    assert hasty.parts[0].id == status["id"]


def test_the_second_of_two_equal_notes_is_posted(desk: Desk) -> None:
    desk.create("Hello")
    desk.parts = ()
    desk.create("Hello")
    assert desk.texts() == ["Hello", "Hello"]


@pytest.mark.parametrize("flavour", ["mastodon", "other"])
def test_a_limit_is_waited_for_until_its_reset(desk: Desk, flavour: str) -> None:
    desk.sandbox.set_options("mastodon", flavour=flavour)
    desk.sandbox.plan_answers("mastodon", {"mode": "limited", "retry_after": 40, "method": POST})
    with pytest.raises(RateLimited) as caught:
        desk.create("Hello")
    assert 30 < (caught.value.after_seconds or 0) < 45  # the server tells its own time in whole seconds
    assert caught.value.scope == "credential"


def test_the_limit_of_deletions_holds_the_deletion_alone(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", delete_limit=1)
    desk.create("First")
    desk.delete()
    desk.parts = ()
    desk.create("Second")
    with pytest.raises(RateLimited) as caught:
        desk.delete()
    assert caught.value.scope == "task"
    desk.update("Third")  # the account itself is not limited
    assert desk.texts() == ["Third"]


def test_a_refusal_with_400_is_the_token_where_nothing_but_the_token_is_looked_at(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", flavour="other")
    desk.place = replace(desk.place, secret={"access_token": "x" * 43})
    with pytest.raises(DestinationBroken, match="access token"):
        desk.create("Hello")


def test_a_refusal_with_400_is_the_content_where_the_token_is_good(desk: Desk) -> None:
    desk.sandbox.plan_answers("mastodon", {"mode": "error", "status": 400, "method": POST})
    with pytest.raises(PermanentError):
        desk.create("Hello")


def test_a_server_without_a_history_is_edited_all_the_same(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", flavour="other", history=False)
    desk.create("First")
    desk.update("Second")
    assert desk.texts() == ["Second"]
    desk.delete()
    assert desk.texts() == []


def test_a_page_that_refuses_everything_is_a_proxys_and_is_waited_out(desk: Desk) -> None:
    desk.sandbox.set_mode("mastodon", "error", status=403, html=True)
    with pytest.raises(Unavailable):
        desk.create("Hello")


def test_a_page_that_refuses_one_request_is_about_that_one_alone(desk: Desk) -> None:
    desk.sandbox.plan_answers("mastodon", {"mode": "error", "status": 403, "html": True, "method": POST})
    with pytest.raises(PermanentError):
        desk.create("Hello")
    assert desk.parts == ()  # nothing is out there, and no trace of it either


@pytest.mark.parametrize(
    "answer", [{"mode": "error", "status": 422}, {"mode": "limited", "retry_after": 9}, {"mode": "unauthorized"}]
)
def test_a_create_that_was_refused_leaves_no_trace(desk: Desk, answer: dict[str, Any]) -> None:
    desk.sandbox.plan_answers("mastodon", {**answer, "method": POST})
    with pytest.raises((PermanentError, RateLimited, DestinationBroken)):
        desk.create("Hello")
    assert desk.parts == ()


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_where_the_account_cannot_be_read_it_is_said_that_nobody_knows_and_nothing_is_posted(
    hasty: Desk, flavour: str
) -> None:
    hasty.sandbox.set_options("mastodon", flavour=flavour)
    lose_answer(hasty, "Hello")
    hasty.sandbox.plan_answers("mastodon", {"mode": "error", "status": 403, "method": "GET /accounts/statuses"})
    with pytest.raises(OutcomeUnknown, match="read:statuses"):
        hasty.update("Hello")
    assert hasty.texts() == ["Hello"]


def test_a_status_with_the_same_text_of_another_note_is_not_taken_for_a_lost_one(hasty: Desk) -> None:
    hasty.sandbox.set_options("mastodon", flavour="takahe")
    hasty.sandbox.plan_answers("mastodon", {"mode": "hang-before", "method": POST})

    async def two(handler: MastodonHandler) -> None:
        with pytest.raises(Unavailable):
            await hasty.keep(handler.create, "Hello")  # never arrived
        lost, hasty.parts, hasty.object_pk = hasty.parts, (), "2"
        await hasty.keep(handler.create, "Hello")
        hasty.parts, hasty.object_pk = lost, "1"
        await hasty.keep(handler.update, "Hello")

    hasty.run(two, seconds=30)
    assert hasty.texts() == ["Hello", "Hello"]


def post_many(desk: Desk, count: int) -> None:
    """The account posts so many statuses by another program."""
    headers = {"Authorization": f"Bearer {desk.sandbox.mastodon_token}"}
    with httpx.Client(base_url=desk.sandbox.mastodon_url, headers=headers, trust_env=False) as client:
        for n in range(count):
            client.post(
                "/api/v1/statuses", data={"status": f"Number {n} of another program's statuses"}
            ).raise_for_status()


def lose_answer(desk: Desk, text: str) -> None:
    """The status is posted, and neither its answer nor a look at the account comes back."""
    desk.sandbox.plan_answers(
        "mastodon",
        {"mode": "store-then-reset", "method": POST},
        {"mode": "error", "method": "GET /accounts/statuses"},
    )
    with pytest.raises(Unavailable):
        desk.create(text)
    desk.uncertain = True
    assert len(desk.statuses()) == 1

"""Posts and threads: there once, whatever is lost, and at no moment not at all."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from syncqueue import DestinationBroken, Document, PermanentError, RateLimited, Unavailable
from tests.services.bluesky.desk import DELETE, PUT, Crash, Desk

LONG = "A long story that goes on and on. " * 24  # three posts


def test_the_very_record_is_stored_before_it_is_sent(desk: Desk) -> None:
    desk.sandbox.plan_answers("bluesky", {"mode": "reset", "method": PUT}, {"mode": "reset", "method": PUT})
    with pytest.raises(Unavailable):
        desk.create("Hello")
    (trace,) = desk.traces()
    stored = json.loads(trace.id)
    desk.update("Hello")
    (post,) = desk.posts()
    assert (post["rkey"], post["record"]) == (stored["rkey"], stored["record"])
    assert desk.traces() == []


def test_a_lost_answer_is_no_question_the_same_put_is_made_again(desk: Desk) -> None:
    desk.sandbox.plan_answers("bluesky", {"mode": "store-then-reset", "method": PUT})
    desk.create("Hello")
    assert desk.texts() == ["Hello"]
    puts = desk.requests(PUT)
    assert [one["stored"] for one in puts] == [True, False]
    assert puts[0]["params"] == puts[1]["params"]
    assert all(one["params"]["swapRecord"] is None and "swapRecord" in one["params"] for one in puts)


@pytest.mark.parametrize("second", [{"mode": "limited", "retry_after": 1}, {"mode": "broken"}])
def test_a_repetition_that_is_refused_does_not_make_the_first_put_forgotten(
    desk: Desk, second: dict[str, object]
) -> None:
    desk.sandbox.plan_answers("bluesky", {"mode": "store-then-reset", "method": PUT}, {**second, "method": PUT})
    with pytest.raises(Unavailable):
        desk.create("Hello")
    assert len(desk.traces()) == 1
    desk.update("Hello")
    assert desk.texts() == ["Hello"]


def test_what_its_owner_deletes_is_not_brought_back(desk: Desk) -> None:
    desk.create("Hello")
    desk.sandbox.remove_post(desk.posts()[0]["rkey"])
    puts = len(desk.requests(PUT))
    desk.delete()
    assert desk.texts() == []
    assert len(desk.requests(PUT)) == puts


def test_an_edit_is_a_new_post_that_is_there_before_the_old_one_goes(desk: Desk) -> None:
    desk.create("First")
    (before,) = desk.posts()
    desk.update("Second")
    (after,) = desk.posts()
    assert (after["text"], after["record"]["text"]) == ("Second", "Second")
    assert after["rkey"] > before["rkey"]
    changes = [entry["method"] for entry in desk.requests(PUT, DELETE)]
    assert changes == [PUT, PUT, DELETE]


def test_an_update_that_changes_nothing_sends_nothing(desk: Desk) -> None:
    desk.create("First")
    before = len(desk.requests(PUT, DELETE))
    desk.update("First")
    assert len(desk.requests(PUT, DELETE)) == before
    assert [part.kind for part in desk.parts] == ["post"]


@pytest.mark.parametrize("stores", range(4))
def test_of_an_edit_that_is_killed_at_any_step_one_post_is_left(desk: Desk, stores: int) -> None:
    desk.create("First")
    desk.stores_left = stores
    try:
        desk.update("Second")
    except Crash:
        assert desk.texts() != []
        desk.update("Second")
    desk.stores_left = None
    assert desk.texts() == ["Second"]
    assert [part.kind for part in desk.parts] == ["post"]


@pytest.mark.parametrize("stores", range(9))
@pytest.mark.parametrize("end", ["the same", "another text", "deleted"])
def test_a_thread_that_is_killed_at_any_step_is_whole_another_or_gone_in_the_end(
    desk: Desk, stores: int, end: str
) -> None:
    desk.stores_left = stores
    with suppress(Crash):
        desk.create(LONG)
    desk.stores_left = None
    match end:
        case "the same":
            desk.update(LONG)
            posts = desk.posts()
            assert " ".join(post["text"] for post in posts).split() == LONG.split()
            assert [post["parent"] for post in posts] == [None, posts[0]["rkey"], posts[1]["rkey"]]
            assert {post["root"] for post in posts[1:]} == {posts[0]["rkey"]}
            assert len([one for one in desk.requests(PUT) if one["stored"]]) == 3
        case "another text":
            desk.update("Short")
            assert desk.texts() == ["Short"]
        case "deleted":
            desk.delete()
            assert desk.texts() == []


def test_a_lost_post_of_a_text_that_has_changed_since_makes_room(desk: Desk) -> None:
    desk.sandbox.plan_answers("bluesky", *[{"mode": "store-then-reset", "method": PUT}] * 2)
    with pytest.raises(Unavailable):
        desk.create("First")
    assert desk.texts() == ["First"]
    desk.update("Second")
    assert desk.texts() == ["Second"]


def test_a_post_that_never_arrived_gives_its_key_to_the_next_text(desk: Desk) -> None:
    desk.sandbox.plan_answers("bluesky", *[{"mode": "reset", "method": PUT}] * 2)
    with pytest.raises(Unavailable):
        desk.create("First")
    rkey = json.loads(desk.traces()[0].id)["rkey"]
    desk.update("Second")
    (post,) = desk.posts()
    assert (post["rkey"], post["text"]) == (rkey, "Second")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"mode": "error", "status": 400}, PermanentError),
        ({"mode": "limited", "retry_after": 1}, RateLimited),
        ({"mode": "broken"}, DestinationBroken),
    ],
)
def test_a_post_that_was_refused_leaves_no_trace(desk: Desk, answer: dict[str, object], error: type[Exception]) -> None:
    desk.sandbox.plan_answers("bluesky", {**answer, "method": PUT})
    with pytest.raises(error):
        desk.create("Hello")
    assert desk.parts == ()


def test_an_edit_that_is_refused_leaves_the_post_as_it_was(desk: Desk) -> None:
    desk.create("First")
    before = desk.parts
    desk.sandbox.plan_answers("bluesky", {"mode": "error", "status": 400, "method": PUT})
    with pytest.raises(PermanentError):
        desk.update("Second")
    assert desk.texts() == ["First"]
    assert desk.parts == before


def test_the_end_of_a_thread_alone_is_made_anew_where_its_end_has_changed(desk: Desk) -> None:
    desk.create(LONG)
    first = [post["rkey"] for post in desk.posts()]
    desk.update(f"{LONG} The end.")
    posts = desk.posts()
    assert [post["rkey"] for post in posts][:2] == first[:2]
    assert posts[2]["text"].endswith("The end.")
    assert len(posts) == 3


def test_a_server_that_counts_more_graphemes_gets_shorter_posts(desk: Desk) -> None:
    desk.sandbox.set_options("bluesky", counts_code_points=True)
    text = "e\u0301 " * 149
    desk.create(text)
    assert len(desk.posts()) == 2
    assert " ".join(desk.texts()).split() == text.split()
    assert desk.traces() == []


def test_links_tags_and_mentions_lead_somewhere(desk: Desk) -> None:
    desk.create("🎉 @thearchive.test and @nobody.test on https://a.example/ü #news")
    features = [facet["features"][0] for facet in desk.record()["facets"]]
    other = desk.sandbox.bluesky_second_account.did
    assert [next(value for name, value in one.items() if name != "$type") for one in features] == [
        other, "https://a.example/ü", "news",
    ]  # fmt: skip
    desk.set_options(mentions=False, language="pt-BR")
    desk.update("@thearchive.test")
    assert "facets" not in desk.record()
    assert desk.record()["langs"] == ["pt-BR"]


def test_a_card_leads_to_the_page(desk: Desk) -> None:
    url = "https://site.example/notes/1/"
    desk.create(Document(text="The text", title="A title", url=url))
    embed = desk.record()["embed"]
    assert embed["external"] == {"uri": url, "title": "A title", "description": "The text"}


def test_a_post_of_another_account_is_left_alone_and_named(desk: Desk) -> None:
    desk.create("Hello")
    (part,) = desk.parts
    other = desk.sandbox.bluesky_second_account
    desk.place = type(desk.place)(id=0, name="", address=other.handle, secret={"password": other.password})
    with pytest.raises(PermanentError, match="another account"):
        desk.delete()
    assert desk.texts() == ["Hello"]
    assert part.url in str(part)

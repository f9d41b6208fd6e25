"""One status for each document: posted, edited, replaced, deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import DestinationBroken, PermanentError
from syncqueue.handlers.base import Document
from syncqueue.handlers.mastodon.handler import MastodonHandler
from tests.services.mastodon.desk import Desk

MARKDOWN = "# Title\n\nA **bold** [link](https://example.org/a) and `code` 🎉\n\n- one\n- two"


def test_a_note_is_posted_edited_and_deleted(desk: Desk) -> None:
    desk.create("First <b>&")
    assert desk.texts() == ["First <b>&"]
    [part] = desk.parts
    assert part.url.endswith(f"/@notes/{part.id}")
    desk.update("Second")
    assert desk.texts() == ["Second"]
    assert desk.parts == (part,)
    desk.delete()
    assert desk.texts() == []


def test_markdown_becomes_readable_text_with_hashtags(desk: Desk) -> None:
    desk.create(Document(text=MARKDOWN, format="markdown", tags=("web-dev", "中文")))
    assert desk.texts() == [
        "Title\n\nA bold link (https://example.org/a) and `code` 🎉\n\n• one\n• two\n\n#web_dev #中文"
    ]


@pytest.mark.parametrize(
    ("wanted", "is_private", "seen"),
    [
        ("public", False, "public"),
        ("unlisted", False, "unlisted"),
        ("public", True, "private"),
        ("unlisted", True, "private"),
        ("direct", True, "direct"),
    ],
)
def test_the_visibility_is_the_destinations_and_no_more_open_than_the_note(
    desk: Desk, wanted: str, is_private: bool, seen: str
) -> None:
    desk.set_options(visibility=wanted)
    desk.create(Document(text="Hello", is_private=is_private))
    assert [status["visibility"] for status in desk.statuses()] == [seen]


def test_a_change_of_visibility_is_a_new_status_in_place_of_the_old_one(desk: Desk) -> None:
    desk.create("Hello")
    before = desk.parts[0].id
    desk.update(Document(text="Hello", is_private=True))
    [status] = desk.statuses()
    assert status["visibility"] == "private"
    assert status["id"] == desk.parts[0].id != before


def test_content_warning_sensitivity_and_language_are_the_destinations(desk: Desk) -> None:
    desk.set_options(spoiler="Food", sensitive=True, language="zh")
    desk.create("Noodles")
    desk.update("Soup")
    [status] = desk.statuses()
    assert (status["text"], status["spoiler_text"], status["sensitive"], status["language"]) == (
        "Soup", "Food", True, "zh"
    )  # fmt: skip


def test_the_objects_own_page_is_linked_where_the_destination_says_so(desk: Desk) -> None:
    desk.set_options(link=True)
    desk.create(Document(text="Hello", url="https://site.example/1"))
    assert desk.texts() == ["Hello\n\nhttps://site.example/1"]


def test_an_edit_of_a_status_someone_deleted_posts_it_anew(desk: Desk) -> None:
    desk.create("First")
    desk.sandbox.remove_status(desk.parts[0].id)
    desk.update("Second")
    assert desk.texts() == ["Second"]


def test_a_server_that_opens_what_is_edited_against_its_word_is_corrected_at_once_and_never_trusted_again(
    desk: Desk,
) -> None:
    desk.sandbox.set_options("mastodon", flavour="takahe", says_mastodon=True)

    async def act(handler: MastodonHandler) -> None:
        for number in range(2):
            desk.parts = ()
            await desk.keep(handler.create, Document(text=f"Secret {number}", is_private=True))
            await desk.keep(handler.update, Document(text=f"Still secret {number}", is_private=True))

    desk.run(act, seconds=30)
    assert [status["visibility"] for status in desk.statuses()] == ["private", "private"]
    assert desk.texts() == ["Still secret 0", "Still secret 1"]
    assert len(desk.requests("PUT /statuses")) == 1


def test_a_server_that_accepts_an_edit_and_shows_the_old_text_gets_a_new_status(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", keeps_edits=False)
    desk.create("First")
    desk.update("Second")
    assert desk.texts() == ["Second"]


def test_nothing_is_sent_where_an_edit_would_change_nothing(desk: Desk) -> None:
    desk.create("First")
    desk.update("First")
    assert desk.requests("PUT /statuses") == []
    desk.update("Fir st")  # white space counts
    assert desk.texts() == ["Fir st"]


@pytest.mark.parametrize("is_private", [True, False])
def test_a_private_document_mentions_nobody_and_a_public_one_by_choice(desk: Desk, is_private: bool) -> None:
    if not is_private:
        desk.set_options(mentions=False, spoiler="For @carol")
    desk.create(Document(text="Ask @bob@example.social", is_private=is_private))
    assert desk.texts() == ["Ask ＠bob@example.social"]
    assert "@" not in desk.statuses()[0]["spoiler_text"]


def test_an_account_is_known_by_its_id_and_the_host_of_its_page(desk: Desk) -> None:
    assert desk.run(lambda handler: handler.identify(desk.place)) == "1@127.0.0.1"
    desk.place = replace(desk.place, address=f"{desk.place.address}/")
    assert desk.run(lambda handler: handler.identify(desk.place)) == "1@127.0.0.1"


def test_a_slash_at_the_end_of_the_address_is_no_other_instance(desk: Desk) -> None:
    desk.create("First")
    desk.place = replace(desk.place, address=f"{desk.place.address}/")
    desk.update("Second")
    assert desk.texts() == ["Second"]
    desk.delete()
    assert desk.texts() == []


def test_deleting_twice_is_done(desk: Desk) -> None:
    desk.create("First")
    kept = desk.parts
    desk.delete()
    desk.parts = kept
    desk.delete()
    assert desk.texts() == []


def test_what_is_at_another_instance_is_not_asked_of_this_one(desk: Desk) -> None:
    desk.create("First")
    elsewhere = replace(desk.parts[0], address="https://old.example", url="https://old.example/@notes/1")
    desk.parts = (elsewhere,)
    with pytest.raises(PermanentError, match=r"remove it by hand \(https://old\.example/@notes/1\)"):
        desk.delete()
    assert not desk.requests("DELETE /statuses")


def test_the_instance_is_asked_for_its_limits_once(desk: Desk) -> None:
    async def twice(handler: object) -> None:
        for _ in range(2):
            await handler.check(desk.place)  # type: ignore[attr-defined]

    desk.run(twice)
    assert len(desk.requests("GET /instance")) == 1


def test_the_limit_is_the_instances(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", max_characters=1000)
    desk.create("word " * 180)
    assert len(desk.texts()) == 1


def test_a_check_names_account_and_limit_and_posts_nothing(desk: Desk, sandbox: RunningSandbox) -> None:
    host = sandbox.mastodon_url.removeprefix("http://")
    assert desk.check() == f"@notes@{host} may write 500 characters."
    assert desk.texts() == []
    desk.place = replace(desk.place, secret={"access_token": "x" * 43})
    with pytest.raises(DestinationBroken, match="401"):
        desk.check()

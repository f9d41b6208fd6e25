"""The Telegram handler against the sandbox's Bot API over real HTTP: what visitors of a channel see in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import (
    AddressMoved,
    DestinationBroken,
    HandlerError,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    Unavailable,
    Unreachable,
)
from syncqueue.handlers.base import Document
from tests.services.telegram.desk import Desk

LONG = "A long story. " * 500
MARKDOWN = "# Title\n\nA **bold** [link](https://example.org) and `code` 🎉\n\n- one\n- two"


@pytest.fixture
def desk(sandbox: RunningSandbox) -> Desk:
    """A handler's desk at @news."""
    return Desk(sandbox)


def shown(sandbox: RunningSandbox) -> list[tuple[str, str]]:
    """Kind and text or caption of each message in @news."""
    return [(message["kind"], message.get("text") or message["caption"]) for message in sandbox.messages("@news")]


def test_a_note_is_posted_edited_and_deleted(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("First <b>&")
    assert shown(sandbox) == [("text", "First <b>&")]
    desk.update("Second")
    assert shown(sandbox) == [("text", "Second")]
    (part,) = desk.parts
    assert part.url == f"https://t.me/news/{part.id}"
    desk.delete()
    assert shown(sandbox) == []


def test_markdown_is_posted_with_its_formatting(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create(Document(text=MARKDOWN, format="markdown", tags=("web-dev",)))
    (message,) = sandbox.messages("@news")
    assert message["text"] == "Title\n\nA bold link and code 🎉\n\n• one\n• two\n\n#web_dev"
    kinds = {entity["type"] for entity in message["entities"]}
    assert {"bold", "underline", "text_link", "code"} <= kinds


def test_a_text_of_exactly_the_limit_is_posted_as_text(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("🎉" * 2048)
    assert shown(sandbox) == [("text", "🎉" * 2048)]


def test_a_long_text_is_posted_as_a_file_and_edited_as_one(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create(Document(text=LONG, format="markdown", title="Story"))
    (message,) = sandbox.messages("@news")
    assert (message["kind"], message["document"]["file_name"]) == ("document", "Story.md")
    assert message["document"]["size"] == len(LONG.strip())
    desk.update(Document(text=LONG + "The end.", format="markdown", title="Story"))
    (edited,) = sandbox.messages("@news")
    assert edited["message_id"] == message["message_id"]
    assert edited["document"]["size"] == len(LONG + "The end.")


def test_a_note_that_grows_and_shrinks_again_is_always_there_once(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("short")
    desk.update(LONG)
    assert [kind for kind, _ in shown(sandbox)] == ["document"]
    desk.update("short again")
    assert shown(sandbox) == [("text", "short again")]


def test_the_same_content_again_changes_nothing(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("Same")
    desk.update("Same")
    assert [entry["stored"] for entry in sandbox.log()] == [True, False]


def test_an_edit_of_a_message_someone_deleted_posts_it_anew(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("First")
    kept = desk.parts
    desk.delete()
    desk.parts = kept
    desk.update("Second")
    assert shown(sandbox) == [("text", "Second")]
    assert desk.parts != kept


def test_deleting_twice_is_done(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("First")
    kept = desk.parts
    desk.delete()
    desk.parts = kept
    desk.delete()
    assert shown(sandbox) == []


def test_a_message_that_cannot_be_deleted_is_made_neutral(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("Secret")
    sandbox.lock_message("@news", int(desk.parts[0].id))
    desk.delete()
    assert shown(sandbox) == [("text", "(removed)")]


def test_a_file_that_cannot_be_deleted_is_made_neutral(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create(LONG)
    sandbox.lock_message("@news", int(desk.parts[0].id))
    desk.delete()
    (message,) = sandbox.messages("@news")
    assert (message["caption"], message["document"]["file_name"]) == ("(removed)", "removed.txt")


def test_a_note_that_grew_beside_a_message_that_cannot_go_stays_one_message(
    sandbox: RunningSandbox, desk: Desk
) -> None:
    desk.create("short")
    sandbox.lock_message("@news", int(desk.parts[0].id))
    desk.update(Document(text=LONG, url="https://site.example/1"))
    ((kind, text),) = shown(sandbox)
    assert kind == "text"
    assert text.endswith("…\n\nhttps://site.example/1")


def test_check_names_the_bot_and_the_channel(sandbox: RunningSandbox, desk: Desk) -> None:
    assert desk.check().startswith("@sandbox_bot may post to “")
    desk.place = replace(desk.place, address="@nowhere")
    with pytest.raises(DestinationBroken):
        desk.check()


@pytest.mark.parametrize(
    ("mode", "options", "error", "stored"),
    [
        ("limited", {"retry_after": 7}, RateLimited, False),
        ("error", {}, Unavailable, False),
        ("error", {"status": 502, "html": True}, OutcomeUnknown, False),
        ("error", {"status": 503, "html": True, "stored": True}, OutcomeUnknown, True),
        ("error", {"description": "Internal Server Error: Request aborted", "stored": True}, OutcomeUnknown, True),
        ("error", {"status": 400}, PermanentError, False),
        ("error", {"status": 400, "description": "Bad Request: CHANNEL_PRIVATE"}, DestinationBroken, False),
        ("error", {"status": 200, "html": True}, OutcomeUnknown, False),
        ("down", {}, Unreachable, False),
        ("hang", {}, OutcomeUnknown, True),
        ("hang-before", {}, OutcomeUnknown, False),
        ("store-then-reset", {}, OutcomeUnknown, True),
        ("broken", {}, DestinationBroken, False),
        ("unauthorized", {}, DestinationBroken, False),
    ],
)
def test_each_way_to_fail_has_its_name_and_leaves_no_secret(
    sandbox: RunningSandbox,
    desk: Desk,
    mode: str,
    options: dict[str, Any],
    error: type[HandlerError],
    stored: bool,
) -> None:
    desk.config = replace(desk.config, attempt_timeout_seconds=4.0)
    sandbox.set_mode("telegram", mode, **options)
    with pytest.raises(error) as caught:
        desk.create("Hello")
    assert sandbox.bot_token not in str(caught.value)
    if isinstance(caught.value, RateLimited):
        assert caught.value.after_seconds == 7
    sandbox.set_mode("telegram", "up")
    assert bool(shown(sandbox)) is stored


@pytest.mark.parametrize("mode", ["hang", "store-then-reset"])
def test_an_edit_whose_answer_was_lost_can_be_repeated(sandbox: RunningSandbox, desk: Desk, mode: str) -> None:
    desk.config = replace(desk.config, attempt_timeout_seconds=4.0)
    desk.create("First")
    sandbox.set_mode("telegram", mode)
    with pytest.raises(Unavailable):
        desk.update("Second")
    sandbox.set_mode("telegram", "up")
    desk.update("Second")
    assert shown(sandbox) == [("text", "Second")]


def test_topic_silence_and_link_previews_are_the_destinations(sandbox: RunningSandbox, desk: Desk) -> None:
    sandbox.set_topics("@news", **{"7": "open"})
    desk.place = replace(desk.place, options={"thread_id": 7, "silent": True, "link_preview": False})
    desk.create("See https://example.org/")
    desk.update("See https://example.org/ again")
    sent, edited = (entry["params"] for entry in sandbox.log())
    assert (str(sent["message_thread_id"]), str(sent["disable_notification"]).lower()) == ("7", "true")
    for params in (sent, edited):
        assert "true" in str(params["link_preview_options"]).lower()
    assert shown(sandbox) == [("text", "See https://example.org/ again")]


@pytest.fixture
def group(sandbox: RunningSandbox, desk: Desk) -> int:
    """The number of a basic group, which is the desk's place."""
    number = sandbox.make_chat("group", "Ours")
    desk.place = replace(desk.place, address=str(number))
    return number


def test_a_group_that_became_another_is_told_with_its_new_number(
    sandbox: RunningSandbox, desk: Desk, group: int
) -> None:
    number = sandbox.migrate(group)
    with pytest.raises(AddressMoved) as caught:
        desk.create("First")
    assert caught.value.new_address == str(number)


@pytest.mark.parametrize("text", ["First", LONG])
def test_what_was_in_the_old_group_is_edited_there_and_emptied_there(
    sandbox: RunningSandbox, desk: Desk, group: int, text: str
) -> None:
    desk.create(text)
    number = sandbox.migrate(group)
    desk.place = replace(desk.place, address=str(number))
    desk.update(text + "Second")
    assert "Second" in str(sandbox.messages(group))
    assert sandbox.messages(number) == []
    assert [(part.address, part.identity) for part in desk.parts] == [(str(group), str(group))]
    desk.delete()
    (left,) = sandbox.messages(group)
    assert left.get("text", left.get("caption")) == "(removed)"


def test_a_channel_that_was_given_another_name_keeps_its_messages(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("First")
    (posted,) = desk.parts
    sandbox.rename_chat("@news", "newest")
    desk.place = replace(desk.place, address="@newest")
    desk.update("Second")
    (message,) = sandbox.messages("@newest")
    assert (str(message["message_id"]), message["text"]) == (posted.id, "Second")
    assert (posted.identity, desk.parts[0].address) == ("-1001000000001", "@newest")


def test_a_name_that_another_channel_has_now_leads_nowhere_else(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create("First")
    sandbox.rename_chat("@news", "newest")
    other = sandbox.make_chat("channel", "Other", username="news")
    desk.place = replace(desk.place, address="@newest")
    desk.delete()
    assert sandbox.messages("@newest") == []
    assert sandbox.messages(other) == []


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ({"can_post_messages": False}, "right to post messages"),
        ({"status": "left"}, "not in “News”"),
        ({"status": "kicked"}, "not in “News”"),
    ],
)
def test_check_says_what_is_missing_in_a_public_channel_that_everybody_sees(
    sandbox: RunningSandbox, desk: Desk, rights: dict[str, Any], said: str
) -> None:
    sandbox.set_rights("@news", **rights)
    with pytest.raises(DestinationBroken, match=said):
        desk.check()
    with pytest.raises(DestinationBroken):
        desk.create("First")


def test_the_right_to_post_is_all_that_own_messages_need(sandbox: RunningSandbox, desk: Desk) -> None:
    sandbox.set_rights("@news", can_edit_messages=False, can_delete_messages=False)
    desk.create("First")
    desk.update(LONG)
    desk.update("Third")
    desk.delete()
    assert shown(sandbox) == []


def test_a_group_that_takes_no_files_takes_texts(sandbox: RunningSandbox, desk: Desk) -> None:
    number = sandbox.make_chat("supergroup", "Ours")
    sandbox.set_rights(number, status="restricted", can_send_documents=False)
    desk.place = replace(desk.place, address=str(number))
    assert "no files" in desk.check()
    document = Document(text=LONG, url="https://site.example/1")
    desk.create(document)
    desk.update(replace(document, text="New. " + LONG))
    (message,) = sandbox.messages(number)
    assert message["text"].startswith("New. A long story.")
    assert message["text"].endswith("…\n\nhttps://site.example/1")
    assert message["edit_count"] == 1
    with pytest.raises(PermanentError, match="send documents"):
        Desk.create(desk, LONG)


@pytest.mark.parametrize("state", ["closed", "deleted"])
def test_a_topic_that_is_closed_or_deleted_breaks_the_destination(
    sandbox: RunningSandbox, desk: Desk, state: str
) -> None:
    number = sandbox.make_chat("supergroup", "Forum", topics={"5": state})
    desk.place = replace(desk.place, address=str(number), options={"thread_id": 5})
    with pytest.raises(DestinationBroken):
        desk.create("First")
    desk.place = replace(desk.place, options={"thread_id": 1})
    desk.create("First")
    assert len(sandbox.messages(number)) == 1


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000/x", "ftp://example.org/", "http://wiki/", "http://e.example:0/", "http://a{b}.example"],
)
def test_one_odd_link_goes_out_as_text_beside_a_good_one(sandbox: RunningSandbox, desk: Desk, url: str) -> None:
    desk.create(Document(text=f"**see** [this]({url}) and [that](https://example.org)", format="markdown"))
    (message,) = sandbox.messages("@news")
    assert message["text"] == "see this and that"
    assert [entity["type"] for entity in message["entities"]] == ["bold", "text_link"]
    assert len(sandbox.log()) == 1


@pytest.mark.parametrize("text", ["Short", LONG])
def test_what_can_neither_be_deleted_nor_edited_is_a_persons_with_its_link(
    sandbox: RunningSandbox, desk: Desk, text: str
) -> None:
    desk.create(text)
    sandbox.lock_message("@news", int(desk.parts[0].id))
    refusal = {"mode": "error", "status": 400}
    method = "editMessageText" if text == "Short" else "editMessageMedia"
    sandbox.set_mode("telegram", **refusal, method=method)
    with pytest.raises(PermanentError, match=f"by hand.*https://t.me/news/{desk.parts[0].id}"):
        desk.delete()

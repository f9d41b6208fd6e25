"""The sandbox's Bot API refuses what the real server refuses, with its words and in its order."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from telegram import MessageEntity
from telegram.error import BadRequest, Forbidden, NetworkError

from project.sandbox.testing import RunningSandbox

from .talking import talk


def post(sandbox: RunningSandbox, chat: int | str, text: str = "Hello", **options: Any) -> int:
    return int(talk(sandbox, lambda bot: bot.send_message(chat, text, **options)).message_id)


def attach(sandbox: RunningSandbox, chat: int | str) -> int:
    return int(talk(sandbox, lambda bot: bot.send_document(chat, b"text", filename="a.txt")).message_id)


def edit(sandbox: RunningSandbox, chat: int | str, number: int, text: str = "New") -> None:
    talk(sandbox, lambda bot: bot.edit_message_text(text, chat_id=chat, message_id=number))


def delete(sandbox: RunningSandbox, chat: int | str, number: int) -> None:
    talk(sandbox, lambda bot: bot.delete_message(chat, number))


def said(error: Any, act: Any) -> str:
    with pytest.raises(error) as caught:
        act()
    return str(caught.value).lower()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://localhost:8000/x", "wrong http url"),
        ("ftp://example.org", "unsupported url protocol"),
        ("http://e.example:0/", "wrong port number"),
        ("http://e.example:/", "wrong port number"),
        ("http://e.example:65536/", "wrong port number"),
        ("http://a{b}.example", "disallowed character in url host"),
        ("http://a%4.example", "wrong percent-encoded symbol"),
    ],
)
def test_a_link_that_tdlib_refuses_costs_the_whole_message(sandbox: RunningSandbox, url: str, why: str) -> None:
    entity = MessageEntity("text_link", 0, 5, url=url)
    words = said(BadRequest, lambda: post(sandbox, "@news", entities=[entity]))
    assert words.startswith(f"entity url '{url}' is invalid: ")
    assert why in words
    assert sandbox.messages("@news") == []


def test_the_chat_is_asked_for_before_the_text_is_looked_at_and_after_it_is_read(sandbox: RunningSandbox) -> None:
    entity = MessageEntity("text_link", 0, 5, url="http://localhost/")
    assert said(BadRequest, lambda: post(sandbox, "@nowhere", entities=[entity])) == "chat not found"
    unread = MessageEntity("sparkle", 0, 5)
    assert "unsupported type" in said(BadRequest, lambda: post(sandbox, "@nowhere", entities=[unread]))


@pytest.mark.parametrize(
    ("kind", "rights", "error", "words"),
    [
        ("channel", {"status": "left"}, Forbidden, "bot is not a member of the channel chat"),
        ("channel", {"status": "kicked"}, Forbidden, "bot was kicked from the channel chat"),
        ("channel", {"status": "member"}, BadRequest, "need administrator rights in the channel chat"),
        ("channel", {"can_post_messages": False}, BadRequest, "have no write access to the chat"),
        ("supergroup", {"status": "left"}, Forbidden, "bot is not a member of the supergroup chat"),
        ("supergroup", {"can_send_messages": False}, BadRequest, "not enough rights to send text messages to the chat"),
        ("private", {"status": "kicked"}, Forbidden, "bot was blocked by the user"),
    ],
)
def test_a_missing_right_to_post_is_refused_in_the_real_words(
    sandbox: RunningSandbox, kind: str, rights: dict[str, Any], error: type[Exception], words: str
) -> None:
    chat = sandbox.make_chat(kind)
    sandbox.set_rights(chat, **rights)
    assert words in said(error, lambda: post(sandbox, chat))


def test_files_may_be_refused_where_texts_go(sandbox: RunningSandbox) -> None:
    chat = sandbox.make_chat("supergroup")
    sandbox.set_rights(chat, can_send_documents=False)
    assert "not enough rights to send documents to the chat" in said(BadRequest, lambda: attach(sandbox, chat))
    post(sandbox, chat)


def test_a_public_chat_is_seen_by_bots_that_are_not_in_it_and_a_private_one_is_not(sandbox: RunningSandbox) -> None:
    sandbox.set_rights("@news", status="left")
    assert talk(sandbox, lambda bot: bot.get_chat("@news")).title == "News"
    bot_id = int(sandbox.bot_token.partition(":")[0])
    assert talk(sandbox, lambda bot: bot.get_chat_member("@news", bot_id)).status == "left"
    hidden = sandbox.make_chat("channel")
    sandbox.set_rights(hidden, status="left")
    assert "not a member" in said(Forbidden, lambda: talk(sandbox, lambda bot: bot.get_chat(hidden)))


@pytest.mark.parametrize(
    ("kind", "rights", "may"),
    [
        ("supergroup", {}, False),
        ("channel", {}, False),
        ("channel", {"can_edit_messages": True}, True),
        ("supergroup", {"can_edit_messages": True}, False),
    ],
)
def test_what_others_post_is_edited_in_channels_with_that_right_alone(
    sandbox: RunningSandbox, kind: str, rights: dict[str, Any], may: bool
) -> None:
    chat = sandbox.make_chat(kind)
    sandbox.set_rights(chat, **rights)
    theirs = sandbox.post_as_somebody(chat, "Theirs")
    if may:
        edit(sandbox, chat, theirs)
    else:
        assert said(BadRequest, lambda: edit(sandbox, chat, theirs)) == "message can't be edited"
    assert "can't be deleted for everyone" in said(BadRequest, lambda: delete(sandbox, chat, theirs))


def test_an_edit_is_checked_for_message_author_kind_and_then_text(sandbox: RunningSandbox) -> None:
    chat = sandbox.make_chat("supergroup")
    text, file, theirs = post(sandbox, chat), attach(sandbox, chat), sandbox.post_as_somebody(chat, "x")
    answers = {
        theirs + 1: "message to edit not found",
        theirs: "message can't be edited",
        file: "there is no text in the message to edit",
        text: "text must be non-empty",
    }
    for number, words in answers.items():
        assert said(BadRequest, lambda number=number: edit(sandbox, chat, number, " ")) == words
    assert all(message["edit_count"] == 0 for message in sandbox.messages(chat))


def test_channels_and_supergroups_count_for_themselves_and_other_chats_together(sandbox: RunningSandbox) -> None:
    for kind in ("channel", "supergroup"):
        first, second = sandbox.make_chat(kind), sandbox.make_chat(kind)
        assert [post(sandbox, first), post(sandbox, second), post(sandbox, first)] == [1, 1, 2]
    private, group = sandbox.make_chat("private"), sandbox.make_chat("group")
    start = post(sandbox, private)
    assert [post(sandbox, group), post(sandbox, private), post(sandbox, group)] == [start + 1, start + 2, start + 3]


def test_an_upgraded_group_can_be_edited_and_neither_posted_to_nor_deleted_from(sandbox: RunningSandbox) -> None:
    group = sandbox.make_chat("group")
    number = post(sandbox, group)
    supergroup = sandbox.migrate(group)
    for act in (lambda: post(sandbox, group), lambda: delete(sandbox, group, number)):
        with pytest.raises(Exception, match="(?i)migrated to supergroup") as caught:
            act()
        assert caught.value.new_chat_id == supergroup
    edit(sandbox, group, number)
    assert [message["text"] for message in sandbox.messages(group)] == ["New"]


def test_a_renamed_chat_is_found_by_its_new_name_and_its_number(sandbox: RunningSandbox) -> None:
    sandbox.rename_chat("@news", "newest")
    assert talk(sandbox, lambda bot: bot.get_chat("@newest")).id == -1001000000001
    assert said(BadRequest, lambda: post(sandbox, "@news")) == "chat not found"


@pytest.mark.parametrize(
    ("thread", "words"), [(1, "message thread not found"), (4, "message thread not found"), (6, "topic_closed"),
                          (7, "topic_deleted")],
)  # fmt: skip
def test_a_topic_must_be_there_and_open(sandbox: RunningSandbox, thread: int, words: str) -> None:
    forum = sandbox.make_chat("supergroup", topics={"5": "open", "6": "closed", "7": "deleted"})
    post(sandbox, forum, message_thread_id=5)
    assert said(BadRequest, lambda: post(sandbox, forum, message_thread_id=thread)) == words


def test_a_chat_without_topics_has_none(sandbox: RunningSandbox) -> None:
    assert said(BadRequest, lambda: post(sandbox, "@news", message_thread_id=7)) == "message thread not found"


def test_a_server_can_fail_after_it_has_stored_a_message(sandbox: RunningSandbox) -> None:
    sandbox.plan_answers(
        "telegram", {"mode": "error", "stored": True, "description": "Internal Server Error: Request aborted"}
    )
    assert "request aborted" in said(NetworkError, lambda: post(sandbox, "@news"))
    assert len(sandbox.messages("@news")) == 1
    (entry,) = sandbox.log()
    assert (entry["stored"], entry["status"]) == (True, 500)


def test_half_a_character_is_refused(sandbox: RunningSandbox) -> None:
    url = f"{sandbox.telegram_url}/bot{sandbox.bot_token}/sendMessage"
    with httpx.Client(trust_env=False) as client:
        answers = [
            client.post(url, content=b'{"chat_id": "@news", "text": "a\\ud83c"}',
                        headers={"content-type": "application/json"}),
            client.post(url, content=b"chat_id=@news&text=a%ff",
                        headers={"content-type": "application/x-www-form-urlencoded"}),
        ]  # fmt: skip
    assert [one.json()["description"] for one in answers] == ["Bad Request: strings must be encoded in UTF-8"] * 2

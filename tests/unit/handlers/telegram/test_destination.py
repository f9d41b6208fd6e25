"""What the Telegram handler makes of a destination: check, identity, endpoint, and the form of address and token."""

import json
from dataclasses import replace
from typing import Any

import pytest

from syncqueue.core.answer import Answer, Asked, Refused
from syncqueue.core.errors import ConfigurationError, DestinationBroken
from syncqueue.handlers import gate
from syncqueue.handlers.base import HandlerConfig
from syncqueue.handlers.telegram.handler import TelegramHandler
from tests.unit.handlers.conftest import BOT, administrator

NUMBER = "-1001234567890"  # of @news
TOKEN = "110201543:sandbox-token-of-the-demo-bot"


def methods(api: Any) -> list[str]:
    return [call.method for call in api.calls]


def check(bench: Any) -> str:
    return str(bench.run(lambda handler: handler.check(bench.place)))


def test_check_names_bot_and_chat_and_posts_nothing(bench: Any, api: Any) -> None:
    assert check(bench) == "@demo_bot may post to “News”."
    assert methods(api) == ["getMe", "getChat", "getChatMember"]


def test_check_of_an_unknown_chat_says_that_the_destination_is_broken(bench: Any, api: Any) -> None:
    api.answers.append(None)
    api.refuse(400, "Bad Request: chat not found")
    with pytest.raises(DestinationBroken, match="chat not found"):
        check(bench)


GROUP = {"type": "supergroup", "username": None}
RESTRICTED = {
    "status": "restricted", "user": BOT, "is_member": True, "until_date": 0, "can_change_info": False,
    "can_invite_users": False, "can_pin_messages": False, "can_manage_topics": False, "can_send_polls": False,
    "can_send_other_messages": False, "can_add_web_page_previews": False, "can_edit_tag": False,
    "can_send_audios": False, "can_react_to_messages": False,
    "can_send_photos": False, "can_send_videos": False, "can_send_video_notes": False, "can_send_voice_notes": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("chat", "member", "said"),
    [
        ({}, administrator(can_post_messages=False, can_edit_messages=True), "right to post messages"),
        ({}, {"status": "member", "user": BOT}, "right to post messages"),
        ({}, {"status": "left", "user": BOT}, "not in “News”"),
        ({}, {"status": "kicked", "user": BOT, "until_date": 0}, "not in “News”"),
        (GROUP, {"status": "left", "user": BOT}, "not in “News”"),
        (GROUP, {**RESTRICTED, "can_send_messages": False, "can_send_documents": True}, "right to send messages"),
        (
            {**GROUP, "permissions": {"can_send_messages": False}},
            {"status": "member", "user": BOT},
            "members lack the right",
        ),
    ],
)
def test_check_says_which_right_is_missing(bench: Any, api: Any, chat: Any, member: Any, said: str) -> None:
    api.chat |= chat
    api.member = member
    with pytest.raises(DestinationBroken, match=said):
        check(bench)


@pytest.mark.parametrize(
    ("chat", "member"),
    [
        ({"type": "private", "title": None, "first_name": "Ann"}, None),
        (GROUP, {"status": "member", "user": BOT}),
        (GROUP, administrator()),
        ({**GROUP, "permissions": {"can_send_messages": False}}, administrator()),
        ({"type": "group", "username": None}, {"status": "member", "user": BOT}),
    ],
)
def test_check_is_content_with_the_right_to_post_alone(bench: Any, api: Any, chat: Any, member: Any) -> None:
    api.chat |= chat
    api.member = member
    assert check(bench).startswith("@demo_bot may post to “")


def test_check_says_where_texts_may_go_and_files_may_not(bench: Any, api: Any) -> None:
    api.chat |= GROUP
    api.member = {**RESTRICTED, "can_send_messages": True, "can_send_documents": False}
    assert "no files" in check(bench)


def test_a_member_list_that_is_shown_to_members_alone_means_that_the_bot_is_none(bench: Any, api: Any) -> None:
    api.answers += [None, None]
    api.refuse(400, "Bad Request: member list is inaccessible")
    with pytest.raises(DestinationBroken, match="not in “News”"):
        check(bench)


@pytest.mark.parametrize(("address", "asked"), [("@news", ["getChat"]), (NUMBER, []), ("-01001234567890", [])])
def test_a_chat_is_identified_by_its_number(bench: Any, api: Any, address: str, asked: list[str]) -> None:
    bench.place = replace(bench.place, address=address)
    assert bench.run(lambda handler: handler.identify(bench.place)) == NUMBER
    assert methods(api) == asked


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        (None, "api.telegram.org:443"),
        ("", "api.telegram.org:443"),
        ("http://127.0.0.1:8021", "127.0.0.1:8021"),
        ("http://[::1]:8021/", "[::1]:8021"),
        ("https://bots.example/telegram", "bots.example:443"),
    ],
)
def test_the_endpoint_is_host_and_port_of_the_base_url(url: str | None, endpoint: str, bench: Any) -> None:
    handler = TelegramHandler(HandlerConfig(service="telegram", options={"API_BASE_URL": url}))
    assert handler.endpoint(bench.place) == endpoint


@pytest.mark.parametrize(
    "url", ["bots.example", "ftp://x", "http://", "http://h:99999", "http://u:p@h", "http://h/?q=1"]
)
def test_a_base_url_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="API_BASE_URL") as caught:
        TelegramHandler(HandlerConfig(service="telegram", options={"API_BASE_URL": url}))
    assert url == "http://" or url not in str(caught.value)


def cleaned(address: str, options: dict[str, Any], token: str) -> Answer[None]:
    return gate.clean(TelegramHandler(HandlerConfig(service="telegram")), address, options, {"token": token})


@pytest.mark.parametrize("address", ["@news", "@News_2", "-1001234567890", "42"])
def test_channel_names_and_chat_numbers_are_addresses(address: str) -> None:
    options = {"silent": True, "link_preview": False, "link": True, "thread_id": 3}
    assert isinstance(cleaned(address, options, TOKEN), Asked)


@pytest.mark.parametrize(
    ("address", "options", "token", "said"),
    [
        ("news", {}, TOKEN, "@name"),
        ("https://t.me/news", {}, TOKEN, "@name"),
        ("@news\n", {}, TOKEN, "@name"),
        ("", {}, TOKEN, "@name"),
        ("@news", {}, "", "BotFather"),
        ("@news", {}, "123:short", "BotFather"),
        ("@news", {"sillent": True}, TOKEN, "silent"),
        ("@news", {"silent": "yes"}, TOKEN, "silent"),
        ("@news", {"thread_id": True}, TOKEN, "thread_id"),
    ],
)
def test_a_destination_of_the_wrong_form_is_refused_in_words(
    address: str, options: dict[str, Any], token: str, said: str
) -> None:
    refused = cleaned(address, options, token)
    assert isinstance(refused, Refused)
    assert said in refused.reason
    assert TOKEN not in refused.reason


def test_the_bot_token_is_the_only_secret() -> None:
    assert json.loads(json.dumps({name: str(label) for name, label in TelegramHandler.secret_fields.items()})) == {
        "token": "Bot token"
    }

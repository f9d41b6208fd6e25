"""What reaches the Bot API for create, update and delete, through the real client library."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from syncqueue.core.errors import DestinationBroken, LeaseLost, PermanentError
from syncqueue.handlers.base import TRACE, Document, Place, RemotePart

NUMBER = "-1001234567890"  # of @news
TOKEN = "110201543:sandbox-token-of-the-demo-bot"
LONG = "word " * 1000
TEXT = RemotePart(kind="text", id="7", url="https://t.me/news/7", address="@news")
FILE = RemotePart(kind="document", id="8", url="https://t.me/news/8", address="@news")
ELSEWHERE = RemotePart(kind="text", id="5", url="https://t.me/old/5", address="@old")


def methods(api: Any) -> list[str]:
    return [call.method for call in api.calls]


# create


def test_a_plain_text_is_sent_and_its_part_names_message_link_and_address(bench: Any, api: Any) -> None:
    assert bench.create("Hello <you> & *me*") == [
        RemotePart(kind="text", id="41", url="https://t.me/news/41", address="@news", identity=NUMBER)
    ]
    (call,) = api.calls
    assert call.method == "sendMessage"
    assert call.params["chat_id"] == "@news"
    assert call.params["text"] == "Hello <you> & *me*"
    assert "parse_mode" not in call.params


def test_markdown_is_sent_as_text_with_entities(bench: Any, api: Any) -> None:
    bench.create(Document(text="a **bold** word", format="markdown"))
    (call,) = api.calls
    assert call.params["text"] == "a bold word"
    assert call.params["entities"] == [{"type": "bold", "offset": 2, "length": 4}]


def test_markdown_with_refused_entities_is_sent_again_as_the_same_text(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: entity URL 'https://e.example' is invalid: Wrong HTTP URL")
    bench.create(Document(text="a **bold** [link](https://e.example)<!-- x --> ||secret||", format="markdown"))
    first, second = api.calls
    assert "entities" in first.params
    assert second.params["text"] == "a bold link ██████"
    assert "entities" not in second.params


def test_a_plain_text_with_refused_entities_is_not_sent_twice(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: can't parse entities: x")
    with pytest.raises(PermanentError):
        bench.create("Hello")
    assert len(api.calls) == 1


def test_a_long_text_is_sent_as_a_file_with_a_caption(bench: Any, api: Any) -> None:
    (part,) = bench.create(LONG)
    assert part.kind == "document"
    (call,) = api.calls
    assert call.method == "sendDocument"
    assert call.files["document"] == (f"{'word ' * 11}word.txt", LONG.strip().encode())
    assert call.params["caption"].endswith("word…")


def test_a_private_channels_message_is_linked_by_its_number(bench: Any, api: Any) -> None:
    chat = {"id": -1009876543210, "type": "supergroup", "title": "Ours"}
    result = {"message_id": 3, "date": 0, "chat": chat, "text": "x"}
    api.answers.append(httpx.Response(200, json={"ok": True, "result": result}))
    (part,) = bench.create("Hello")
    assert part.url == "https://t.me/c/9876543210/3"


def test_a_basic_groups_message_has_no_link(bench: Any, api: Any) -> None:
    result = {"message_id": 3, "date": 0, "chat": {"id": -5, "type": "group", "title": "Ours"}, "text": "x"}
    api.answers.append(httpx.Response(200, json={"ok": True, "result": result}))
    assert bench.create("Hello")[0].url == ""


def test_a_destinations_options_are_sent(bench: Any, api: Any) -> None:
    options = {"silent": True, "link_preview": False, "thread_id": 9, "link": True}
    bench.place = Place(id=1, name="N", address="@news", options=options, secret={"token": TOKEN})
    bench.create(Document(text="Hello", url="https://site.example/1"))
    params = api.calls[0].params
    assert (params["disable_notification"], params["message_thread_id"]) == (True, "9")
    assert params["link_preview_options"] == {"is_disabled": True}
    assert params["text"] == "Hello\n\nhttps://site.example/1"


@pytest.mark.parametrize("thread_id", [1, None])
def test_the_topic_general_is_none(bench: Any, api: Any, thread_id: int | None) -> None:
    bench.place = Place(id=1, name="N", address="@news", options={"thread_id": thread_id}, secret={"token": TOKEN})
    bench.create("Hello")
    assert "message_thread_id" not in api.calls[0].params


@pytest.mark.parametrize("text", ["", " \n\t\r\n ", "\0", "\u200b\u2060", "\u2800\u3164", "\u00ad"])
@pytest.mark.parametrize("format", ["plain", "markdown"])
def test_a_text_with_nothing_to_see_fails_without_a_request(bench: Any, api: Any, text: str, format: Any) -> None:
    with pytest.raises(PermanentError, match="empty"):
        bench.create(Document(text=text, format=format, tags=("a",)))
    assert api.calls == []


@pytest.mark.parametrize(
    "text", ["<!-- note to self -->", "<!--\n\nunfinished", "[//]: # (note to self)", "[x]: https://e.example"]
)
def test_a_text_that_is_a_comment_alone_is_not_published(bench: Any, api: Any, text: str) -> None:
    with pytest.raises(PermanentError, match="comments"):
        bench.create(Document(text=text, format="markdown"))
    assert api.calls == []


@pytest.mark.parametrize("token", ["", "nonsense", "1:short", f"{TOKEN}/../x", f"{TOKEN}\n"])
def test_a_malformed_token_breaks_the_destination_without_a_request(bench: Any, api: Any, token: str) -> None:
    bench.place = Place(id=1, name="News", address="@news", secret={"token": token})
    with pytest.raises(DestinationBroken, match="BotFather"):
        bench.create("Hello")
    assert api.calls == []


# update


def test_a_changed_text_is_edited_in_place(bench: Any, api: Any) -> None:
    assert bench.update("New", TEXT) == [replace(TEXT, identity=NUMBER)]
    (call,) = api.calls
    assert call.method == "editMessageText"
    assert (call.params["message_id"], call.params["text"]) == ("7", "New")


def test_a_changed_file_is_edited_with_its_caption(bench: Any, api: Any) -> None:
    assert bench.update(LONG, FILE) == [replace(FILE, identity=NUMBER)]
    (call,) = api.calls
    assert call.method == "editMessageMedia"
    media = call.params["media"]
    assert media["caption"].endswith("word…")
    assert [content for _, content in call.files.values()] == [LONG.strip().encode()]


@pytest.mark.parametrize("description", ["Bad Request: message is not modified: x", "MESSAGE IS NOT MODIFIED"])
def test_an_edit_that_changes_nothing_is_done(bench: Any, api: Any, description: str) -> None:
    api.refuse(400, description)
    assert bench.update("Same", TEXT) == [TEXT]


@pytest.mark.parametrize("description", ["Bad Request: message to edit not found", "Bad Request: MESSAGE_ID_INVALID"])
def test_an_edit_of_a_message_that_is_gone_creates_it_anew(bench: Any, api: Any, description: str) -> None:
    api.refuse(400, description)
    (part,) = bench.update("New", TEXT)
    assert methods(api) == ["editMessageText", "sendMessage"]
    assert part.id == "42"
    assert [[part.kind for part in parts] for parts in bench.checkpoints] == [[], [TRACE]]


def test_an_edit_with_refused_entities_is_made_again_as_plain_text(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: ENTITY_BOUNDS_INVALID")
    bench.update(Document(text="a **bold** word", format="markdown"), TEXT)
    assert "entities" not in api.calls[1].params


def test_a_text_that_grew_is_deleted_and_then_sent_as_a_file(bench: Any, api: Any) -> None:
    (part,) = bench.update(LONG, TEXT)
    assert methods(api) == ["deleteMessage", "sendDocument"]
    assert part.kind == "document"
    assert [[part.kind for part in parts] for parts in bench.checkpoints] == [[], [TRACE]]


@pytest.mark.parametrize("text", ["", "<!-- was: visible -->"])
def test_a_text_that_was_hidden_takes_its_message_with_it_and_says_so(bench: Any, api: Any, text: str) -> None:
    with pytest.raises(PermanentError, match="taken away"):
        bench.update(Document(text=text, format="markdown"), TEXT, FILE)
    assert methods(api) == ["deleteMessage", "deleteMessage"]
    assert bench.checkpoints == [(FILE,), ()]


def test_a_file_that_shrank_is_deleted_and_then_sent_as_text(bench: Any, api: Any) -> None:
    (part,) = bench.update("short", FILE)
    assert methods(api) == ["deleteMessage", "sendMessage"]
    assert part.kind == "text"


def test_a_text_that_cannot_be_deleted_stays_a_text_and_is_cut(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: message can't be deleted for everyone")
    document = Document(text=LONG, url="https://site.example/1")
    (part,) = bench.update(document, TEXT)
    assert methods(api) == ["deleteMessage", "editMessageText"]
    assert api.calls[1].params["text"].endswith("word…\n\nhttps://site.example/1")
    bench.update(document, part)
    assert methods(api)[2:] == ["editMessageText"]  # it is known now that the form has to stay


def test_a_file_that_cannot_be_deleted_stays_a_file(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: message can't be deleted")
    assert bench.update("short", FILE) == [replace(FILE, identity=NUMBER)]
    assert methods(api) == ["deleteMessage", "editMessageMedia"]


def test_a_lost_lease_between_delete_and_create_stops_before_the_create(bench: Any, api: Any) -> None:
    async def lost(parts: Any) -> str:
        raise LeaseLost("taken over")

    job = bench.job(LONG, (TEXT,))
    job._store = lost
    with pytest.raises(LeaseLost):
        bench.run(lambda handler: handler.update(job))
    assert methods(api) == ["deleteMessage"]


def test_a_message_in_another_chat_is_removed_there_and_sent_here(bench: Any, api: Any) -> None:
    (part,) = bench.update("New", ELSEWHERE)
    assert [(call.method, call.params["chat_id"]) for call in api.calls] == [
        ("deleteMessage", "@old"),
        ("sendMessage", "@news"),
    ]
    assert part.address == "@news"
    assert [[part.kind for part in parts] for parts in bench.checkpoints] == [[], [TRACE]]


def test_a_message_left_over_elsewhere_is_removed_before_the_edit(bench: Any, api: Any) -> None:
    assert bench.update("New", ELSEWHERE, TEXT) == [replace(TEXT, identity=NUMBER)]
    assert methods(api) == ["deleteMessage", "editMessageText"]
    assert bench.checkpoints == [(TEXT,)]


def test_an_adopted_message_without_address_and_kind_is_edited_as_text(bench: Any, api: Any) -> None:
    adopted = RemotePart(kind="", id="7")
    assert bench.update("New", adopted) == [RemotePart(kind="text", id="7", address="@news", identity=NUMBER)]
    assert (api.calls[0].method, api.calls[0].params["chat_id"]) == ("editMessageText", "@news")


def test_an_adopted_id_that_is_no_number_fails_with_the_reason(bench: Any, api: Any) -> None:
    with pytest.raises(PermanentError, match="not the number"):
        bench.update("New", RemotePart(kind="text", id="https://t.me/news/7"))


def test_a_message_is_edited_where_it_is_after_its_channel_was_given_another_name(bench: Any, api: Any) -> None:
    before = RemotePart(kind="text", id="7", url="https://t.me/olds/7", address="@olds", identity=NUMBER)
    (part,) = bench.update("New", before)
    assert [(call.method, call.params["chat_id"]) for call in api.calls] == [
        ("getChat", "@news"),
        ("editMessageText", NUMBER),
    ]
    assert part == replace(before, address="@news")


def test_a_message_is_edited_by_its_chats_number_where_that_is_known(bench: Any, api: Any) -> None:
    bench.update("New", replace(TEXT, identity=NUMBER))
    assert api.calls[0].params["chat_id"] == NUMBER


OLD_GROUP = RemotePart(kind="text", id="5", address="-77", identity="-77")


def refuse_as_moved(api: Any) -> None:
    api.refuse(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1009)


def test_a_message_in_the_history_of_an_upgraded_group_is_edited_there(bench: Any, api: Any) -> None:
    bench.place = replace(bench.place, address="-1009")
    api.chat["id"] = -77
    refuse_as_moved(api)
    assert bench.update("New", OLD_GROUP) == [OLD_GROUP]
    assert [(call.method, call.params["chat_id"]) for call in api.calls] == [
        ("deleteMessage", "-77"),
        ("editMessageText", "-77"),
    ]


def test_a_text_that_grew_in_such_a_history_is_cut(bench: Any, api: Any) -> None:
    bench.place = replace(bench.place, address="-1009")
    refuse_as_moved(api)
    refuse_as_moved(api)
    (part,) = bench.update(Document(text=LONG, url="https://site.example/1"), OLD_GROUP)
    assert (part.kind, part.address) == ("excerpt", "-77")
    assert methods(api) == ["deleteMessage", "deleteMessage", "editMessageText"]


def test_what_is_gone_from_such_a_history_is_sent_to_the_supergroup(bench: Any, api: Any) -> None:
    bench.place = replace(bench.place, address="-1009")
    refuse_as_moved(api)
    api.refuse(400, "Bad Request: message to edit not found")
    (part,) = bench.update("New", OLD_GROUP)
    assert part.address == "-1009"


# delete


def test_a_message_in_the_history_of_an_upgraded_group_is_emptied_there(bench: Any, api: Any) -> None:
    bench.place = replace(bench.place, address="-1009")
    refuse_as_moved(api)
    bench.delete(OLD_GROUP)
    assert [(call.method, call.params.get("text")) for call in api.calls] == [
        ("deleteMessage", None),
        ("editMessageText", "(removed)"),
    ]


def test_where_that_is_refused_too_it_is_named(bench: Any, api: Any) -> None:
    bench.place = replace(bench.place, address="-1009")
    refuse_as_moved(api)
    api.refuse(400, "Bad Request: message can't be edited")
    with pytest.raises(PermanentError, match=r"by hand \(-77, 5\)"):
        bench.delete(OLD_GROUP)


def test_it_is_emptied_too_while_the_destination_is_still_the_old_group(bench: Any, api: Any) -> None:
    bench.place = replace(bench.place, address="-77")
    refuse_as_moved(api)
    bench.delete(OLD_GROUP)
    assert methods(api) == ["deleteMessage", "editMessageText"]


def test_an_earlier_chat_that_the_bot_has_left_does_not_break_the_destination(bench: Any, api: Any) -> None:
    api.refuse(403, "Forbidden: bot was kicked from the channel chat")
    with pytest.raises(PermanentError, match=r"by hand \(https://t\.me/old/5\)"):
        bench.update("New", ELSEWHERE)
    api.refuse(401, "Unauthorized")
    with pytest.raises(DestinationBroken):
        bench.update("New", ELSEWHERE)


def test_a_message_is_deleted_where_it_was_posted(bench: Any, api: Any) -> None:
    bench.delete(ELSEWHERE)
    (call,) = api.calls
    assert (call.method, call.params) == ("deleteMessage", {"chat_id": "@old", "message_id": "5"})


@pytest.mark.parametrize("description", ["Bad Request: message to delete not found", "Bad Request: MESSAGE_ID_INVALID"])
def test_deleting_a_message_that_is_gone_is_done(bench: Any, api: Any, description: str) -> None:
    api.refuse(400, description)
    assert bench.delete(TEXT) is None


def test_several_messages_are_deleted_one_by_one_with_what_is_left_stored_between(bench: Any, api: Any) -> None:
    bench.delete(TEXT, FILE)
    assert [call.params["message_id"] for call in api.calls] == ["7", "8"]
    assert bench.checkpoints == [(FILE,)]


def test_a_text_that_cannot_be_deleted_is_edited_to_a_neutral_line(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: message can't be deleted")
    bench.delete(TEXT)
    assert (api.calls[1].method, api.calls[1].params["text"]) == ("editMessageText", "(removed)")


def test_a_file_that_cannot_be_deleted_is_replaced_by_a_neutral_one(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: message can't be deleted")
    bench.delete(FILE)
    assert api.calls[1].params["media"]["caption"] == "(removed)"
    assert list(api.calls[1].files.values()) == [("removed.txt", b"(removed)")]


def test_a_message_that_is_neutral_already_is_done(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: message can't be deleted")
    api.refuse(400, "Bad Request: message is not modified")
    assert bench.delete(TEXT) is None


def test_a_message_that_can_neither_be_deleted_nor_edited_asks_for_a_hand_with_its_link(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: message can't be deleted")
    api.refuse(400, "Bad Request: message can't be edited")
    with pytest.raises(PermanentError, match=r"by hand \(https://t\.me/news/7\)"):
        bench.delete(TEXT)

"""Every answer of the table in words: what the real server says, through the real client library."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from syncqueue.core.errors import DestinationBroken, HandlerError, PermanentError
from syncqueue.handlers.base import Document, RemotePart
from syncqueue.handlers.telegram.answers import Refused
from syncqueue.handlers.telegram.refusals import Refusal, read_refusal

PART = RemotePart(kind="text", id="7", url="https://t.me/news/7", address="@news")
LONG = "word " * 1000

PLACE = [
    (400, "Bad Request: not enough rights to send text messages to the chat"),
    (400, "Bad Request: need administrator rights in the channel chat"),
    (400, "Bad Request: have no write access to the chat"),
    (400, "Bad Request: can't access the chat"),
    (400, "Bad Request: chat not found"),
    (400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
    (400, "Bad Request: CHAT_ADMIN_REQUIRED"),
    (400, "Bad Request: CHANNEL_PRIVATE"),
    (400, "Bad Request: CHANNEL_INVALID"),
    (400, "Bad Request: CHANNEL_PUBLIC_GROUP_NA"),
    (400, "Bad Request: CHAT_RESTRICTED"),
    (400, "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN"),
    (400, "Bad Request: CHAT_GUEST_SEND_FORBIDDEN"),
    (400, "Bad Request: USER_BANNED_IN_CHANNEL"),
    (400, "Bad Request: PEER_ID_INVALID"),
    (400, "Bad Request: USER_DELETED"),
    (400, "Bad Request: USER_BOT_INVALID"),
    (400, "Bad Request: FROZEN_METHOD_INVALID"),
    (400, "Bad Request: message thread not found"),
    (400, "Bad Request: TOPIC_CLOSED"),
    (400, "Bad Request: TOPIC_DELETED"),
    (400, "Bad Request: TOPIC_ID_INVALID"),
    (400, "Bad Request: the chat is not a forum"),
    (400, "Bad Request: direct messages topic must be specified"),
    (400, "Bad Request: ALLOW_PAYMENT_REQUIRED_5"),
    (400, "Bad Request: PAYMENT_REQUIRED"),
    (400, "Bad Request: not enough Stars"),
    (403, "Forbidden: bot was kicked from the channel chat"),
    (403, "Forbidden: bot was blocked by the user"),
    (403, "Forbidden: bot is not a member of the channel chat"),
    (403, "Forbidden: words that are new next year"),
]
ENTITIES = [
    "Bad Request: can't parse MessageEntity: Unsupported type specified",
    "Bad Request: can't parse entities: Unsupported start tag",
    "Bad Request: entity URL 'http://localhost:8000/x' is invalid: Wrong HTTP URL",
    "Bad Request: entity begins after the end of the text at UTF-16 offset 9",
    "Bad Request: entity beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 9",
    "Bad Request: receive an entity with incorrect offset -1",
    "Bad Request: ENTITY_BOUNDS_INVALID",
    "Bad Request: ENTITY_TEXTURL_INVALID",
    "Bad Request: ENTITIES_TOO_LONG",
]
CONTENT = [
    "Bad Request: message is too long",
    "Bad Request: message caption is too long",
    "Bad Request: MEDIA_CAPTION_TOO_LONG",
    "Bad Request: text must be non-empty",
    "Bad Request: message text is empty",
    "Bad Request: strings must be encoded in UTF-8",
]
FORM = [
    "Bad Request: not enough rights to send documents to the chat",
    "Bad Request: CHAT_SEND_DOCS_FORBIDDEN",
    "Bad Request: CHAT_SEND_MEDIA_FORBIDDEN",
]
GONE = [
    "Bad Request: message to edit not found",
    "Bad Request: message to delete not found",
    "Bad Request: message not found",
    "Bad Request: MESSAGE_ID_INVALID",
    "Bad Request: MSG_ID_INVALID",
]
KEPT = [
    "Bad Request: message can't be deleted",
    "Bad Request: message can't be deleted for everyone",
    "Bad Request: MESSAGE_DELETE_FORBIDDEN",
]


def raised(act: Any) -> HandlerError:
    with pytest.raises(HandlerError) as caught:
        act()
    return caught.value


def methods(api: Any) -> list[str]:
    return [call.method for call in api.calls]


@pytest.mark.parametrize(("status", "words"), PLACE)
def test_what_is_true_for_every_message_to_a_chat_breaks_the_destination(
    bench: Any, api: Any, status: int, words: str
) -> None:
    api.refuse(status, words)
    error = raised(lambda: bench.create("Hello"))
    assert isinstance(error, DestinationBroken)
    assert words in str(error)  # Telegram's own, in its letter case


@pytest.mark.parametrize(("status", "words"), PLACE)
def test_an_edit_hears_it_too(bench: Any, api: Any, status: int, words: str) -> None:
    api.refuse(status, words)
    assert isinstance(raised(lambda: bench.update("Hello", PART)), DestinationBroken)


def test_words_that_nobody_knows_are_taken_for_the_places_by_a_create_and_for_the_messages_by_an_edit(
    bench: Any, api: Any
) -> None:
    api.refuse(400, "Bad Request: SOMETHING_NEW")
    assert isinstance(raised(lambda: bench.create("Hello")), DestinationBroken)
    for act in (lambda: bench.update("Hello", PART), lambda: bench.delete(PART)):
        api.refuse(400, "Bad Request: SOMETHING_NEW")
        error = raised(act)
        assert isinstance(error, PermanentError)
        assert "SOMETHING_NEW" in str(error)


@pytest.mark.parametrize("words", CONTENT)
@pytest.mark.parametrize("request_name", ["create", "update"])
def test_what_is_about_the_content_fails_that_note_alone(bench: Any, api: Any, words: str, request_name: str) -> None:
    api.refuse(400, words)
    error = raised(lambda: bench.create("Hello") if request_name == "create" else bench.update("Hello", PART))
    assert isinstance(error, PermanentError)
    assert words in str(error)


@pytest.mark.parametrize("words", ENTITIES)
@pytest.mark.parametrize("request_name", ["create", "update"])
def test_a_refusal_of_the_entities_is_answered_with_the_same_text_without_them(
    bench: Any, api: Any, words: str, request_name: str
) -> None:
    document = Document(text="a **bold** [word](https://e.example)", format="markdown")
    api.refuse(400, words)
    bench.create(document) if request_name == "create" else bench.update(document, PART)
    first, second = api.calls
    assert "entities" in first.params
    assert (second.params["text"], "entities" in second.params) == ("a bold word", False)


@pytest.mark.parametrize("words", FORM)
def test_a_chat_that_takes_no_files_is_sent_the_beginning_with_the_link(bench: Any, api: Any, words: str) -> None:
    api.refuse(400, words)
    (part,) = bench.create(Document(text=LONG, url="https://site.example/1"))
    assert methods(api) == ["sendDocument", "sendMessage"]
    assert api.calls[1].params["text"].endswith("word…\n\nhttps://site.example/1")
    # From then on it is edited as it is, and not sent as a file once more.
    api.calls.clear()
    assert bench.update(Document(text=LONG + "more", url="https://site.example/1"), part) == [part]
    assert methods(api) == ["editMessageText"]


@pytest.mark.parametrize("words", FORM)
def test_without_a_page_to_point_to_that_note_alone_fails(bench: Any, api: Any, words: str) -> None:
    api.refuse(400, words)
    error = raised(lambda: bench.create(LONG))
    assert isinstance(error, PermanentError)
    assert words in str(error)
    assert methods(api) == ["sendDocument"]


@pytest.mark.parametrize("words", GONE)
def test_what_is_gone_is_created_anew_by_an_edit_and_done_by_a_deletion(bench: Any, api: Any, words: str) -> None:
    api.refuse(400, words)
    bench.update("New", PART)
    assert methods(api) == ["editMessageText", "sendMessage"]
    api.refuse(400, words)
    bench.delete(PART)
    assert methods(api)[2:] == ["deleteMessage"]


@pytest.mark.parametrize("words", KEPT)
def test_what_telegram_keeps_is_emptied(bench: Any, api: Any, words: str) -> None:
    api.refuse(400, words)
    bench.delete(PART)
    assert methods(api) == ["deleteMessage", "editMessageText"]
    assert api.calls[1].params["text"] == "(removed)"


def test_a_message_of_another_author_fails_its_note_alone(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: message can't be edited")
    error = raised(lambda: bench.update("New", PART))
    assert isinstance(error, Refused)
    assert error.why is Refusal.UNEDITABLE


NO_TEXT = "Bad Request: there is no text in the message to edit"


@pytest.mark.parametrize("kind", ["", "text"])
def test_a_message_that_turns_out_to_be_a_file_is_replaced_by_the_text(bench: Any, api: Any, kind: str) -> None:
    api.refuse(400, NO_TEXT)
    (part,) = bench.update("New", replace(PART, kind=kind))
    assert methods(api) == ["editMessageText", "deleteMessage", "sendMessage"]
    assert part.kind == "text"


def test_a_file_that_was_taken_for_a_text_and_cannot_be_deleted_stays_a_file(bench: Any, api: Any) -> None:
    api.refuse(400, NO_TEXT)
    api.refuse(400, "Bad Request: message can't be deleted")
    (part,) = bench.update("New", PART)
    assert methods(api) == ["editMessageText", "deleteMessage", "editMessageMedia"]
    assert (part.id, part.kind) == (PART.id, "document")


def test_a_file_of_unknown_kind_is_edited_where_it_stands(bench: Any, api: Any) -> None:
    (part,) = bench.update(LONG, replace(PART, kind=""))
    assert methods(api) == ["editMessageMedia"]
    assert (part.id, part.kind) == (PART.id, "document")


def test_a_file_that_was_taken_for_a_text_is_emptied_where_telegram_keeps_it(bench: Any, api: Any) -> None:
    api.refuse(400, "Bad Request: message can't be deleted")
    api.refuse(400, NO_TEXT)
    bench.delete(PART)
    assert methods(api) == ["deleteMessage", "editMessageText", "editMessageMedia"]


def test_a_server_that_contradicts_itself_about_the_kind_is_asked_once(bench: Any, api: Any) -> None:
    api.refuse(400, NO_TEXT)
    api.refuse(400, "Bad Request: message can't be deleted")
    api.refuse(400, "Bad Request: there is no media in the message to edit")
    assert isinstance(raised(lambda: bench.update("New", PART)), Refused)
    assert methods(api) == ["editMessageText", "deleteMessage", "editMessageMedia"]


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        (400, "Bad Request: Logged out", "logOut"),
        (401, "Unauthorized: invalid api-id/api-hash", "not set up well"),
        (421, "Misdirected Request", "API_BASE_URL"),
        (401, "Unauthorized", "BotFather"),
        (404, "Not Found", "BotFather"),
    ],
)
@pytest.mark.parametrize("request_name", ["create", "update", "delete"])
def test_a_server_or_token_set_up_wrongly_breaks_the_destination(
    bench: Any, api: Any, status: int, words: str, said: str, request_name: str
) -> None:
    api.refuse(status, words)
    acts = {
        "create": lambda: bench.create("Hello"),
        "update": lambda: bench.update("Hello", PART),
        "delete": lambda: bench.delete(PART),
    }
    error = raised(acts[request_name])
    assert isinstance(error, DestinationBroken)
    assert said in str(error)
    assert words in str(error)


def test_a_misdirected_request_is_told_by_its_status_alone(bench: Any, api: Any) -> None:
    api.answers.append(httpx.Response(421, text="<html></html>"))
    assert isinstance(raised(lambda: bench.create("Hello")), DestinationBroken)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Bad Request: IMAGE_PROCESS_FAILED", Refusal.CONTENT),
        ("Bad Request: PHOTO_INVALID_DIMENSIONS", Refusal.CONTENT),
        ("Bad Request: VIDEO_CONTENT_TYPE_INVALID", Refusal.CONTENT),
        (
            "Bad Request: file of size 11534336 bytes is too big for a photo; the maximum size is 10485760 bytes",
            Refusal.CONTENT,
        ),
        ('Bad Request: failed to send message #2 with the error message "IMAGE_PROCESS_FAILED"', Refusal.CONTENT),
        ('Bad Request: failed to send message #1 with the error message "CHAT_SEND_PHOTOS_FORBIDDEN"', Refusal.FORM),
        ("Bad Request: document can't be mixed with other media types", Refusal.CONTENT),
        ("Bad Request: too many messages to send as an album", Refusal.CONTENT),
        ("Bad Request: there are no messages to send", Refusal.CONTENT),
        ("Bad Request: not enough rights to send photos to the chat", Refusal.FORM),
    ],
)
def test_what_is_said_of_pictures_is_about_the_picture_and_never_breaks_the_destination(
    words: str, why: Refusal
) -> None:
    assert read_refusal(words, creates=True) is why


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Bad Request: can't change media type in the album", Refusal.ALBUM),
        ("Bad Request: message content type can't be used in an album", Refusal.ALBUM),
        ("Bad Request: there is no media in the message to edit", Refusal.NO_CAPTION),
        ("Bad Request: message media can't be edited", Refusal.NO_CAPTION),
    ],
)
def test_an_edit_of_a_picture_is_told_what_the_message_cannot_become(words: str, why: Refusal) -> None:
    assert read_refusal(words, creates=False) is why

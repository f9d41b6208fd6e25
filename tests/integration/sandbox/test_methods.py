"""Every method of the sandbox's Bot API, and its refusals, as python-telegram-bot sees them."""

import hashlib

import httpx
import pytest
from telegram import Bot, InputMediaDocument, LinkPreviewOptions, Message, MessageEntity, ReplyParameters
from telegram.error import BadRequest, InvalidToken, NetworkError

from project.sandbox.testing import RunningSandbox

from .talking import talk

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def refused(sandbox: RunningSandbox, work, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        talk(sandbox, work)
    assert text.lower() in str(caught.value).lower()


def send(sandbox: RunningSandbox, text: str = "Hello", chat: int | str = "@news", **options) -> Message:
    return talk(sandbox, lambda bot: bot.send_message(chat, text, **options))


def send_file(sandbox: RunningSandbox, data: bytes = b"# Long", **options) -> Message:
    options = {"filename": "note.md", "caption": "A caption"} | options
    return talk(sandbox, lambda bot: bot.send_document("@news", data, **options))


def test_the_bot_knows_itself(sandbox):
    me = talk(sandbox, Bot.get_me)
    assert (me.id, me.username, me.is_bot) == (110201543, "sandbox_bot", True)


@pytest.mark.parametrize("chat", ["@news", "@NEWS", -1001000000001, "-1001000000001"])
def test_a_chat_is_found_by_name_and_by_number(sandbox, chat):
    found = talk(sandbox, lambda bot: bot.get_chat(chat))
    assert (found.id, found.username, found.title, found.type) == (-1001000000001, "news", "News", "channel")


def test_a_sent_message_comes_back_and_is_seen_in_its_channel_alone(sandbox):
    message = send(sandbox)
    assert (message.text, message.chat.username) == ("Hello", "news")
    [seen] = sandbox.messages("@news")
    assert seen["message_id"] == message.message_id
    assert (seen["kind"], seen["text"], seen["edit_count"]) == ("text", "Hello", 0)
    assert sandbox.messages("@drafts") == []


def test_a_post_by_numeric_id_lands_in_the_same_channel(sandbox):
    send(sandbox, chat=-1001000000003)
    assert len(sandbox.messages("@tagged")) == 1


def test_html_becomes_text_and_entities(sandbox):
    message = send(sandbox, "A <b>bold</b> word & &lt;more&gt;", parse_mode="HTML")
    assert message.text == "A bold word & <more>"
    assert message.entities == (MessageEntity("bold", 2, 4),)


def test_entities_in_utf16_units_are_kept(sandbox):
    message = send(sandbox, "😀 bold", entities=[MessageEntity("bold", 3, 4)])
    assert message.parse_entities() == {MessageEntity("bold", 3, 4): "bold"}


def test_options_of_a_message_are_kept(sandbox):
    sandbox.set_topics("@news", **{"7": "open"})
    first = send(sandbox)
    answer = send(
        sandbox,
        "Answer",
        reply_parameters=ReplyParameters(first.message_id),
        message_thread_id=7,
        disable_notification=True,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert answer.reply_to_message.message_id == first.message_id
    seen = sandbox.messages()[-1]
    assert seen["message_thread_id"] == 7
    assert seen["disable_notification"] is True
    assert seen["reply_parameters"] == {"message_id": first.message_id}
    assert seen["link_preview_options"] == {"is_disabled": True}


def test_an_edited_message_keeps_its_id_and_counts_its_edits(sandbox):
    message = send(sandbox)
    edited = talk(sandbox, lambda bot: bot.edit_message_text("New", "@news", message.message_id))
    assert (edited.message_id, edited.text) == (message.message_id, "New")
    assert edited.edit_date is not None
    [seen] = sandbox.messages()
    assert (seen["text"], seen["edit_count"]) == ("New", 1)


def test_a_deleted_message_is_gone_and_its_id_is_never_given_again(sandbox):
    message = send(sandbox)
    assert talk(sandbox, lambda bot: bot.delete_message("@news", message.message_id)) is True
    assert sandbox.messages() == []
    assert send(sandbox).message_id > message.message_id


def test_a_document_is_kept_with_its_text(sandbox):
    message = send_file(sandbox, b"# Long")
    assert (message.document.file_name, message.document.file_size, message.caption) == ("note.md", 6, "A caption")
    [seen] = sandbox.messages()
    document = seen["document"]
    assert (document["file_name"], document["size"], document["text"]) == ("note.md", 6, "# Long")
    assert document["sha256"] == hashlib.sha256(b"# Long").hexdigest()


def test_a_photo_is_kept_by_size_and_hash(sandbox):
    message = talk(sandbox, lambda bot: bot.send_photo("@news", PNG, caption="Look"))
    assert message.photo[0].file_size == len(PNG)
    [seen] = sandbox.messages()
    assert (seen["kind"], seen["photo"]["sha256"]) == ("photo", hashlib.sha256(PNG).hexdigest())


def test_a_known_file_is_sent_again_by_its_id(sandbox):
    first = send_file(sandbox)
    again = talk(sandbox, lambda bot: bot.send_document("@drafts", first.document.file_id))
    assert again.document.file_unique_id == first.document.file_unique_id


def test_a_documents_caption_and_file_are_edited_apart(sandbox):
    message = send_file(sandbox)
    talk(sandbox, lambda bot: bot.edit_message_caption("@news", message.message_id, caption="Other"))
    media = InputMediaDocument(b"new text", filename="new.md", caption="<b>Third</b>", parse_mode="HTML")
    talk(sandbox, lambda bot: bot.edit_message_media(media, "@news", message.message_id))
    [seen] = sandbox.messages()
    assert (seen["caption"], seen["document"]["text"], seen["edit_count"]) == ("Third", "new text", 2)


@pytest.mark.parametrize("text", ["x" * 4096, "😀" * 2048])
def test_a_text_at_the_limit_goes_through(sandbox, text):
    assert send(sandbox, text).text == text


@pytest.mark.parametrize(
    ("text", "options", "answer"),
    [
        ("x" * 4097, {}, "Message is too long"),
        ("😀" * 2049, {}, "Message is too long"),
        ("", {}, "Message text is empty"),
        ("  \n ", {}, "Text must be non-empty"),
        ("\u200b\u2800", {}, "Text must be non-empty"),
        ("<b></b>", {"parse_mode": "HTML"}, "Text must be non-empty"),
        ("<b>open", {"parse_mode": "HTML"}, "Can't parse entities: can't find end tag"),
        ("<h1>no</h1>", {"parse_mode": "HTML"}, 'Can\'t parse entities: unsupported start tag "h1"'),
        ("1 + 1", {"parse_mode": "MarkdownV2"}, "Can't parse entities: character '+' is reserved"),
        ("x", {"parse_mode": "BBCode"}, "Unsupported parse_mode"),
        ("short", {"entities": [MessageEntity("bold", 0, 9)]}, "ends after the end of the text"),
        ("😀", {"entities": [MessageEntity("bold", 0, 1)]}, "in a middle of a UTF-16 symbol"),
        ("short", {"entities": [MessageEntity("sparkle", 0, 1)]}, "Unsupported type specified"),
        ("x", {"reply_parameters": ReplyParameters(999_999)}, "Message to be replied not found"),
    ],
)
def test_a_text_that_the_real_server_refuses_is_refused(sandbox, text, options, answer):
    refused(sandbox, lambda bot: bot.send_message("@news", text, **options), BadRequest, answer)
    assert sandbox.messages() == []


def test_an_unknown_chat_is_refused(sandbox):
    refused(sandbox, lambda bot: bot.send_message("@nowhere", "x"), BadRequest, "Chat not found")
    refused(sandbox, lambda bot: bot.get_chat(-100999), BadRequest, "Chat not found")


def test_a_caption_has_a_limit_of_its_own(sandbox):
    assert send_file(sandbox, caption="x" * 1024).caption == "x" * 1024
    with pytest.raises(BadRequest, match="(?i)message caption is too long"):
        send_file(sandbox, caption="x" * 1025)


def test_files_that_cannot_be_taken_are_refused(sandbox):
    refused(sandbox, lambda bot: bot.send_document("@news", b""), BadRequest, "File must be non-empty")
    refused(sandbox, lambda bot: bot.send_photo("@news", b"no picture"), BadRequest, "IMAGE_PROCESS_FAILED")
    refused(sandbox, lambda bot: bot.send_document("@news", "no-such-id"), BadRequest, "Wrong file identifier")
    assert sandbox.messages() == []


def test_an_upload_of_more_than_50_megabytes_is_refused(sandbox):
    refused(sandbox, lambda bot: bot.send_document("@news", bytes(50 * 1024 * 1024)), NetworkError, "Entity Too Large")
    assert sandbox.messages() == []


def test_an_edit_that_changes_nothing_is_refused(sandbox):
    message = send(sandbox, "Same <i>text</i>", parse_mode="HTML")
    same = {"text": "Same text", "chat_id": "@news", "message_id": message.message_id}
    entities = [MessageEntity("italic", 5, 4)]
    refused(
        sandbox, lambda bot: bot.edit_message_text(**same, entities=entities), BadRequest, "Message is not modified"
    )
    talk(sandbox, lambda bot: bot.edit_message_text(**same))  # without its italics it is another text
    document = send_file(sandbox)
    refused(
        sandbox,
        lambda bot: bot.edit_message_caption("@news", document.message_id, caption="A caption"),
        BadRequest,
        "Message is not modified",
    )


def test_messages_that_are_not_there_are_refused(sandbox):
    refused(sandbox, lambda bot: bot.edit_message_text("x", "@news", 999_999), BadRequest, "Message to edit not found")
    refused(sandbox, lambda bot: bot.delete_message("@news", 999_999), BadRequest, "Message to delete not found")


def test_a_text_and_a_document_are_not_edited_into_each_other_by_the_wrong_method(sandbox):
    text, document = send(sandbox), send_file(sandbox)
    refused(
        sandbox,
        lambda bot: bot.edit_message_text("x", "@news", document.message_id),
        BadRequest,
        "There is no text in the message to edit",
    )
    refused(
        sandbox,
        lambda bot: bot.edit_message_caption("@news", text.message_id, caption="x"),
        BadRequest,
        "There is no caption in the message to edit",
    )


def test_a_locked_message_can_be_edited_but_not_deleted(sandbox):
    message = send(sandbox)
    sandbox.lock_message("@news", message.message_id)
    refused(
        sandbox, lambda bot: bot.delete_message("@news", message.message_id), BadRequest, "Message can't be deleted"
    )
    talk(sandbox, lambda bot: bot.edit_message_text("Neutral", "@news", message.message_id))
    [seen] = sandbox.messages()
    assert (seen["text"], seen["locked"]) == ("Neutral", True)


def test_a_wrong_token_is_refused(sandbox):
    with pytest.raises(InvalidToken):
        talk(sandbox, lambda bot: bot.send_message("@news", "x"), token="1:wrong")
    assert sandbox.messages() == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("bot1:wrong/getMe", 401),
        ("bot1:wrong/no", 401),
        ("botwrong/getMe", 404),
        ("", 404),
        ("bot{token}/noMethod", 404),
    ],
)
def test_bad_addresses_get_the_real_servers_codes(sandbox, path, status):
    url = f"{sandbox.telegram_url}/{path.format(token=sandbox.bot_token)}"
    answer = httpx.get(url, trust_env=False)
    assert (answer.status_code, answer.json()["error_code"]) == (status, status)
    assert answer.json()["ok"] is False


def test_query_form_and_json_say_the_same(sandbox):
    url = f"{sandbox.telegram_url}/bot{sandbox.bot_token}/sendmessage"
    values = {"chat_id": -1001000000001, "text": "Ä & ü", "entities": '[{"type":"bold","offset":0,"length":1}]'}
    with httpx.Client(trust_env=False) as client:
        answers = [client.get(url, params=values), client.post(url, data=values), client.post(url, json=values)]
    assert [answer.json()["result"]["text"] for answer in answers] == ["Ä & ü"] * 3
    assert len(sandbox.messages()) == 3
    assert all(message["entities"] for message in sandbox.messages())

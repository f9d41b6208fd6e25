"""Photos, videos and albums of the sandbox, with the real refusals, as python-telegram-bot sees them."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import InputMediaDocument, InputMediaPhoto, InputMediaVideo, Message
from telegram.error import BadRequest

from project.sandbox.pictures.album import film, painted
from project.sandbox.testing import RunningSandbox

from .talking import talk

Media = InputMediaPhoto | InputMediaVideo | InputMediaDocument


def photo(name: str = "leaf", **options: Any) -> InputMediaPhoto:
    return InputMediaPhoto(painted(name), **options)


def send(sandbox: RunningSandbox, *media: Media, **options: Any) -> tuple[Message, ...]:
    return talk(sandbox, lambda bot: bot.send_media_group("@news", media, **options))


def edit(sandbox: RunningSandbox, message: Message, media: Media) -> Any:
    return talk(sandbox, lambda bot: bot.edit_message_media(media, "@news", message.message_id))


def kinds(sandbox: RunningSandbox) -> list[str]:
    return [message["kind"] for message in sandbox.messages()]


def test_a_video_is_kept(sandbox: RunningSandbox) -> None:
    message = talk(sandbox, lambda bot: bot.send_video("@news", film(), caption="Waves"))
    assert message.video is not None
    [seen] = sandbox.messages()
    assert (seen["kind"], seen["caption"], seen["video"]["size"]) == ("video", "Waves", len(film()))


def test_an_album_is_one_request_and_its_messages_stand_in_order(sandbox: RunningSandbox) -> None:
    sent = send(sandbox, photo("leaf", caption="Look"), InputMediaVideo(film()), photo("sea"))
    seen = sandbox.messages()
    assert [message["message_id"] for message in seen] == [message.message_id for message in sent]
    assert kinds(sandbox) == ["photo", "video", "photo"]
    assert [message["caption"] for message in seen] == ["Look", "", ""]
    assert len({message["media_group_id"] for message in seen}) == 1
    [entry] = [entry for entry in sandbox.log() if entry["method"] == "sendMediaGroup"]
    assert (entry["stored"], entry["answered"]) == (True, True)


def test_a_single_item_is_no_album(sandbox: RunningSandbox) -> None:
    send(sandbox, photo())
    assert "media_group_id" not in sandbox.messages()[0]


@pytest.mark.parametrize(
    ("media", "words"),
    [
        ([photo()] * 11, "too many messages to send as an album"),
        ([photo(), InputMediaDocument(b"text")], "document can't be mixed with other media types"),
        (
            [photo(), InputMediaPhoto(b"no picture")],
            'failed to send message #2 with the error message "IMAGE_PROCESS_FAILED"',
        ),
    ],
)
def test_what_makes_no_album_is_refused_whole(sandbox: RunningSandbox, media: list[Media], words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        send(sandbox, *media)
    assert words.lower() in str(caught.value).lower()
    assert sandbox.messages() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (painted("leaf") + bytes(11 * 1024 * 1024), "is too big for a photo; the maximum size is 10485760 bytes"),
        (b"no picture", "IMAGE_PROCESS_FAILED"),
    ],
)
def test_what_is_no_photo_is_refused(sandbox: RunningSandbox, content: bytes, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        talk(sandbox, lambda bot: bot.send_photo("@news", content))
    assert words.lower() in str(caught.value).lower()


def test_a_lone_message_becomes_any_other_medium_and_one_of_an_album_stays_of_its_kind(sandbox: RunningSandbox) -> None:
    [alone] = send(sandbox, photo())
    edit(sandbox, alone, InputMediaDocument(b"text"))
    first, second = send(sandbox, photo(), photo("sea"))
    edit(sandbox, first, InputMediaVideo(film()))
    assert kinds(sandbox) == ["document", "video", "photo"]
    with pytest.raises(BadRequest, match=r"(?i)can't change media type in the album"):
        edit(sandbox, second, InputMediaDocument(b"text"))


def test_a_text_has_no_media_to_edit(sandbox: RunningSandbox) -> None:
    text = talk(sandbox, lambda bot: bot.send_message("@news", "Hello"))
    with pytest.raises(BadRequest, match=r"(?i)there is no media in the message to edit"):
        edit(sandbox, text, photo())


def test_a_right_that_is_missing_for_one_of_an_album_refuses_it_whole(sandbox: RunningSandbox) -> None:
    sandbox.set_rights("@news", can_send_videos=False)
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to send videos to the chat"):
        send(sandbox, photo(), InputMediaVideo(film()))
    assert sandbox.messages() == []

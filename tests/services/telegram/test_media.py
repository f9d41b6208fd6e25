"""Pictures, videos and files on Telegram: what visitors of a channel see, and what it costs."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from PIL import Image

from project.sandbox.pictures.album import film, painted
from project.sandbox.testing import RunningSandbox
from syncqueue import Document, Media
from syncqueue.core.errors import PermanentError, RateLimited, RetryLater
from syncqueue.handlers.base import CopyState
from syncqueue.handlers.media_reader import MEMORY_BYTES
from syncqueue.handlers.telegram.handler import TelegramHandler
from tests.files import field_file, stored
from tests.services.telegram.desk import Desk

LONG = "A long story. " * 100  # too long for a caption
HUGE = "A long story. " * 500  # and for a text
COLOURS = ("leaf", "sea", "sunset", "night", "sand")


@pytest.fixture
def desk(sandbox: RunningSandbox) -> Desk:
    """A handler's desk at @news. The pictures' host is on this machine."""
    desk = Desk(sandbox)
    desk.config = replace(desk.config, allowed_private_hosts=("127.0.0.1",))
    return desk


@pytest.fixture
def at(sandbox: RunningSandbox) -> Any:
    """Media of the pictures' host by name."""

    def find(*names: str, **values: Any) -> tuple[Media, ...]:
        return tuple(Media(url=f"{sandbox.pictures_url}/{name}", **values) for name in names)

    return find


def note(media: Sequence[Media | str], text: str = "Look", **values: Any) -> Document:
    return Document(text=text, media=tuple(media), **values)


def shown(sandbox: RunningSandbox) -> list[tuple[str, str]]:
    """Kind and text or caption of each message in @news."""
    return [(message["kind"], message.get("text") or message.get("caption", "")) for message in sandbox.messages()]


def numbers(sandbox: RunningSandbox) -> list[int]:
    return [message["message_id"] for message in sandbox.messages()]


def contents(sandbox: RunningSandbox) -> list[int]:
    """The size of each message's file; 0: a text."""
    return [message[message["kind"]]["size"] if message["kind"] != "text" else 0 for message in sandbox.messages()]


def asked(sandbox: RunningSandbox, service: str = "telegram") -> list[str]:
    return [entry["method"] for entry in sandbox.log() if entry["service"] == service]


def drawn(width: int, height: int) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (width, height)).save(output, "PNG")
    return output.getvalue()


# What is sent


@pytest.mark.parametrize(("name", "kind"), [("leaf.png", "photo"), ("photo.jpg", "photo"), ("film.mp4", "video")])
def test_one_picture_or_video_has_the_text_as_its_caption(
    sandbox: RunningSandbox, desk: Desk, at: Any, name: str, kind: str
) -> None:
    desk.create(note(at(name), "A **bold** word", format="markdown", tags=("tea",)))
    assert shown(sandbox) == [(kind, "A bold word\n\n#tea")]
    assert [entity["type"] for entity in sandbox.messages()[0]["entities"]] == ["bold"]
    (part,) = desk.parts
    assert part.url == f"https://t.me/news/{part.id}"


def test_a_url_that_is_given_as_a_text_is_a_picture_too(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create(note([f"{sandbox.pictures_url}/leaf.png", "/relative.png"]))
    assert shown(sandbox) == [("photo", "Look")]


def test_a_file_is_read_from_its_storage(sandbox: RunningSandbox, desk: Desk, tmp_path: Path) -> None:
    desk.create(note([Media(file=stored(tmp_path, "leaf.png", painted("leaf")))]))
    assert contents(sandbox) == [len(painted("leaf"))]


def test_a_picture_needs_no_text(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png"), ""))
    assert shown(sandbox) == [("photo", "")]


def test_what_is_to_be_a_file_is_sent_as_one_with_its_name(sandbox: RunningSandbox, desk: Desk, tmp_path: Path) -> None:
    report = stored(tmp_path, "report.pdf", b"%PDF-1.7")
    desk.create(note([Media(file=report, kind="file", name="The report.pdf")]))
    (message,) = sandbox.messages()
    assert (message["kind"], message["document"]["file_name"]) == ("document", "The report.pdf")


def test_several_are_an_album_in_one_request_and_all_its_messages_are_parts(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    desk.create(note(at("leaf.png", "film.mp4", "sea.png")))
    assert shown(sandbox) == [("photo", "Look"), ("video", ""), ("photo", "")]
    assert [int(part.id) for part in desk.parts] == numbers(sandbox)
    assert asked(sandbox) == ["sendMediaGroup"]
    assert len({message["media_group_id"] for message in sandbox.messages()}) == 1


def test_with_a_file_among_them_all_are_files(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note([*at("leaf.png"), *at("song.mp3")]))
    assert [kind for kind, _ in shown(sandbox)] == ["document", "document"]


def test_more_than_ten_stay_links(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note([*at(*(f"leaf.png?{n}" for n in range(10))), *at("sea.png", alt="The sea")]))
    kinds, texts = zip(*shown(sandbox), strict=True)
    assert kinds == ("photo",) * 10
    assert texts[0] == f"Look\n\nThe sea: {sandbox.pictures_url}/sea.png"


def test_a_text_that_is_too_long_for_a_caption_goes_first_and_the_pictures_reply_to_it(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    desk.create(note(at("leaf.png", "sea.png"), LONG))
    assert [kind for kind, _ in shown(sandbox)] == ["text", "photo", "photo"]
    text, *photos = sandbox.messages()
    assert text["text"].strip() == LONG.strip()
    for photo in photos:
        assert photo["reply_parameters"]["message_id"] == text["message_id"]
        assert photo["caption"] == ""


def test_so_does_the_file_of_a_text_that_is_too_long_for_a_message(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    desk.create(note(at("leaf.png"), HUGE))
    assert [kind for kind, _ in shown(sandbox)] == ["document", "photo"]


# What cannot be had


@pytest.mark.parametrize("name", ["missing", "loop", "page", "text", "huge"])
def test_one_that_cannot_be_had_stays_a_link_and_stops_nothing(
    sandbox: RunningSandbox, desk: Desk, at: Any, name: str
) -> None:
    desk.create(note([*at("leaf.png"), *at(f"{name}.png", alt="Gone")]))
    assert shown(sandbox) == [("photo", f"Look\n\nGone: {sandbox.pictures_url}/{name}.png")]


def test_in_markdown_its_link_has_its_description(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("missing.png", alt="A *leaf*"), "**Look**", format="markdown"))
    assert shown(sandbox) == [("text", "Look\n\nA *leaf*")]


def test_what_is_not_public_is_not_fetched(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.config = replace(desk.config, allowed_private_hosts=())
    desk.create(note([*at("leaf.png"), Media(url="https://127.0.0.1/x.png")]))
    assert [kind for kind, _ in shown(sandbox)] == ["text"]
    assert asked(sandbox, "pictures") == []


def test_a_signed_url_is_never_shown(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("missing.png?sig=secret", alt="A leaf")))
    assert shown(sandbox) == [("text", "Look\n\nA leaf")]


class Failing(FileSystemStorage):
    """A bucket that is away."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        raise ConnectionError(name)


def test_a_storage_that_fails_is_waited_for_and_nothing_is_sent(
    sandbox: RunningSandbox, desk: Desk, tmp_path: Path
) -> None:
    with pytest.raises(RetryLater, match=r"The storage of leaf\.png fails"):
        desk.create(note([Media(file=field_file(Failing(location=tmp_path), "leaf.png"))]))
    assert asked(sandbox) == []


def test_where_there_is_no_room_for_more_the_note_waits(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.config = replace(desk.config, attempt_timeout_seconds=4.0)

    async def crowded(handler: TelegramHandler) -> None:
        async with handler._reader.budget.reserve(MEMORY_BYTES):
            with pytest.raises(RateLimited) as caught:
                await handler.create(desk.job(note(at("leaf.png"))))
        assert caught.value.scope == "task"

    desk.run(crowded)
    assert asked(sandbox) == []
    assert desk.parts == ()


def test_a_note_without_text_whose_picture_cannot_be_had_is_tried_again(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    with pytest.raises(RetryLater, match="None of its pictures"):
        desk.create(note(at("missing.png?sig=secret"), ""))


def test_a_note_with_nothing_to_see_takes_away_what_was_there(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png")))
    with pytest.raises(PermanentError, match="taken away"):
        desk.update(note(["/relative.png"], ""))
    assert shown(sandbox) == []


@pytest.mark.parametrize("content", [drawn(9000, 1100), drawn(2100, 100), painted("leaf") + bytes(11 * 1024 * 1024)])
def test_what_telegram_takes_for_no_photo_is_sent_as_a_file(
    sandbox: RunningSandbox, desk: Desk, tmp_path: Path, content: bytes
) -> None:
    desk.create(note([Media(file=stored(tmp_path, "wide.png", content))]))
    assert shown(sandbox) == [("document", "Look")]
    desk.update(note([Media(file=stored(tmp_path, "leaf.png", painted("leaf")))]))
    assert shown(sandbox) == [("photo", "Look")]
    desk.update(note([Media(file=stored(tmp_path, "other.png", content))]))
    assert shown(sandbox) == [("document", "Look")]


def test_one_bad_photo_of_an_album_makes_all_of_them_files(
    sandbox: RunningSandbox, desk: Desk, at: Any, tmp_path: Path
) -> None:
    wide = Media(file=stored(tmp_path, "wide.png", drawn(9000, 1100)))
    desk.create(note([*at("leaf.png"), wide]))
    assert [kind for kind, _ in shown(sandbox)] == ["document", "document"]


def test_where_no_photos_may_be_sent_the_text_goes_with_their_links(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    sandbox.set_rights("@news", can_send_photos=False)
    desk.create(note(at("leaf.png", alt="A leaf")))
    assert shown(sandbox) == [("text", f"Look\n\nA leaf: {sandbox.pictures_url}/leaf.png")]


def test_what_telegram_takes_in_no_form_stays_a_link(
    sandbox: RunningSandbox, desk: Desk, at: Any, tmp_path: Path
) -> None:
    empty = Media(file=stored(tmp_path, "empty.pdf", b""), kind="file", alt="An empty file")
    desk.create(note([*at("leaf.png", alt="A leaf"), empty]))
    assert shown(sandbox) == [("text", f"Look\n\nA leaf: {sandbox.pictures_url}/leaf.png\nAn empty file")]
    assert len(desk.parts) == 1


# Edits


def test_an_edited_text_is_an_edit_of_the_caption_and_loads_no_picture_again(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    desk.create(note(at("leaf.png", "sea.png")))
    before = numbers(sandbox)
    desk.update(note(at("leaf.png", "sea.png"), "Look again"))
    assert shown(sandbox) == [("photo", "Look again"), ("photo", "")]
    assert numbers(sandbox) == before
    assert asked(sandbox) == ["sendMediaGroup", "editMessageCaption"]
    assert len(asked(sandbox, "pictures")) == 2


def test_another_picture_of_an_album_is_edited_into_its_place(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png", "sea.png", "sand.png")))
    before = numbers(sandbox)
    desk.update(note(at("leaf.png", "night.png", "sand.png")))
    assert numbers(sandbox) == before
    assert contents(sandbox) == [len(painted(name)) for name in ("leaf", "night", "sand")]
    assert asked(sandbox) == ["sendMediaGroup", "editMessageCaption", "editMessageMedia"]
    assert len(asked(sandbox, "pictures")) == 4


def test_another_picture_with_another_text_is_one_edit(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png")))
    desk.update(note(at("film.mp4"), "Move"))
    assert shown(sandbox) == [("video", "Move")]
    assert asked(sandbox) == ["sendPhoto", "editMessageMedia"]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_picture_that_is_removed_goes_and_the_others_stay(
    sandbox: RunningSandbox, desk: Desk, at: Any, gone: int
) -> None:
    names = ["leaf.png", "sea.png", "sand.png"]
    desk.create(note(at(*names)))
    before = numbers(sandbox)
    del names[gone], before[gone]
    desk.update(note(at(*names)))
    assert numbers(sandbox) == before
    assert shown(sandbox) == [("photo", "Look"), ("photo", "")]
    assert [int(part.id) for part in desk.parts] == before


def test_a_picture_that_is_added_makes_a_new_album(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png")))
    desk.update(note(at("leaf.png", "sea.png")))
    assert shown(sandbox) == [("photo", "Look"), ("photo", "")]
    assert [int(part.id) for part in desk.parts] == numbers(sandbox)


def test_a_text_that_gets_a_picture_and_loses_it(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create("Look")
    desk.update(note(at("leaf.png")))
    assert shown(sandbox) == [("photo", "Look")]
    desk.update("Look again")
    assert shown(sandbox) == [("text", "Look again")]
    assert len(desk.parts) == 1


def test_a_text_that_grows_out_of_its_caption_and_back(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png")))
    desk.update(note(at("leaf.png"), LONG))
    assert [kind for kind, _ in shown(sandbox)] == ["text", "photo"]
    assert len(desk.parts) == 2
    before = numbers(sandbox)
    desk.update(note(at("leaf.png"), f"{LONG} The end."))
    assert numbers(sandbox) == before
    assert shown(sandbox)[0][1].endswith("The end.")
    desk.update(note(at("leaf.png"), HUGE))
    assert [kind for kind, _ in shown(sandbox)] == ["document", "photo"]
    desk.update(note(at("leaf.png"), "Short"))
    assert shown(sandbox) == [("photo", "Short")]


def test_an_edit_that_changes_nothing_is_done(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    for text in ("Look", LONG):
        desk.create(note(at("leaf.png", "sea.png"), text))
        before = shown(sandbox)
        desk.update(note(at("leaf.png", "sea.png"), text))
        assert shown(sandbox) == before
        desk.delete()


def test_photos_do_not_become_files_in_their_album_but_a_new_one(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png", "sea.png")))
    desk.update(note([*at("leaf.png"), *at("sea.png", kind="file")]))
    assert [kind for kind, _ in shown(sandbox)] == ["document", "document"]
    assert [int(part.id) for part in desk.parts] == numbers(sandbox)


def test_of_an_album_that_somebody_took_a_message_of_an_edit_makes_a_whole_one(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    desk.create(note(at("leaf.png", "sea.png")))
    sandbox.remove_message("@news", numbers(sandbox)[0])
    desk.update(note(at("leaf.png", "sea.png"), "Look again"))
    assert shown(sandbox) == [("photo", "Look again"), ("photo", "")]


def test_a_text_that_somebody_took_away_is_sent_anew_above_its_pictures(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    desk.create(note(at("leaf.png"), LONG))
    sandbox.remove_message("@news", numbers(sandbox)[0])
    desk.update(note(at("leaf.png"), f"{LONG} The end."))
    assert [kind for kind, _ in shown(sandbox)] == ["text", "photo"]
    assert len(desk.parts) == 2


def test_in_another_channel_all_is_sent_anew(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png", "sea.png")))
    desk.place = replace(desk.place, address="@drafts")
    desk.update(note(at("leaf.png", "sea.png")))
    assert shown(sandbox) == []
    assert len(sandbox.messages("@drafts")) == len(desk.parts) == 2


# Deletions


@pytest.mark.parametrize("text", ["Look", LONG])
def test_a_deletion_takes_all(sandbox: RunningSandbox, desk: Desk, at: Any, text: str) -> None:
    desk.create(note(at("leaf.png", "sea.png"), text))
    desk.delete()
    assert shown(sandbox) == []


@pytest.mark.parametrize(("kind", "left"), [("", "photo"), ("file", "document")])
def test_what_telegram_keeps_shows_nothing_any_more(
    sandbox: RunningSandbox, desk: Desk, at: Any, kind: str, left: str
) -> None:
    desk.create(note(at("leaf.png", "sea.png", kind=kind)))
    for number in numbers(sandbox):
        sandbox.lock_message("@news", number)
    desk.delete()
    assert shown(sandbox) == [(left, "(removed)")] * 2
    assert not set(contents(sandbox)) & {len(painted("leaf")), len(painted("sea"))}


def test_what_a_process_left_half_done_is_finished(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    """The text is there, and the process died before it sent the pictures."""
    desk.create(LONG)
    desk.update(note(at("leaf.png"), LONG))
    assert [kind for kind, _ in shown(sandbox)] == ["text", "photo"]
    assert numbers(sandbox) == [int(part.id) for part in desk.parts]


def test_a_video_of_some_size_goes_out_whole(sandbox: RunningSandbox, desk: Desk, tmp_path: Path) -> None:
    content = film() + bytes(20 * 1024 * 1024)
    desk.create(note([Media(file=stored(tmp_path, "film.mp4", content))]))
    assert contents(sandbox) == [len(content)]


# Pictures in Markdown


def markdown(sandbox: RunningSandbox, *names: str, text: str = "Look") -> Document:
    pictures = "\n\n".join(f"![{name}]({sandbox.pictures_url}/{name}.png)" for name in names)
    return Document(text=f"{text}\n\n{pictures}\n\nThe end.", format="markdown")


def test_pictures_in_markdown_are_links_unless_the_destination_wants_them(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.create(markdown(sandbox, "leaf", "sea"))
    assert shown(sandbox) == [("text", "Look\n\nleaf\n\nsea\n\nThe end.")]
    assert asked(sandbox, "pictures") == []
    desk.set_options(pictures=True)
    desk.update(markdown(sandbox, "leaf", "sea"))
    assert shown(sandbox) == [("photo", "Look\n\nThe end."), ("photo", "")]


def test_they_come_before_the_media_of_the_note_each_once(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.set_options(pictures=True)
    desk.create(replace(markdown(sandbox, "leaf"), media=at("sea.png", "leaf.png")))
    assert contents(sandbox) == [len(painted("leaf")), len(painted("sea"))]


def test_one_that_cannot_be_had_stays_in_its_place_in_the_text(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.set_options(pictures=True)
    desk.create(markdown(sandbox, "leaf", "missing"))
    assert shown(sandbox) == [("photo", "Look\n\nmissing\n\nThe end.")]


def test_an_edit_of_the_text_around_them_is_an_edit_of_the_caption(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.set_options(pictures=True)
    desk.create(markdown(sandbox, "leaf"))
    desk.update(markdown(sandbox, "leaf", text="Look again"))
    assert shown(sandbox) == [("photo", "Look again\n\nThe end.")]
    assert asked(sandbox) == ["sendPhoto", "editMessageCaption"]


def test_a_plain_text_has_no_pictures_in_it(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.set_options(pictures=True)
    text = f"![leaf]({sandbox.pictures_url}/leaf.png)"
    desk.create(text)
    assert shown(sandbox) == [("text", text)]


def test_a_spoiler_keeps_its_picture_covered(sandbox: RunningSandbox, desk: Desk) -> None:
    desk.set_options(pictures=True)
    desk.create(Document(text=f"Look ||![leaf]({sandbox.pictures_url}/leaf.png)||", format="markdown"))
    assert [kind for kind, _ in shown(sandbox)] == ["text"]
    assert asked(sandbox, "pictures") == []


# Where they stand, and whether they are there


@pytest.mark.parametrize("text", ["Look", LONG])
def test_what_was_in_the_old_group_is_edited_there_and_emptied_there(
    sandbox: RunningSandbox, desk: Desk, at: Any, text: str
) -> None:
    group = sandbox.make_chat("group")
    desk.place = replace(desk.place, address=str(group))
    desk.create(note(at("leaf.png", "sea.png"), text))
    count = len(sandbox.messages(group))
    number = sandbox.migrate(group)
    desk.place = replace(desk.place, address=str(number))
    desk.update(note(at("leaf.png", "night.png"), f"{text} The end."))
    assert "The end." in str(sandbox.messages(group)[0])
    assert sandbox.messages(group)[-1]["photo"]["size"] == len(painted("night"))
    assert sandbox.messages(number) == []
    desk.delete()
    left = sandbox.messages(group)
    assert [message.get("text", message.get("caption")) for message in left] == ["(removed)"] * count


def test_a_look_tells_whether_all_are_there(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    desk.create(note(at("leaf.png", "sea.png"), LONG))

    def look() -> Any:
        (found,) = desk.run(lambda handler: handler.read([desk.job(note(at("leaf.png", "sea.png"), LONG))]))
        return found

    assert look() is CopyState.THERE
    sandbox.remove_message("@news", numbers(sandbox)[-1])
    assert look() is CopyState.GONE


def test_a_topic_has_its_album(sandbox: RunningSandbox, desk: Desk, at: Any) -> None:
    sandbox.set_topics("@news", **{"7": "open"})
    desk.set_options(thread_id=7, silent=True)
    desk.create(note(at("leaf.png", "sea.png")))
    assert [message["message_thread_id"] for message in sandbox.messages()] == [7, 7]
    assert all(message["disable_notification"] for message in sandbox.messages())


def test_formatting_that_telegram_refuses_costs_the_formatting_alone(
    sandbox: RunningSandbox, desk: Desk, at: Any
) -> None:
    refused = {"mode": "error", "status": 400, "description": "Bad Request: ENTITY_TEXTURL_INVALID"}
    sandbox.plan_answers("telegram", refused)
    desk.create(note(at("leaf.png", "sea.png"), "A **bold** word", format="markdown"))
    assert (shown(sandbox)[0], sandbox.messages()[0]["entities"]) == (("photo", "A bold word"), [])
    sandbox.plan_answers("telegram", refused)
    desk.update(note(at("leaf.png", "sea.png"), "Another **bold** word", format="markdown"))
    assert (shown(sandbox)[0], sandbox.messages()[0]["entities"]) == (("photo", "Another bold word"), [])

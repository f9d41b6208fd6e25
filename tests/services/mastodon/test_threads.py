"""Texts beyond the limit: as a thread, as pictures, or cut with a link; and threads that were interrupted."""

from __future__ import annotations

import io
from urllib.request import urlopen

import pytest
from PIL import Image

from syncqueue.handlers.base import Document
from syncqueue.handlers.drawing import text as drawing
from syncqueue.handlers.drawing.fonts import Fonts
from tests.fonts import Face
from tests.services.mastodon.desk import FLAVOURS, Crash, Desk

SENTENCES = [f"This is sentence number {number} of a long story, which goes on for a while." for number in range(30)]
LONG = " ".join(SENTENCES)
CHINESE = "这是一个很长的故事，它会继续很久。" * 40


@pytest.fixture
def fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fonts for English and Chinese, whatever this machine has."""
    monkeypatch.setattr(drawing, "load_fonts", lambda *_: Fonts([Face(), Face(CHINESE)]))


def words(desk: Desk) -> str:
    """The whole thread as one text."""
    return " ".join(desk.texts())


def assert_chained(desk: Desk) -> None:
    """Each status replies to the one before it, and the parts name them in order."""
    statuses = desk.statuses()
    assert [status["in_reply_to_id"] for status in statuses] == [None, *(status["id"] for status in statuses[:-1])]
    assert [part.id for part in desk.parts] == [status["id"] for status in statuses]


def test_a_thread_of_replies_holds_the_whole_text(desk: Desk) -> None:
    desk.create(LONG)
    assert words(desk) == LONG
    assert len(desk.texts()) > 3
    assert_chained(desk)


def test_a_thread_is_edited_shortened_and_lengthened_as_one(desk: Desk) -> None:
    desk.create(LONG)
    first = desk.parts[0]
    desk.update(" ".join(SENTENCES[:15]))
    assert words(desk) == " ".join(SENTENCES[:15])
    desk.update("Short")
    assert desk.texts() == ["Short"]
    desk.update(f"{LONG} The end.")
    assert words(desk) == f"{LONG} The end."
    assert desk.parts[0] == first
    assert_chained(desk)


def test_a_thread_is_deleted_whole(desk: Desk) -> None:
    desk.create(LONG)
    desk.delete()
    assert desk.texts() == []


def test_every_status_of_a_thread_has_a_key_of_its_own(desk: Desk) -> None:
    desk.create(LONG)
    keys = [entry["params"]["Idempotency-Key"] for entry in desk.requests("POST /statuses")]
    assert len(set(keys)) == len(keys) == len(desk.parts)


@pytest.mark.parametrize("crash_at", range(5))
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_thread_goes_on_where_a_crash_broke_it_off(desk: Desk, crash_at: int, flavour: str) -> None:
    desk.sandbox.set_options("mastodon", flavour=flavour)
    desk.stores_left = crash_at
    with pytest.raises(Crash):
        desk.create(LONG)
    posted = [status["id"] for status in desk.statuses()]
    assert len(posted) == (crash_at + 1) // 2  # stored before each request, and after it
    desk.uncertain = True
    (desk.update if desk.parts else desk.create)(LONG)
    assert words(desk) == LONG
    assert [status["id"] for status in desk.statuses()][: len(posted)] == posted
    assert_chained(desk)


def test_a_deletion_goes_on_where_a_crash_broke_it_off(desk: Desk) -> None:
    desk.create(LONG)
    desk.stores_left = 1
    with pytest.raises(Crash):
        desk.delete()
    desk.delete()
    assert desk.texts() == []


def test_a_thread_whose_middle_someone_deleted_is_whole_again_after_an_edit(desk: Desk) -> None:
    desk.create(LONG)
    desk.sandbox.remove_status(desk.parts[1].id)
    desk.update(f"{LONG} The end.")
    assert words(desk) == f"{LONG} The end."
    assert_chained(desk)


@pytest.mark.usefixtures("fonts")
@pytest.mark.parametrize("text", [" ".join(SENTENCES[:12]), CHINESE])
def test_a_text_becomes_a_picture_with_the_text_as_its_description_and_tags_as_caption(desk: Desk, text: str) -> None:
    desk.set_options(over_limit="image")
    desk.create(Document(text=text, tags=("story",)))
    [status] = desk.statuses()
    assert status["text"] == "#story"
    [medium] = status["media"]
    assert text.startswith(medium["description"].removesuffix("…"))
    picture = Image.open(io.BytesIO(picture_bytes(desk, medium["id"])))
    assert picture.format == "PNG"
    colours = picture.convert("L").getcolors(1_000_000)
    assert colours is not None
    assert len(colours) > 2  # something is written on it


@pytest.mark.usefixtures("fonts")
def test_a_picture_of_the_text_gives_way_to_text_and_comes_back(desk: Desk) -> None:
    desk.set_options(over_limit="image")
    desk.create(LONG)
    desk.update("Short")
    [status] = desk.statuses()
    assert (status["text"], status["media"]) == ("Short", [])
    desk.update(LONG)
    [status] = desk.statuses()
    assert status["media"]


def test_a_text_is_cut_with_the_link_to_its_page(desk: Desk) -> None:
    desk.set_options(over_limit="link")
    desk.create(Document(text=LONG, url="https://site.example/1", tags=("story",)))
    [text] = desk.texts()
    assert text.endswith("…\n\n#story\nhttps://site.example/1")
    assert LONG.startswith(text.partition("…")[0])


def picture_bytes(desk: Desk, number: str) -> bytes:
    """What a visitor of the instance sees."""
    with urlopen(f"{desk.sandbox.mastodon_url}/media/{number}/original.png") as answer:  # noqa: S310 - our sandbox
        return bytes(answer.read())

"""What the handler sees of statuses that are there, on servers that tell it in different ways."""

from __future__ import annotations

import pytest

from project.sandbox.testing import RunningSandbox
from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import CopyState, Document, RemotePart
from syncqueue.handlers.drawing import text as drawing
from syncqueue.handlers.drawing.fonts import Fonts
from syncqueue.handlers.mastodon import reading
from tests.fonts import Face
from tests.services.mastodon.desk import FLAVOURS, Desk
from tests.services.mastodon.test_pictures import note
from tests.services.mastodon.test_threads import LONG

ODD = "Tom & Jerry <b>\\\\ @somebody@far.example https://example.org/a-long-address 👩‍👩‍👧 é"


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> str:
    """Each kind of server."""
    sandbox.set_options("mastodon", flavour=request.param)
    return str(request.param)


@pytest.mark.parametrize("text", ["Hello", ODD, LONG])
def test_what_was_posted_is_seen_as_it_is(desk: Desk, flavour: str, text: str) -> None:
    desk.set_options(spoiler="A <warning>", link=True)
    document = Document(text=text, tags=("news",), url="https://example.org/42")
    desk.create(document)
    assert desk.read(document) is CopyState.SAME
    assert desk.read(document, "delete") is CopyState.THERE


def test_another_text_more_readers_and_a_missing_piece_of_a_thread_are_seen(desk: Desk, flavour: str) -> None:
    desk.create(LONG)
    first, *_, last = [part.id for part in desk.parts]
    desk.sandbox.change_status(last, text="Something else")
    assert desk.read(LONG) is CopyState.OTHER
    desk.sandbox.remove_status(last)
    assert desk.read(LONG) is CopyState.GONE
    assert desk.read(LONG, "delete") is CopyState.THERE
    for part in desk.parts[:-1]:
        desk.sandbox.remove_status(part.id)
    assert desk.read(LONG, "delete") is CopyState.GONE
    assert first != last


def test_a_private_note_that_everybody_sees_is_seen(desk: Desk, flavour: str) -> None:
    document = Document(text="For followers", is_private=True)
    desk.create(document)
    assert desk.read(document) is CopyState.SAME
    desk.sandbox.change_status(desk.parts[0].id, visibility="public")
    assert desk.read(document) is CopyState.OTHER


def test_pictures_count_and_one_that_could_not_be_had_stays_the_link_that_was_posted(desk: Desk) -> None:
    document = note(desk, "leaf", "missing", "sea")
    desk.create(document)
    assert desk.read(document) is CopyState.SAME
    assert desk.read(note(desk, "leaf", "sea")) is CopyState.OTHER
    assert desk.read(note(desk, "leaf", "missing", "sea", "sand")) is CopyState.OTHER


def test_a_text_that_was_drawn_is_compared_by_what_stands_beside_the_picture(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "load_fonts", lambda *_: Fonts([Face()]))
    desk.set_options(over_limit="image")
    document = Document(text=LONG, tags=("story",))
    desk.create(document)
    assert desk.read(document) is CopyState.SAME
    assert desk.read(Document(text=LONG, tags=("tale",))) is CopyState.OTHER
    assert desk.read(Document(text="Short", tags=("story",))) is CopyState.OTHER


def test_a_server_that_counts_more_strictly_than_it_says_has_what_was_posted_there(desk: Desk) -> None:
    # It says that it is Mastodon, and cuts where it counts code points.
    desk.sandbox.set_options("mastodon", flavour="gotosocial", says_mastodon=True, hides_itself=False)
    text = " ".join(f"https://example.org/{'a' * 90}/{number}" for number in range(12))
    desk.create(text)
    assert len(desk.parts) > 1
    assert desk.read(text) is CopyState.SAME


def test_a_text_that_the_server_shows_in_another_form_is_known_by_what_was_entered(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", flavour="gotosocial", markdown=True)
    desk.create("A *bold* word")
    assert desk.read("A *bold* word") is CopyState.SAME
    assert desk.read("A *bolder* word") is CopyState.OTHER


def test_nothing_is_changed_by_looking(desk: Desk, flavour: str) -> None:
    desk.create(LONG)
    before = desk.statuses()
    seen = len(desk.requests())
    desk.read(LONG)
    desk.read("Another", "delete")
    desk.listed()
    assert desk.statuses() == before
    assert {entry["method"].split()[0] for entry in desk.requests()[seen:]} == {"GET"}


def test_the_list_has_what_the_site_posted_and_not_what_people_did(
    desk: Desk, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_COUNT", 2)
    old = [desk.sandbox.post_status(f"Old {number}", age_seconds=3600) for number in range(5)]
    desk.sandbox.post_status("By a phone", application="A phone", age_seconds=3600)
    desk.create("Just posted: perhaps by an attempt that is under way")
    expected = list(reversed(old)) if flavour in ("mastodon", "gotosocial") else None
    assert desk.listed() == expected


def test_a_status_on_another_instance_is_not_asked_for(desk: Desk) -> None:
    desk.create("Hello")
    desk.parts = [RemotePart(kind="status", id="1", address="https://elsewhere.example")]
    assert isinstance(desk.read("Hello"), PermanentError)

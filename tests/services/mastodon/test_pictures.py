"""Pictures of a document: the first four are attached with their descriptions, all others stay links."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncqueue.core.errors import RateLimited, Unavailable
from syncqueue.handlers.base import Document
from syncqueue.handlers.mastodon.handler import MastodonHandler
from syncqueue.handlers.media_reader import MEMORY_BYTES
from tests.services.mastodon.desk import Desk

NAMES = ("leaf", "sea", "sunset", "night", "sand")


def note(desk: Desk, *names: str, text: str = "Look") -> Document:
    """A text and pictures, in Markdown."""
    shown = "\n\n".join(f"![{name}]({desk.sandbox.pictures_url}/{name}.png)" for name in names)
    return Document(text=f"{text}\n\n{shown}", format="markdown")


def media(desk: Desk) -> list[str]:
    """The descriptions of what is attached."""
    [status] = desk.statuses()
    return [medium["description"] for medium in status["media"]]


def link(desk: Desk, name: str) -> str:
    """What stands in the text instead of a picture."""
    return f"{name}: {desk.sandbox.pictures_url}/{name}.png"


def test_the_first_four_are_attached_with_their_descriptions(desk: Desk) -> None:
    desk.create(note(desk, *NAMES))
    assert media(desk) == list(NAMES[:4])
    assert desk.texts() == [f"Look\n\n{link(desk, 'sand')}"]


@pytest.mark.parametrize("name", ["missing", "loop", "page", "text", "cut", "huge"])
def test_one_that_cannot_be_had_stays_a_link_and_stops_nothing(desk: Desk, name: str) -> None:
    desk.create(note(desk, "leaf", name))
    assert media(desk) == ["leaf"]
    assert desk.texts() == [f"Look\n\n{link(desk, name)}"]


def test_one_that_has_moved_is_followed(desk: Desk) -> None:
    desk.create(note(desk, "moved"))
    assert media(desk) == ["moved"]


@pytest.mark.parametrize("name", ["endless", "trickle"])
def test_one_that_never_ends_costs_a_bounded_time(desk: Desk, name: str) -> None:
    desk.create(note(desk, name))
    assert desk.texts() == [f"Look\n\n{link(desk, name)}"]


def test_one_that_is_processed_later_is_waited_for(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", processed_later_bytes=1)
    desk.create(note(desk, "leaf"))
    assert media(desk) == ["leaf"]
    assert len(desk.requests("GET /media")) >= 2


def test_one_whose_processing_fails_stays_a_link(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", processed_later_bytes=1, processing_fails=True)
    desk.create(note(desk, "leaf"))
    assert desk.texts() == [f"Look\n\n{link(desk, 'leaf')}"]


def test_an_edit_keeps_what_is_attached_and_uploads_what_is_new(desk: Desk) -> None:
    desk.create(note(desk, "leaf", "sea"))
    desk.update(note(desk, "sea", "night", text="Look again"))
    assert desk.texts() == ["Look again"]
    assert media(desk) == ["sea", "night"]
    assert len(desk.requests("POST /media")) == 3


@pytest.mark.parametrize("names", [("sea", "night"), ("leaf", "night"), ("leaf",), ()])
def test_an_edit_that_leaves_the_pictures_as_they_were_is_followed_by_a_new_status(
    desk: Desk, names: tuple[str, ...]
) -> None:
    desk.create(note(desk, "leaf", "sea"))
    desk.sandbox.set_options("mastodon", edits_pictures=False)
    desk.update(note(desk, *names, text="Look again"))
    assert desk.texts() == ["Look again"]
    assert media(desk) == list(names)


def test_the_limit_of_uploads_holds_the_task_alone(desk: Desk) -> None:
    desk.sandbox.set_options("mastodon", media_limit=1)
    with pytest.raises(RateLimited) as caught:
        desk.create(note(desk, "leaf", "sea"))
    assert caught.value.scope == "task"
    assert desk.texts() == []


def test_they_are_loaded_and_uploaded_one_at_a_time(desk: Desk) -> None:
    desk.create(note(desk, "leaf", "sea", "night"))
    asked = [entry for entry in desk.sandbox.log() if "GET" in entry["method"] or entry["method"] == "POST /media"]
    steps = ["upload" if entry["method"] == "POST /media" else entry["service"] for entry in asked]
    assert [step for step in steps if step != "mastodon"] == ["pictures", "upload"] * 3


def test_an_upload_whose_answer_was_lost_is_made_again_and_the_picture_is_no_link(desk: Desk) -> None:
    desk.sandbox.plan_answers("mastodon", {"mode": "store-then-reset", "method": "POST /media"})
    desk.create(note(desk, "leaf", "sea"))
    assert media(desk) == ["leaf", "sea"]


def test_an_upload_that_no_answer_comes_to_is_waited_for_and_nothing_is_posted(desk: Desk) -> None:
    lost = {"mode": "error", "status": 502, "html": True, "method": "POST /media"}
    desk.sandbox.plan_answers("mastodon", lost, lost)
    with pytest.raises(Unavailable):
        desk.create(note(desk, "leaf"))
    assert desk.texts() == []
    desk.create(note(desk, "leaf"))
    assert media(desk) == ["leaf"]


def test_one_that_the_instance_fails_over_each_time_stays_a_link(desk: Desk) -> None:
    failing = {"mode": "error", "method": "POST /media"}
    desk.sandbox.plan_answers("mastodon", failing, failing)
    desk.create(note(desk, "leaf"))
    assert desk.texts() == [f"Look\n\n{link(desk, 'leaf')}"]


@pytest.mark.parametrize("url", ["http://pictures.example/x.png", "https://10.0.0.1/x.png", "file:///etc/passwd"])
def test_what_may_not_be_fetched_stays_in_the_text(desk: Desk, url: str) -> None:
    desk.create(Document(text=f"Look ![x]({url})", format="markdown"))
    [status] = desk.statuses()
    assert status["media"] == []
    assert not desk.requests("POST /media")


def test_where_there_is_no_room_for_another_picture_the_note_waits_and_uses_no_attempt(desk: Desk) -> None:
    async def crowded(handler: MastodonHandler) -> None:
        async with handler._client.media.budget.reserve(MEMORY_BYTES):
            with pytest.raises(RateLimited) as caught:
                await desk.keep(handler.create, note(desk, "leaf"))
        assert caught.value.scope == "task"
        await desk.keep(handler.create, note(desk, "leaf"))

    desk.config = replace(desk.config, attempt_timeout_seconds=4.0)
    desk.run(crowded, seconds=30)
    assert media(desk) == ["leaf"]

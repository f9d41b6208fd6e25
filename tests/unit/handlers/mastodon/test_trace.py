"""What is kept of a create, and which statuses are taken for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from syncqueue.handlers.base import RemotePart
from syncqueue.handlers.mastodon.post import Post
from syncqueue.handlers.mastodon.trace import LATEST_SECONDS, TRACE, Trace, traces_in

NOW = 1_750_000_000
POST = Post(text=r"Hello @bob@example.social \\ &amp; <x>", visibility="private", spoiler="CW")


def status(text: str, *, at: float = NOW, **values: Any) -> dict[str, Any]:
    made = {
        "id": "8",
        "content": f"<p>{text}</p>",
        "spoiler_text": "CW",
        "in_reply_to_id": None,
        "media_attachments": [],
    }
    return {**made, "created_at": datetime.fromtimestamp(at, UTC).isoformat(), **values}


def trace() -> Trace:
    return Trace.of(POST, "the-key", NOW + 0.7)


def test_it_comes_back_from_the_record_as_it_was() -> None:
    part = trace().part("https://a.example", "1@a.example")
    assert (part.kind, part.address, part.identity, part.url) == (TRACE, "https://a.example", "1@a.example", "")
    assert traces_in([RemotePart(kind="status", id="1"), part]) == [trace()]


@pytest.mark.parametrize("number", ["", "x", "1.2.3", "a.b.c.d.e", "1.d.x.open.k"])
def test_one_that_cannot_be_read_is_left_out(number: str) -> None:
    assert traces_in([RemotePart(kind=TRACE, id=number)]) == []


@pytest.mark.parametrize(
    "shown",
    [
        r"Hello @bob \\ &amp;amp; &lt;x&gt;",  # Mastodon: an unknown person's host is not shown
        r"Hello @bob@example.social \ &amp; &lt;x&gt;",  # GoToSocial: one backslash of two, entities resolved
        r"Hello @bob@example.social \\ &amp;amp;",  # tags taken away
    ],
)
def test_it_is_known_again_as_each_server_shows_it(shown: str) -> None:
    assert trace().is_shown_by(status(shown))


@pytest.mark.parametrize(
    "other",
    [
        status("Hello"),
        status(r"Hello @bob \\ &amp;amp; &lt;x&gt;", in_reply_to_id="7"),
        status(r"Hello @bob \\ &amp;amp; &lt;x&gt;", media_attachments=[{"id": "1"}]),
        status(r"Hello @bob \\ &amp;amp; &lt;x&gt;", spoiler_text=""),
    ],
)
def test_another_status_is_not_taken_for_it(other: dict[str, Any]) -> None:
    assert not trace().is_shown_by(other)


@pytest.mark.parametrize(
    ("seconds", "offset", "may_be"),
    [
        (0, 0, True),
        (-300, 0, False),
        (-300, -300, True),
        (LATEST_SECONDS + 60, 0, False),
        (LATEST_SECONDS - 60, 0, True),
    ],
)
def test_only_what_was_posted_about_then_may_be_it_by_the_instances_clock(
    seconds: float, offset: float, may_be: bool
) -> None:
    assert trace().may_be(status("x", at=NOW + seconds), offset) is may_be


@pytest.mark.parametrize("created_at", [None, "", "soon", 7])
def test_a_status_without_a_time_is_not_taken_for_it(created_at: object) -> None:
    assert not trace().may_be(status("x", created_at=created_at), 0)

"""Whether a status out there is the one that was sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncqueue.handlers.mastodon.post import Post, is_shown_by, plain

POST = Post(
    text="Hello @bob@example.social &\n\nsee https://example.org/a/long/path #tag café",
    visibility="unlisted",
    reply_to="7",
    spoiler="CW <3",
)
HTML = (
    '<p>Hello <span class="h-card"><a href="https://example.social/@bob">@<span>bob</span></a></span> &amp;</p>'
    '<p>see <a href="https://example.org/a/long/path"><span class="invisible">https://</span>'
    '<span class="ellipsis">example.org/a/long</span><span class="invisible">/path</span></a> '
    '<a href="https://a.example/tags/tag">#<span>tag</span></a> cafe\u0301</p>'
)
STATUS: dict[str, Any] = {
    "id": "8",
    "content": HTML,
    "visibility": "unlisted",
    "in_reply_to_id": "7",
    "spoiler_text": "CW <3",
    "media_attachments": [],
}


def test_it_is_known_again_in_the_servers_html() -> None:
    assert is_shown_by(POST, STATUS)


@pytest.mark.parametrize(
    "other",
    [
        {"content": HTML.replace("Hello", "Hullo")},
        {"in_reply_to_id": None},
        {"in_reply_to_id": "6"},
        {"spoiler_text": ""},
        {"media_attachments": [{"id": "1"}]},
        {"content": None},
    ],
)
def test_another_one_is_not_taken_for_it(other: dict[str, Any]) -> None:
    assert not is_shown_by(POST, STATUS | other)


def test_one_with_pictures_has_as_many() -> None:
    post = replace(POST, media_ids=("1", "2"))
    assert not is_shown_by(post, STATUS)
    assert is_shown_by(post, STATUS | {"media_attachments": [{}, {}]})


def test_html_becomes_text() -> None:
    assert plain("<p>a &lt;b&gt; &quot;c&quot;<br />d</p>") == 'a <b> "c"d'
    assert plain("") == ""


@pytest.mark.parametrize("unclosed", ["<!--", "<", "<a href='", "&", "<![CDATA[", "<?"])
def test_html_that_is_never_closed_is_text_and_takes_time_in_proportion_to_its_length(unclosed: str) -> None:
    text = unclosed * (400_000 // len(unclosed))  # with quadratic time this test would not end for ten minutes
    assert plain(text) == text

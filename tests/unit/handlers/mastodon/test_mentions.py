"""Mentions that notify nobody."""

from __future__ import annotations

import pytest

from syncqueue.handlers.base import Document
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.mentions import break_mentions
from syncqueue.handlers.mastodon.render import Wanted, render


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("@bob", "＠bob"),
        ("Hello @bob@example.social!", "Hello ＠bob@example.social!"),
        ("(@bob) 你好@bob _@bob_ =@bob", "(＠bob) 你好＠bob _＠bob_ =＠bob"),
        ("mail bob@example.social", "mail bob@example.social"),
        ("see https://example.social/@bob and @bob", "see https://example.social/@bob and ＠bob"),
        ("@ home", "@ home"),
        ("", ""),
    ],
)
def test_the_sign_of_a_mention_is_replaced_and_nothing_else(text: str, broken: str) -> None:
    assert break_mentions(text) == broken


@pytest.mark.parametrize("over_limit", ["thread", "image", "link"])
def test_no_form_of_a_document_mentions_anybody(over_limit: str) -> None:
    text = f"**@alice** and @bob@example.social. {'Words. ' * 200}"
    document = Document(text=text, format="markdown", title="For @carol", url="https://site.example/@dora", tags=("t",))
    wanted = Wanted(limits=Limits(), over_limit=over_limit, breaks_mentions=True)  # type: ignore[arg-type]
    for shown in render(document, wanted).texts:
        assert "@" not in shown.replace("https://site.example/@dora", "").replace("＠bob@example", "")

"""Pictures in a Markdown text: which are found, and what is left of the text without them."""

from __future__ import annotations

import pytest

from syncqueue.handlers.telegram.inline import pictures_in, without_pictures

BASE = "https://example.org/notes/1/"
URL = "https://example.org/a.png"


def found(text: str) -> list[tuple[str, str]]:
    return [(media.url, media.alt) for media in pictures_in(text, BASE)]


def left(text: str, *urls: str) -> str:
    return without_pictures(text, BASE, set(urls or [URL]))


@pytest.mark.parametrize(
    ("text", "pictures"),
    [
        (f"![A *leaf*\nin `May`]({URL})", [(URL, "A leaf in May")]),
        ("![a](b.png) ![](/c.png 'Title')", [(f"{BASE}b.png", "a"), ("https://example.org/c.png", "")]),
        (f"![a][1]\n\n[1]: {URL}", [(URL, "a")]),
        (f"[![a]({URL})](https://example.org/)", []),  # it is the text of a link
        (f"```\n![a]({URL})\n```\n\n`![a]({URL})`", []),
        ("![x](tg://emoji?id=5368324170671202286) ![x](data:image/png;base64,AA) ![x](ftp://example.org/a.png)", []),
        ("no picture", []),
    ],
)
def test_pictures_are_found_with_their_descriptions(text: str, pictures: list[tuple[str, str]]) -> None:
    assert found(text) == pictures


@pytest.mark.parametrize(
    "text",
    [
        f"<!-- ![a]({URL}) -->",
        f"<div><!--\n\n![a]({URL})\n\n--></div>",
        f"Look <!-- ![a]({URL}) --> at it",
        f'[//]: # "![a]({URL})"',
        f"||![a]({URL})||",
        f"`a || b` ||![a]({URL})||",
        f"<tg-spoiler>![a]({URL})</tg-spoiler>",
        f'<span class="tg-spoiler">\n\n![a]({URL})\n\n</span>',
        f"![a]({URL}) ||hidden||",
        f"![a]({URL}) " + "x" * 50_000,
    ],
)
def test_what_the_author_hides_is_never_shown(text: str) -> None:
    assert found(text) == []
    assert left(text) == text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (f"Look\n\n![a]({URL})\n\nat it", "Look\n\n\nat it"),
        (f"日本 ![a]({URL}) at it", "日本 at it"),
        (f"- ![a]({URL})\n- two", "- two"),
        (f"> ![a]({URL})", ""),
        (f"# ![a]({URL})\n\ntext", "\ntext"),
        (f"**![a]({URL})**", ""),
        (f"![a]({URL})![b]({URL})", ""),
        (f"![a]({URL}) ![b](https://example.org/b.png)", " ![b](https://example.org/b.png)"),
        (f"<!-- secret -->![a]({URL}) at it", " at it"),
    ],
)
def test_what_is_shown_leaves_the_text_without_a_gap(text: str, rest: str) -> None:
    assert left(text) == rest

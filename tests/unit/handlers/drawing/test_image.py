"""Texts as pictures: what is drawn, what is spelled out, and what becomes a thread after all."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from syncqueue.handlers.base import Document
from syncqueue.handlers.drawing import text as drawing
from syncqueue.handlers.drawing.fonts import Fonts
from syncqueue.handlers.drawing.image import LINES, WIDTH, draw
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.render import Rendered, Wanted, render
from tests.fonts import Face

LONG = "A sentence of a note. " * 60


LATIN = Fonts([Face()])


@pytest.fixture
def latin_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose fonts have ASCII alone."""
    monkeypatch.setattr(drawing, "load_fonts", lambda *_: LATIN)


def pages(drawn: Sequence[bytes]) -> list[Image.Image]:
    return [Image.open(io.BytesIO(page)) for page in drawn]


def test_a_page_is_as_wide_as_a_telephone_and_as_high_as_its_lines() -> None:
    short, long = pages([*draw("One", LATIN, page_limit=1), *draw("One\nTwo", LATIN, page_limit=1)])
    assert short.width == long.width == WIDTH
    assert short.height < long.height


def test_what_takes_more_pages_than_there_is_room_for_is_not_drawn() -> None:
    text = "\n".join("line" for _ in range(LINES + 1))
    assert len(draw(text, LATIN, page_limit=2)) == 2
    assert draw(text, LATIN, page_limit=1) == []


def test_the_margins_stay_free_however_long_a_word_is() -> None:
    [page] = pages(draw("W" * 400, LATIN, page_limit=1))
    right_margin = page.convert("L").crop((WIDTH - 32, 0, WIDTH, page.height))
    assert right_margin.getextrema()[0] > 200  # nothing but paper


def test_each_grapheme_is_drawn_by_the_first_font_that_has_it() -> None:
    latin, chinese = Face(), Face("中文")
    assert list(Fonts([latin, chinese]).runs("ab中文c")) == [("ab", latin), ("中文", chinese), ("c", latin)]


def test_a_word_of_a_hundred_thousand_letters_is_measured_in_proportion_to_its_length() -> None:
    class Counting(Face):
        """Counts the characters that are measured."""

        measured = 0

        def has(self, character: str) -> bool:
            type(self).measured += 1
            return super().has(character)

    draw("W" * 100_000, Fonts([Counting("")]), page_limit=1)
    assert Counting.measured < 10 * 100_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Well done 🎉", "Well done (party popper)"),
        ("☀ and ☂", "(black sun with rays) and (umbrella)"),
        ("👩🏽", "(woman)"),
        ("a", "a"),
    ],
)
def test_emoji_without_a_font_are_spelled_out(text: str, shown: str) -> None:
    assert LATIN.spelled(text) == shown
    assert LATIN.missing(LATIN.spelled(text)) == ""


def test_spaces_are_the_text_fonts_even_where_an_emoji_font_is_named_first() -> None:
    emoji, latin = Face("🎉 "), Face()
    assert list(Fonts([emoji, latin]).runs("a b 🎉")) == [("a b ", latin), ("🎉", emoji)]


def test_emoji_with_a_font_stay() -> None:
    assert Fonts([Face(), Face("🎉")]).spelled("Well done 🎉") == "Well done 🎉"


@pytest.mark.usefixtures("latin_only")
def test_the_description_keeps_the_emoji_that_are_spelled_out() -> None:
    found = drawn(f"{LONG}🎉")
    assert found.drawn
    assert found.alt.endswith("🎉")


@pytest.mark.usefixtures("latin_only")
@pytest.mark.parametrize("text", ["中文", "\u05d0\u05d1"])
def test_what_cannot_be_drawn_becomes_a_thread_and_the_log_says_why(text: str, caplog: Any) -> None:
    found = drawn(LONG + text)
    assert not found.drawn
    assert len(found.texts) == 3
    assert "fonts-noto-cjk" in caplog.text


def drawn(text: str) -> Rendered:
    """A long text, for a destination that wants pictures."""
    return render(Document(text=text.strip()), Wanted(limits=Limits(), over_limit="image"))

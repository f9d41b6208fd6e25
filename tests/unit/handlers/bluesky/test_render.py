"""A document as posts, within 300 graphemes and 3,000 bytes each."""

from __future__ import annotations

from typing import Any

import grapheme
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncqueue import Document, PermanentError
from syncqueue.handlers.bluesky.length import Room, cut, fits, pieces
from syncqueue.handlers.bluesky.render import Wanted, pictures_of, render

URL = "https://site.example/notes/1/"
FAMILY = "👩‍👩‍👧‍👦"  # one grapheme of 25 bytes


def texts(document: Document, **wanted: Any) -> tuple[str, ...]:
    return render(document, Wanted(**wanted)).texts


def texts_of(*pieces: str) -> st.SearchStrategy[str]:
    """Texts made of these pieces."""
    return st.lists(st.sampled_from(pieces), min_size=1, max_size=30).map("".join)


def is_within(text: str) -> bool:
    return grapheme.length(text) <= 300 and len(text.encode()) <= 3000


def test_three_hundred_graphemes_are_one_post_whatever_they_are_made_of() -> None:
    assert texts(Document(text="é" * 300)) == ("é" * 300,)
    assert len(texts(Document(text="é" * 301))) == 2
    assert len(texts(Document(text=FAMILY * 120))) == 1
    assert len(texts(Document(text=FAMILY * 121))) == 2  # 3,025 bytes


@settings(deadline=None)
@given(texts_of("a", "é", "中", FAMILY, " ", "\n", ".", "https://a.example/x "))
def test_a_thread_holds_the_whole_text_in_posts_that_fit(text: str) -> None:
    long = text * 40
    found = list(pieces(long, Room()))
    assert all(map(is_within, found))
    assert "".join("".join(found).split()) == "".join(long.split())


@settings(deadline=None)
@given(texts_of("a", "中", FAMILY, " ", "https://a.example/x "))
def test_what_is_cut_fits_and_says_so(text: str) -> None:
    shown = cut(text * 60, Room())
    assert is_within(shown)
    assert shown == text * 60 or shown.endswith("…")


def test_a_strict_count_takes_code_points() -> None:
    room = Room(is_strict=True)
    assert not fits("e\u0301" * 151, room)
    assert fits("e\u0301" * 150, room)
    assert all(len(piece) <= 300 for piece in pieces("e\u0301 " * 400, room))


def test_a_long_text_can_be_its_beginning_with_a_link() -> None:
    found = render(Document(text="word " * 100, url=URL, tags=("news",)), Wanted(over_limit="link", card="never"))
    (text,) = found.texts
    assert found.is_cut and is_within(text)
    assert text.endswith(f"…\n\n#news\n{URL}")


def test_tags_and_link_follow_the_text() -> None:
    document = Document(text="Hello #News", tags=("news", "night train"), url=URL)
    assert texts(document, link=True) == (f"Hello #News\n\n#night_train\n{URL}",)


def test_a_card_shows_the_page_where_there_are_no_pictures() -> None:
    card = render(Document(text="First line\nThe rest", url=URL), Wanted()).card
    assert card is not None
    assert (card.url, card.title, card.description) == (URL, "First line", "The rest")
    titled = render(Document(text="The text", title="A title", url=URL), Wanted()).card
    assert titled is not None
    assert (titled.title, titled.description) == ("A title", "The text")
    assert render(Document(text="First", url=URL), Wanted(card="never")).card is None
    assert render(Document(text="First", url="mailto:x"), Wanted()).card is None
    assert render(Document(text="First"), Wanted()).card is None


def test_pictures_are_attached_instead_of_a_card_or_the_first_one_is_shown_on_it() -> None:
    media = tuple(f"https://pics.example/{number}.png" for number in range(6))
    document = Document(text="Look", url=URL, media=media)
    pictures = pictures_of(document, lambda url: True)
    assert len(pictures) == 4
    plain = render(document, Wanted(), pictures)
    assert (plain.card, plain.pictures) == (None, pictures)
    assert plain.texts == ("Look\n\nhttps://pics.example/4.png\nhttps://pics.example/5.png",)
    carded = render(document, Wanted(card="always"), pictures)
    assert carded.card is not None
    assert (carded.pictures, carded.thumb) == ((), pictures[0])
    assert "https://pics.example/1.png" in carded.texts[0]


def test_a_text_that_is_empty_or_beyond_all_posts_is_refused_with_a_sentence() -> None:
    with pytest.raises(PermanentError, match="empty"):
        render(Document(text=" \n"), Wanted())
    with pytest.raises(PermanentError, match="more than 50 posts"):
        render(Document(text="word " * 9000), Wanted())


def test_half_a_surrogate_pair_does_not_reach_the_server() -> None:
    (text,) = texts(Document(text="a\ud83d b\r\nc\0"))
    assert text.encode() == "a\ufffd b\nc".encode()

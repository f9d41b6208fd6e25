"""What services that post texts share about a document."""

from __future__ import annotations

from syncqueue import Document, Media
from syncqueue.handlers.base import Place
from syncqueue.handlers.markdown import Picture
from syncqueue.handlers.posts import attachable, body_of, caption_of, over_limit, wants_link, with_footer

LEAF, FILM, URL = "https://pics.example/leaf.png", "https://pics.example/film.mp4", "https://site.example/1"


def place(**options: object) -> Place:
    return Place(id=1, name="Me", address="https://a.example", options=options)


def test_what_is_too_long_becomes_a_thread_unless_told_otherwise() -> None:
    assert over_limit(place()) == "thread"
    assert over_limit(place(over_limit="image")) == "image"


def test_the_page_is_linked_where_a_destination_wants_it() -> None:
    assert not wants_link(place())
    assert wants_link(place(link=True))


def test_pictures_of_the_text_come_before_other_media_and_each_once() -> None:
    document = Document(text=f"![A leaf]({LEAF})", format="markdown", media=(FILM, LEAF))
    found = attachable(document, 4, lambda url: True, lambda media: True)
    assert found == (Picture(url=LEAF, alt="A leaf"), Picture(url=FILM))
    assert attachable(document, 1, lambda url: True, lambda media: True) == found[:1]


def test_only_what_can_be_fetched_and_is_taken_is_attached() -> None:
    document = Document(text="", media=(LEAF, Media(url=FILM)))
    assert attachable(document, 4, lambda url: url == FILM, lambda media: False) == ()
    (film,) = attachable(document, 4, lambda url: url == FILM, lambda media: True)
    assert film.url == FILM


def test_media_that_are_not_attached_are_links_and_are_not_spelled_like_the_text() -> None:
    document = Document(text="hello", media=(LEAF, FILM))
    assert body_of(document, [Picture(url=FILM)], str.upper) == f"HELLO\n\n{LEAF}"


def test_tags_and_link_follow_unless_the_text_has_them() -> None:
    document = Document(text="", tags=("a", "b b"), url=URL, title="A #a")
    assert with_footer(document, "Hello #A", link=True) == f"Hello #A\n\n#b_b\n{URL}"
    assert with_footer(document, f"See {URL}", link=True) == f"See {URL}\n\n#a #b_b"
    assert caption_of(document, link=False) == "A #a\n\n#b_b"

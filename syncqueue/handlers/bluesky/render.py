"""A document as posts: one, or by the destination's choice a thread, pictures of the text, or a cut. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from syncqueue import Document, PermanentError
from syncqueue.handlers.bluesky.length import Room, cut, fits, pieces
from syncqueue.handlers.bluesky.options import Card
from syncqueue.handlers.public import (
    DRAWN_CHARACTERS,
    READ_CHARACTERS,
    OverLimit,
    Picture,
    attachable,
    body_of,
    caption_of,
    draw_text,
    footer_of,
    shortened,
    tidy,
    with_footer,
)

MOST_PICTURES = 4
THREAD_LIMIT = 50  # posts; the server allows about 1,600 per hour, but so many would annoy followers
_TITLE_CHARACTERS = 100
_DESCRIPTION_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of a destination for a text."""

    over_limit: OverLimit = "thread"
    card: Card = "plain"
    link: bool = False
    fonts: tuple[str, ...] = ()  # font files to try before the well-known ones
    room: Room = Room()  # of each post


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCard:
    """The object's own page, as a card."""

    url: str
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The posts to send: the first one has the pictures or the card."""

    texts: tuple[str, ...]  # one per post; each but the first replies to the one before it
    pictures: tuple[Picture, ...] = ()  # pictures to fetch and attach
    drawn: tuple[bytes, ...] = ()  # PNG pictures of the text, before the others
    alt: str = ""  # description of the drawn pictures: the text itself
    card: PageCard | None = None
    thumb: Picture | None = None  # of the card
    is_cut: bool = False  # the text ends with a link to the rest


def pictures_of(document: Document, may_fetch: Callable[[str], bool]) -> tuple[Picture, ...]:
    """Return the first attachable pictures of a document: those in its text, then its media."""
    return attachable(document, MOST_PICTURES, may_fetch, lambda media: media.expected_kind == "picture")


def render(document: Document, wanted: Wanted, pictures: Sequence[Picture] = ()) -> Rendered:
    """Return the posts for a document with `pictures` attached; other pictures are in the text as "alt: url".

    Raises `PermanentError` for a text that is empty or too long.
    """
    has_thumb = bool(pictures) and wanted.card == "always" and _is_page(document.url)
    pictures = pictures[:1] if has_thumb else pictures  # a card has one picture
    thumb, attached = (pictures[0], ()) if has_thumb else (None, tuple(pictures))
    text = with_footer(document, body_of(document, pictures), link=wanted.link)
    if not text and not pictures:
        raise PermanentError("The text is empty, and so would the post be.")
    shown = _divided(document, wanted, text, pictures, attached)
    has_card = wanted.card != "never" and _is_page(document.url) and not (shown.pictures or shown.drawn)
    if not has_card:
        return shown
    return Rendered(texts=shown.texts, card=_card(document, text), thumb=thumb, is_cut=shown.is_cut)


def _divided(
    document: Document, wanted: Wanted, text: str, given: Sequence[Picture], attached: tuple[Picture, ...]
) -> Rendered:
    is_read = len(document.text) <= READ_CHARACTERS
    if is_read and fits(text, wanted.room):
        return Rendered(texts=(text,), pictures=attached)
    is_drawn = wanted.over_limit == "image" and len(text) <= DRAWN_CHARACTERS
    if is_drawn and (drawn := _drawn(document, wanted, given)):
        return drawn
    if wanted.over_limit == "link" and document.url:
        return Rendered(texts=(_shortened(document, wanted, given),), pictures=attached, is_cut=True)
    return Rendered(texts=_thread(text, wanted) if is_read else _too_long(wanted), pictures=attached)


def _is_page(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _card(document: Document, text: str) -> PageCard:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    title = " ".join(tidy(document.title).split()) or (lines[0] if lines else document.url)
    description = " ".join(lines if document.title else lines[1:])
    return PageCard(
        url=document.url,
        title=shortened(title, _TITLE_CHARACTERS),
        description=shortened(description, _DESCRIPTION_CHARACTERS),
    )


def _shortened(document: Document, wanted: Wanted, attached: Sequence[Picture]) -> str:
    """Return the beginning of the text, and a link to the rest."""
    text = body_of(document, attached)[: wanted.room.bytes]
    footer = cut(footer_of(document, "", link=False), wanted.room.half())
    end = "\n\n" + "\n".join(filter(None, (footer, document.url)))
    if not fits(end, wanted.room):
        _too_long(wanted)
    return cut(text, wanted.room.less(end)) + end


def _thread(text: str, wanted: Wanted) -> tuple[str, ...]:
    is_hopeless = len(text) > wanted.room.bytes * THREAD_LIMIT
    found = () if is_hopeless else tuple(pieces(text, wanted.room))
    return found if 0 < len(found) <= THREAD_LIMIT else _too_long(wanted)


def _too_long(wanted: Wanted) -> NoReturn:
    raise PermanentError(
        f"The text is too long: it takes more than {THREAD_LIMIT} posts of {wanted.room.graphemes} characters, or has "
        f"more than {READ_CHARACTERS:,} characters in all. Shorten it, or set the destination's option over_limit to "
        "link."
    )


def _drawn(document: Document, wanted: Wanted, pictures: Sequence[Picture]) -> Rendered | None:
    found = draw_text(partial(body_of, document), pictures, wanted.fonts, most_pictures=MOST_PICTURES)
    if found is None:
        return None
    text = cut(caption_of(document, link=wanted.link), wanted.room)
    return Rendered(texts=(text,), pictures=found.pictures, drawn=found.pages, alt=found.text)

"""A document as posts: one, or by the destination's choice a thread, pictures of the text, or a cut. Pure."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from syncqueue import Document, Media, PermanentError
from syncqueue.handlers.bluesky.length import Room, cut, fits, pieces
from syncqueue.handlers.bluesky.options import Card, OverLimit
from syncqueue.handlers.public import READ_CHARACTERS, TEXT_SIZE, Picture, draw, load_fonts, to_text

logger = logging.getLogger("syncqueue.bluesky")

MOST_PICTURES = 4
THREAD_LIMIT = 50  # posts; the server allows some 1,600 in an hour, and followers have patience for fewer
# Four pages of the narrowest letters have less; a longer text is not drawn to know that it takes more pages.
_DRAWN_CHARACTERS = 20_000
_TITLE_CHARACTERS = 100
_DESCRIPTION_CHARACTERS = 300
_TAG = re.compile(r"(?<![\w#/])#(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a destination wants of a text."""

    over_limit: OverLimit = "thread"
    card: Card = "plain"
    link: bool = False
    fonts: tuple[str, ...] = ()  # files to try before the well-known ones
    room: Room = Room()  # of each post


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCard:
    """The object's own page, as a card."""

    url: str
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What is posted: the first post carries pictures or card."""

    texts: tuple[str, ...]  # one a post, each but the first a reply to the one before it
    pictures: tuple[Picture, ...] = ()  # to be fetched and attached
    drawn: tuple[bytes, ...] = ()  # PNG pictures of the text, before the others
    alt: str = ""  # of the drawn ones: the text itself
    card: PageCard | None = None
    thumb: Picture | None = None  # of the card
    is_cut: bool = False  # the text ends with the address where to read on


def pictures_of(document: Document, may_fetch: Callable[[str], bool]) -> tuple[Picture, ...]:
    """The first pictures of a document that can be attached: those in its text, then its media."""
    found = _read(document, ())[1] if document.format == "markdown" else ()
    first: dict[str, Picture] = {}
    for picture in (*found, *map(_picture, document.media)):
        if _may_attach(picture, may_fetch):
            first.setdefault(picture.url, picture)
    return tuple(first.values())[:MOST_PICTURES]


def render(document: Document, wanted: Wanted, pictures: Sequence[Picture] = ()) -> Rendered:
    """The posts for a document with `pictures` attached; all others stand in its text as "alt: url".

    Raises `PermanentError` for a text that is empty or beyond all limits.
    """
    has_thumb = bool(pictures) and wanted.card == "always" and _is_page(document.url)
    pictures = pictures[:1] if has_thumb else pictures  # a card has one
    thumb, attached = (pictures[0], ()) if has_thumb else (None, tuple(pictures))
    text = _whole(document, wanted, pictures)
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
    is_drawn = wanted.over_limit == "image" and len(text) <= _DRAWN_CHARACTERS
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
        title=_ended(title, _TITLE_CHARACTERS),
        description=_ended(description, _DESCRIPTION_CHARACTERS),
    )


def _ended(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _picture(item: str | Media) -> Picture:
    if isinstance(item, Media):
        return Picture(url=item.identity, alt=item.alt, given=item)
    return Picture(url=item)


def _may_attach(picture: Picture, may_fetch: Callable[[str], bool]) -> bool:
    given = picture.given
    if given is None:
        return may_fetch(picture.url)
    return given.expected_kind == "picture" and (given.file is not None or may_fetch(given.url))


def tidy(text: str) -> str:
    """`text` as it can be sent: valid Unicode, one kind of line end, no blank lines around it."""
    # Half a surrogate pair cannot be encoded; JSON and JavaScript produce them by cutting an emoji in two.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.rstrip().lstrip("\n")


def hashtag(tag: str) -> str:
    """`tag` as one word, without the #; "" when nothing of it can be."""
    return re.sub(r"\W+", "_", unicodedata.normalize("NFC", tag)).strip("_")


def _read(document: Document, attached: Sequence[Picture]) -> tuple[str, tuple[Picture, ...]]:
    source = tidy(document.text[:READ_CHARACTERS])
    if document.format != "markdown":
        return source, ()
    return to_text(source, document.url, {picture.url for picture in attached})


def _whole(document: Document, wanted: Wanted, attached: Sequence[Picture]) -> str:
    """All that is to be said: body, tags, link."""
    body = _body(document, attached)
    return "\n\n".join(filter(None, (body, _footer(document, body, wanted.link))))


def _body(document: Document, attached: Sequence[Picture]) -> str:
    """The text, and the media that are not attached."""
    text, shown = _read(document, attached)
    present = {picture.url for picture in (*attached, *shown)}
    media = {picture.url: picture.as_text for picture in map(_picture, document.media) if picture.url not in present}
    return "\n\n".join(filter(None, (text, "\n".join(filter(None, media.values())))))


def _footer(document: Document, text: str, link: bool) -> str:
    """The tags that the text does not hold already, and the link."""
    words = dict.fromkeys(map(hashtag, document.tags))
    shown = {tag.casefold() for tag in _TAG.findall(text)}
    tags = [f"#{word}" for word in words if word and word.casefold() not in shown]
    url = document.url if link and document.url not in text else ""
    return "\n".join(filter(None, (" ".join(tags), url)))


def _shortened(document: Document, wanted: Wanted, attached: Sequence[Picture]) -> str:
    """The beginning of the text, and where to read on."""
    text = _body(document, attached)[: wanted.room.bytes]
    footer = cut(_footer(document, "", link=False), wanted.room.half())
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
    """The text as pictures, with as many of its own as there is room for; None where that cannot be done."""
    fonts = load_fonts(wanted.fonts, TEXT_SIZE)
    for number in range(min(len(pictures), MOST_PICTURES - 1), -1, -1):
        text = _body(document, pictures[:number])
        shown = fonts.spelled(text)
        if missing := fonts.missing(shown):
            logger.warning("No font here can draw %r, so a thread is posted instead of a picture.", missing)
            return None
        if drawn := draw(shown, fonts, page_limit=MOST_PICTURES - number):
            return Rendered(
                texts=(_caption(document, wanted),), pictures=tuple(pictures[:number]), drawn=tuple(drawn), alt=text
            )
    return None


def _caption(document: Document, wanted: Wanted) -> str:
    """What stands beside pictures of the text: title, tags, link."""
    title = tidy(document.title)[:_TITLE_CHARACTERS]
    caption = "\n\n".join(filter(None, (title, _footer(document, title, wanted.link))))
    return cut(caption, wanted.room)

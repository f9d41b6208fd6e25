"""A document as statuses: one, or by the destination's choice a thread, pictures of the text, or a cut. Pure."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import grapheme

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document
from syncqueue.handlers.bounds import READ_CHARACTERS
from syncqueue.handlers.drawing.fonts import ADVICE, load_fonts
from syncqueue.handlers.drawing.image import TEXT_SIZE, draw
from syncqueue.handlers.markdown import Picture, to_text
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.length import count, cut, pieces
from syncqueue.handlers.mastodon.mentions import break_mentions
from syncqueue.handlers.mastodon.options import OverLimit
from syncqueue.handlers.media import Media

logger = logging.getLogger("syncqueue.mastodon")

THREAD_LIMIT = 50  # statuses; more would use most of an account's hourly rate limit, and annoy its followers
# No real grapheme has more characters: with more per grapheme, a text is too long without being counted.
_GRAPHEME_CHARACTERS = 8
_TITLE_CHARACTERS = 100
# Four pages of the narrowest letters have fewer characters; a longer text needs more pages, without drawing it.
_DRAWN_CHARACTERS = 20_000
_TAG = re.compile(r"(?<![\w#/])#(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of a destination for a text, and the limits of its instance."""

    limits: Limits
    over_limit: OverLimit = "thread"
    link: bool = False
    spoiler: str = ""
    fonts: tuple[str, ...] = ()  # font files to try before the well-known ones
    breaks_mentions: bool = False  # mentions must not notify anybody

    @property
    def room(self) -> int:
        """The characters of each status without those of the content warning."""
        taken = len(self.spoiler) if self.limits.is_strict else int(grapheme.length(self.spoiler))
        return self.limits.characters - taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The statuses to post: the first one has all pictures."""

    texts: tuple[str, ...]  # one per status; each but the first replies to the one before it
    pictures: tuple[Picture, ...] = ()  # pictures to fetch and attach
    drawn: tuple[bytes, ...] = ()  # PNG pictures of the text, before the others
    alt: str = ""  # description of the drawn pictures: the text itself
    is_cut: bool = False  # the text ends with a link to the rest


def pictures_of(document: Document, limit: int, may_fetch: Callable[[str], bool]) -> tuple[Picture, ...]:
    """Return the first attachable pictures of a document: those in its text, then its media."""
    found = _read(document, ())[1] if document.format == "markdown" else ()
    first: dict[str, Picture] = {}
    for picture in (*found, *map(_picture, document.media)):
        if _may_attach(picture, may_fetch):
            first.setdefault(picture.url, picture)
    return tuple(first.values())[:limit]


def render(document: Document, wanted: Wanted, pictures: Sequence[Picture] = ()) -> Rendered:
    """Return the statuses for a document with `pictures` attached; other pictures are in the text as "alt: url".

    Raises `PermanentError` for a text that is empty or too long.
    """
    text = _whole(document, wanted, pictures)
    if not text and not pictures:
        raise PermanentError("The text is empty, and Mastodon accepts no empty statuses.")
    is_read = len(document.text) <= READ_CHARACTERS
    if is_read and not _is_long(text, wanted):
        return Rendered(texts=(text,), pictures=tuple(pictures))
    if (
        wanted.over_limit == "image"
        and len(text) <= _DRAWN_CHARACTERS
        and (drawn := _drawn(document, wanted, pictures))
    ):
        return drawn
    if wanted.over_limit == "link" and document.url:
        return Rendered(texts=(_shortened(document, wanted, pictures),), pictures=tuple(pictures), is_cut=True)
    return Rendered(texts=_thread(text, wanted) if is_read else _too_long(wanted), pictures=tuple(pictures))


def _picture(item: str | Media) -> Picture:
    if isinstance(item, Media):
        return Picture(url=item.identity, alt=item.alt, given=item)
    return Picture(url=item)


def _may_attach(picture: Picture, may_fetch: Callable[[str], bool]) -> bool:
    given = picture.given
    if given is None:
        return may_fetch(picture.url)
    return given.kind != "file" and (given.file is not None or may_fetch(given.url))


def tidy(text: str) -> str:
    """Return `text` in a form that can be sent: valid Unicode, uniform line ends, no blank lines around it."""
    # A lone surrogate cannot be encoded; JSON and JavaScript produce them by cutting an emoji in two.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.rstrip().lstrip("\n")


def hashtag(tag: str) -> str:
    """Return `tag` as a word that Mastodon accepts as a hashtag, without the #; "" if that is not possible."""
    return re.sub(r"\W+", "_", unicodedata.normalize("NFC", tag)).strip("_")


def _read(document: Document, attached: Sequence[Picture]) -> tuple[str, tuple[Picture, ...]]:
    source = tidy(document.text[:READ_CHARACTERS])
    if document.format != "markdown":
        return source, ()
    return to_text(source, document.url, {picture.url for picture in attached})


def _whole(document: Document, wanted: Wanted, attached: Sequence[Picture]) -> str:
    """Return the full text: body, tags, link."""
    body = _body(document, wanted, attached)
    return "\n\n".join(filter(None, (body, _footer(document, body, wanted.link))))


def _body(document: Document, wanted: Wanted, attached: Sequence[Picture]) -> str:
    """Return the text with links to media that are not attached."""
    text, shown = _read(document, attached)
    if wanted.breaks_mentions:
        text = break_mentions(text)
    present = {picture.url for picture in (*attached, *shown)}
    media = {picture.url: picture.as_text for picture in map(_picture, document.media) if picture.url not in present}
    return "\n\n".join(filter(None, (text, "\n".join(filter(None, media.values())))))


def _footer(document: Document, text: str, link: bool) -> str:
    """Return the tags that the text does not contain, and the link."""
    words = dict.fromkeys(map(hashtag, document.tags))
    shown = {tag.casefold() for tag in _TAG.findall(text)}
    tags = [f"#{word}" for word in words if word and word.casefold() not in shown]
    url = document.url if link and document.url not in text else ""
    return "\n".join(filter(None, (" ".join(tags), url)))


def _is_long(text: str, wanted: Wanted) -> bool:
    return len(text) > _GRAPHEME_CHARACTERS * wanted.room or count(text, wanted.limits) > wanted.room


def _shortened(document: Document, wanted: Wanted, attached: Sequence[Picture]) -> str:
    """Return the beginning of the text, and a link to the rest."""
    text = _body(document, wanted, attached)[: _GRAPHEME_CHARACTERS * wanted.room]
    footer = cut(_footer(document, "", link=False), wanted.room // 2, wanted.limits)
    end = "\n\n" + "\n".join(filter(None, (footer, document.url)))
    return cut(text, wanted.room - count(end, wanted.limits), wanted.limits) + end


def _thread(text: str, wanted: Wanted) -> tuple[str, ...]:
    too_long = len(text) > _GRAPHEME_CHARACTERS * wanted.room * THREAD_LIMIT
    found = () if too_long or wanted.room < 1 else tuple(pieces(text, wanted.room, wanted.limits))
    return found if 0 < len(found) <= THREAD_LIMIT else _too_long(wanted)


def _too_long(wanted: Wanted) -> NoReturn:
    raise PermanentError(
        f"The text is too long: it takes more than {THREAD_LIMIT} statuses of {wanted.room} characters, or has more "
        f"than {READ_CHARACTERS:,} characters in all. Shorten it, or set the destination's option over_limit to link."
    )


def _drawn(document: Document, wanted: Wanted, pictures: Sequence[Picture]) -> Rendered | None:
    """Return the text as pictures, with as many of its own pictures as fit; None if that is impossible."""
    fonts = load_fonts(wanted.fonts, TEXT_SIZE)
    for number in range(len(pictures), -1, -1):
        text = _body(document, wanted, pictures[:number])
        shown = fonts.spelled(text)
        if missing := fonts.missing(shown):
            logger.warning("No font here can draw %r, so a thread is posted instead of a picture. %s", missing, ADVICE)
            return None
        if drawn := draw(shown, fonts, page_limit=wanted.limits.pictures - number):
            return Rendered(
                texts=(_caption(document, wanted),), pictures=tuple(pictures[:number]), drawn=tuple(drawn), alt=text
            )
    return None


def _caption(document: Document, wanted: Wanted) -> str:
    """Return the text that accompanies pictures of the text: title, tags, link."""
    title = tidy(document.title)[:_TITLE_CHARACTERS]
    if wanted.breaks_mentions:
        title = break_mentions(title)
    caption = "\n\n".join(filter(None, (title, _footer(document, title, wanted.link))))
    return cut(caption, wanted.room, wanted.limits)

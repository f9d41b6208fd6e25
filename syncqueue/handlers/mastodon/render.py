"""A document as statuses: one, or by the destination's choice a thread, pictures of the text, or a cut. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import grapheme

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document
from syncqueue.handlers.bounds import READ_CHARACTERS
from syncqueue.handlers.drawing.text import DRAWN_CHARACTERS, draw_text
from syncqueue.handlers.markdown import Picture
from syncqueue.handlers.mastodon.instance import Limits
from syncqueue.handlers.mastodon.length import count, cut, pieces
from syncqueue.handlers.mastodon.mentions import break_mentions
from syncqueue.handlers.posts import OverLimit, attachable, body_of, caption_of, footer_of, with_footer

THREAD_LIMIT = 50  # statuses; more would use most of an account's hourly rate limit, and annoy its followers
# No real grapheme has more characters: with more per grapheme, a text is too long without being counted.
_GRAPHEME_CHARACTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of a destination for a text, and the limits of its instance."""

    limits: Limits
    over_limit: OverLimit = "thread"
    link: bool = False
    spoiler: str = ""
    fonts: tuple[str, ...] = ()  # font files to try before the well-known ones
    breaks_mentions: bool = False  # mentions must not notify anybody

    def spelled(self, text: str) -> str:
        """Return a text of the document as it is posted."""
        return break_mentions(text) if self.breaks_mentions else text

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
    """Return the first attachable media of a document: pictures in its text, then its media."""
    return attachable(document, limit, may_fetch, lambda media: media.kind != "file")


def render(document: Document, wanted: Wanted, pictures: Sequence[Picture] = ()) -> Rendered:
    """Return the statuses for a document with `pictures` attached; other pictures are in the text as "alt: url".

    Raises `PermanentError` for a text that is empty or too long.
    """
    text = with_footer(document, _body(document, wanted, pictures), link=wanted.link)
    if not text and not pictures:
        raise PermanentError("The text is empty, and Mastodon accepts no empty statuses.")
    is_read = len(document.text) <= READ_CHARACTERS
    if is_read and not _is_long(text, wanted):
        return Rendered(texts=(text,), pictures=tuple(pictures))
    if wanted.over_limit == "image" and len(text) <= DRAWN_CHARACTERS and (drawn := _drawn(document, wanted, pictures)):
        return drawn
    if wanted.over_limit == "link" and document.url:
        return Rendered(texts=(_shortened(document, wanted, pictures),), pictures=tuple(pictures), is_cut=True)
    return Rendered(texts=_thread(text, wanted) if is_read else _too_long(wanted), pictures=tuple(pictures))


def _body(document: Document, wanted: Wanted, attached: Sequence[Picture]) -> str:
    return body_of(document, attached, wanted.spelled)


def _is_long(text: str, wanted: Wanted) -> bool:
    return len(text) > _GRAPHEME_CHARACTERS * wanted.room or count(text, wanted.limits) > wanted.room


def _shortened(document: Document, wanted: Wanted, attached: Sequence[Picture]) -> str:
    """Return the beginning of the text, and a link to the rest."""
    text = _body(document, wanted, attached)[: _GRAPHEME_CHARACTERS * wanted.room]
    footer = cut(footer_of(document, "", link=False), wanted.room // 2, wanted.limits)
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
    found = draw_text(
        lambda attached: _body(document, wanted, attached), pictures, wanted.fonts, most_pictures=wanted.limits.pictures
    )
    if found is None:
        return None
    caption = caption_of(document, link=wanted.link, spelled=wanted.spelled)
    text = cut(caption, wanted.room, wanted.limits)
    return Rendered(texts=(text,), pictures=found.pictures, drawn=found.pages, alt=found.text)

"""The media of a document that Telegram can show, and links for the others. Pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from syncqueue.handlers.base import Document, Place
from syncqueue.handlers.media import Media, media_of
from syncqueue.handlers.telegram.inline import pictures_in, without_pictures
from syncqueue.handlers.telegram.medium import MOST_MEDIA

logger = logging.getLogger("syncqueue.telegram")

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#!])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The media of a document."""

    shown: tuple[Media, ...] = ()  # media to send: each once, at most ten
    links: tuple[Media, ...] = ()  # those of `Document.media` that stay links
    in_text: frozenset[str] = frozenset()  # `Media.identity` of the pictures in the text

    def without(self, media: Sequence[Media]) -> Wanted:
        """Return the media without some that cannot be shown. Pictures in the text stay there."""
        return Wanted(
            shown=tuple(one for one in self.shown if one not in media),
            links=(*(one for one in media if one.identity not in self.in_text), *self.links),
            in_text=self.in_text,
        )


def has_media(document: Document, place: Place) -> bool:
    """Return whether a document may have media; a fast check, which may be True without need."""
    return bool(document.media) or (_takes_pictures(document, place) and "![" in document.text)


def wanted_of(document: Document, place: Place, may_fetch: Callable[[str], bool]) -> Wanted:
    """Return the media to show; pictures in the text come first, if the destination wants them."""
    in_text = pictures_in(document.text, document.url) if _takes_pictures(document, place) else []
    shown: dict[str, Media] = {}
    links: dict[str, Media] = {}
    for media in (*in_text, *map(media_of, document.media)):
        if media is None:
            logger.info("A medium is left out: it is no absolute URL.")
        elif len(shown) < MOST_MEDIA and (media.file is not None or may_fetch(media.url)):
            shown.setdefault(media.identity, media)
        else:
            links.setdefault(media.identity, media)
    own = frozenset(media.identity for media in in_text)
    return Wanted(
        shown=tuple(shown.values()),
        links=tuple(media for key, media in links.items() if key not in shown and key not in own),
        in_text=own,
    )


def text_beside(document: Document, wanted: Wanted) -> Document:
    """Return the document without the pictures that are shown as media, and with links to all other media."""
    taken = wanted.in_text & {media.identity for media in wanted.shown}
    if taken:
        document = replace(document, text=without_pictures(document.text, document.url, taken))
    return with_links(document, wanted.links)


def _takes_pictures(document: Document, place: Place) -> bool:
    return document.format == "markdown" and bool(place.options.get("pictures", False))


def with_links(document: Document, media: Sequence[Media]) -> Document:
    """Return the document with links to media that are not shown at the end of its text."""
    lines = [line for line in (_line(one, document.format) for one in media) if line]
    if not lines:
        return document
    return replace(document, text="\n\n".join(filter(None, (document.text.rstrip(), "\n".join(lines)))))


def _line(media: Media, format_: str) -> str:
    if format_ != "markdown":
        return media.as_text
    alt = _SPECIAL.sub(r"\\\1", " ".join(media.alt.split()))
    if media.is_signed or not media.url or re.search(r"[<>\s]", media.url):
        return alt
    return f"[{alt}](<{media.url}>)" if alt else f"<{media.url}>"

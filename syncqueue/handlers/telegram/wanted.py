"""Which media a document has for Telegram, and what becomes of those that it cannot show. Pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from syncqueue.handlers.base import Document, Place
from syncqueue.handlers.media import Media, media_of
from syncqueue.handlers.telegram.medium import MOST_MEDIA

logger = logging.getLogger("syncqueue.telegram")

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#!])")


def has_media(document: Document, place: Place) -> bool:
    """Whether a document has media to look at: cheap, and sometimes true without need."""
    return bool(document.media)


def wanted_of(document: Document, place: Place, may_fetch: Callable[[str], bool]) -> tuple[list[Media], list[Media]]:
    """The media to show, each once and ten at most; and those that stay links."""
    shown: dict[str, Media] = {}
    links: dict[str, Media] = {}
    for item in document.media:
        media = media_of(item)
        if media is None:
            logger.info("A medium is left out: it is no absolute URL.")
        elif len(shown) < MOST_MEDIA and (media.file is not None or may_fetch(media.url)):
            shown.setdefault(media.identity, media)
        else:
            links.setdefault(media.identity, media)
    return list(shown.values()), [media for key, media in links.items() if key not in shown]


def with_links(document: Document, media: Sequence[Media]) -> Document:
    """The document with media that are not shown at the end of its text, as far as they can be named."""
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

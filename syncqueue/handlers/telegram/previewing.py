"""Previews of a document on Telegram, without loading its media. Pure."""

from __future__ import annotations

from collections.abc import Callable

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document, Place, PreviewPart
from syncqueue.handlers.media import Media
from syncqueue.handlers.posts import wants_link
from syncqueue.handlers.telegram.composing import utf16_len
from syncqueue.handlers.telegram.message import BLANK
from syncqueue.handlers.telegram.render import CAPTION_LIMIT, TEXT_LIMIT, RenderedMessage, render, render_caption
from syncqueue.handlers.telegram.wanted import Wanted, has_media, text_beside, wanted_of


def previewed(document: Document, place: Place, may_fetch: Callable[[str], bool]) -> list[PreviewPart]:
    """Return the message, and the media with the text as their caption or after it.

    Raises `PermanentError` if nothing is visible.
    """
    wanted = wanted_of(document, place, may_fetch) if has_media(document, place) else Wanted()
    pictures = tuple(_name(media) for media in wanted.shown)
    beside, link = text_beside(document, wanted), wants_link(place)
    caption = render_caption(beside, link=link) if pictures else None
    if caption is not None:
        return [_part("media", caption, CAPTION_LIMIT, pictures)]
    message = render(beside, link=link)
    if message.is_blank:
        raise PermanentError(BLANK)
    limit = CAPTION_LIMIT if message.kind == "document" else TEXT_LIMIT
    found = [_part(message.kind, message, limit)]
    return [*found, PreviewPart(kind="media", text="", pictures=pictures)] if pictures else found


def _part(kind: str, message: RenderedMessage, limit: int, pictures: tuple[str, ...] = ()) -> PreviewPart:
    return PreviewPart(
        kind=kind,
        text=message.text,
        length=utf16_len(message.text),
        limit=limit,
        file_name=message.file_name,
        file_text=message.file_bytes.decode(),
        pictures=pictures,
    )


def _name(media: Media) -> str:
    """Return the URL of a medium for people, without its signature."""
    return media.identity if media.file is None else media.name

"""A document's text as pictures, for a destination that wants those instead of a thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import HandlerConfig
from syncqueue.handlers.drawing.fonts import ADVICE, load_fonts
from syncqueue.handlers.drawing.image import TEXT_SIZE, draw
from syncqueue.handlers.markdown import Picture

logger = logging.getLogger("syncqueue.handlers")

# Four pages of the narrowest letters have fewer characters; a longer text needs more pages, without drawing it.
DRAWN_CHARACTERS = 20_000
_SAMPLE = "中文"  # characters that fonts should have; emoji can be replaced by words


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnText:
    """Pictures of a text, and those of its own pictures that fit beside them."""

    pages: tuple[bytes, ...]  # PNG pictures of the text
    text: str  # their description: the text itself
    pictures: tuple[Picture, ...] = ()


def draw_text(
    body: Callable[[Sequence[Picture]], str],
    pictures: Sequence[Picture],
    fonts: tuple[str, ...],
    *,
    most_pictures: int,
) -> DrawnText | None:
    """Return a text as pictures, with as many of its own pictures as fit; None if that is impossible.

    `body` returns the text without the pictures that are attached. `fonts`: files to try before the well-known ones.
    """
    loaded = load_fonts(fonts, TEXT_SIZE)
    for number in range(min(len(pictures), most_pictures - 1), -1, -1):
        text = body(pictures[:number])
        shown = loaded.spelled(text)
        if missing := loaded.missing(shown):
            logger.warning("No font here can draw %r, so a thread is posted instead of a picture. %s", missing, ADVICE)
            return None
        if drawn := draw(shown, loaded, page_limit=most_pictures - number):
            return DrawnText(pages=tuple(drawn), text=text, pictures=tuple(pictures[:number]))
    return None


def can_draw_chinese(fonts: tuple[str, ...]) -> bool:
    """Return whether Chinese texts can be drawn with the fonts of this machine."""
    return not load_fonts(fonts, TEXT_SIZE).missing(_SAMPLE)


def font_files(config: HandlerConfig) -> tuple[str, ...]:
    """Return the font files in the option FONTS. Raises `ConfigurationError`."""
    given = config.options.get("FONTS") or ()
    if not isinstance(given, list | tuple) or not all(isinstance(path, str) for path in given):
        raise ConfigurationError(
            f"SYNCQUEUE['HANDLERS'][{config.service!r}]['OPTIONS']['FONTS']: expected a list of paths of font files."
        )
    return tuple(given)

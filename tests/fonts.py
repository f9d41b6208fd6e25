"""A font for tests: which fonts a machine has must not decide whether they pass."""

from __future__ import annotations

from PIL import ImageFont

from syncqueue.handlers.drawing.fonts import Font
from syncqueue.handlers.drawing.image import TEXT_SIZE


class Face(Font):
    """A font that has certain characters alone, by default ASCII, drawn as Pillow draws without any font file."""

    def __init__(self, has: str = "") -> None:
        self.face = ImageFont.load_default(TEXT_SIZE)  # type: ignore[assignment]
        self.size, self.is_bitmap, self._has = TEXT_SIZE, False, has

    def has(self, character: str) -> bool:
        return character in self._has or (not self._has and character.isascii())

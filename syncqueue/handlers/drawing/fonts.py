"""The fonts for pictures of texts, and the characters that they have."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import grapheme
from PIL import ImageFont

# File names of the fonts of Debian, Ubuntu, Fedora, Alpine and Homebrew, the best first; text before emoji.
KNOWN_FILES = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc", "wqy-zenhei.ttc", "DejaVuSans.ttf", "NotoSans-Regular.ttf",
    "NotoColorEmoji.ttf", "NotoEmoji-Regular.ttf",
)  # fmt: skip
KNOWN_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "~/Library/Fonts")
ADVICE = "Install fonts-noto-cjk (Chinese, Japanese, Korean) and fonts-noto-color-emoji, or name font files in FONTS."

# Faces of Noto Sans CJK: 0 is Japanese, 2 simplified Chinese.
_SIMPLIFIED_CHINESE = 2
_COLOUR_EMOJI_SIZE = 109  # the only size of the bitmaps of colour fonts
_NO_GLYPH = "\U0010ffff"  # a permanent non-character, so a font shows its glyph for unknown ones
# These have no glyph of their own; they change the character before them.
_INVISIBLE = ("Cf", "Cc", "Zs", "Zl", "Zp")
_AS_EMOJI = "\ufe0f"
_VARIATIONS = range(0xFE00, 0xFE10)
_RIGHT_TO_LEFT = ("R", "AL")
_MODIFIERS = range(0x1F3FB, 0x1F400)  # skin tones: they change the emoji before them


class Font:
    """A font file in one size."""

    def __init__(self, path: Path, size: int) -> None:
        """Load the font; raises `OSError` for a file that is not a font."""
        index = _SIMPLIFIED_CHINESE if path.name == "NotoSansCJK-Regular.ttc" else 0
        try:
            self.face = ImageFont.truetype(str(path), size, index=index)
            self.size = size
        except OSError:
            self.face = ImageFont.truetype(str(path), _COLOUR_EMOJI_SIZE)
            self.size = _COLOUR_EMOJI_SIZE
        self.is_bitmap = self.size != size
        # Without the shaping that would draw a circle under a single accent.
        self._plain = self.face.font_variant(layout_engine=ImageFont.Layout.BASIC)
        self._unknown = bytes(self._plain.getmask(_NO_GLYPH))
        self._known: dict[str, bool] = {}

    def has(self, character: str) -> bool:
        """Return whether the font can draw a character."""
        if character not in self._known:
            self._known[character] = bytes(self._plain.getmask(character)) != self._unknown
        return self._known[character]


class Fonts:
    """Fonts in the order in which they are tried."""

    def __init__(self, fonts: Sequence[Font]) -> None:
        """`fonts`: those that were found; empty on a machine without fonts."""
        # Emoji fonts last, whatever their position, because the first font provides the spaces.
        self._fonts = sorted(fonts, key=lambda font: not font.has("a"))

    def font_for(self, cluster: str) -> Font | None:
        """Return the first font with every visible character of a grapheme; None if there is none."""
        visible = [character for character in cluster if not is_invisible(character)]
        # Emoji fonts come last, unless this variation selector requests them.
        fonts = reversed(self._fonts) if _AS_EMOJI in cluster else self._fonts
        return next((font for font in fonts if all(map(font.has, visible))), None)

    def runs(self, line: str) -> Iterator[tuple[str, Font]]:
        """Split `line` into ranges of one font; characters that no font has are left out (see `missing`)."""
        stretch, current = "", None
        for text, font in self._drawable(line):
            if current is not None and font is not current:
                yield stretch, current
                stretch = ""
            stretch, current = stretch + text, font
        if current is not None:
            yield stretch, current

    def missing(self, text: str) -> str:
        """Return the characters of `text` that cannot be drawn, each once; right-to-left text cannot be drawn."""
        return "".join(
            character
            for character in dict.fromkeys(text)
            if unicodedata.bidirectional(character) in _RIGHT_TO_LEFT or self.font_for(character) is None
        )

    def spelled(self, text: str) -> str:
        """Replace emoji and other symbols that cannot be drawn by words: "(party popper)"."""
        return "".join(map(self._spelled, text))

    def _spelled(self, character: str) -> str:
        if any(font.has(character) for font in self._fonts):
            return character
        if ord(character) in _MODIFIERS:
            return ""  # its emoji is replaced too
        is_symbol = unicodedata.category(character) == "So"
        return f"({unicodedata.name(character, 'symbol').lower()})" if is_symbol else character

    def _drawable(self, line: str) -> Iterator[tuple[str, Font]]:
        for cluster in grapheme.graphemes(line):
            font = self.font_for(cluster)
            if font is not None:
                yield cluster, font
                continue
            found = ((character, self.font_for(character)) for character in cluster)
            yield from ((character, font) for character, font in found if font is not None)


def is_invisible(character: str) -> bool:
    """Return whether a character is not drawn by itself: spaces, joiners, variation selectors, skin tones."""
    number = ord(character)
    return unicodedata.category(character) in _INVISIBLE or number in _VARIATIONS or number in _MODIFIERS


@cache
def load_fonts(paths: tuple[str, ...], size: int) -> Fonts:
    """Load the fonts of `paths`, then the well-known ones of this machine. Files are searched once per process."""
    return Fonts(list(_load([*map(Path, paths), *_known_fonts()], size)))


def _load(paths: Iterable[Path], size: int) -> Iterator[Font]:
    for path in paths:
        try:
            yield Font(path, size)
        except OSError:
            continue  # missing, or not a font: the others may suffice, and missing characters are reported


def _known_fonts() -> list[Path]:
    folders = [Path(folder).expanduser() for folder in KNOWN_FOLDERS]
    found = {path.name: path for folder in folders for path in folder.rglob("*") if path.name in KNOWN_FILES}
    return [found[name] for name in KNOWN_FILES if name in found]

"""The fonts that pictures of texts are drawn with, and which characters they have."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import grapheme
from PIL import ImageFont

# File names of what Debian, Ubuntu, Fedora, Alpine and Homebrew install, the best first; text before emoji.
KNOWN_FILES = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf",
    "wqy-microhei.ttc", "wqy-zenhei.ttc", "DejaVuSans.ttf", "NotoSans-Regular.ttf",
    "NotoColorEmoji.ttf", "NotoEmoji-Regular.ttf",
)  # fmt: skip
KNOWN_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "~/Library/Fonts")
ADVICE = "Install fonts-noto-cjk (Chinese, Japanese, Korean) and fonts-noto-color-emoji, or name font files in FONTS."

# Of Noto Sans CJK's faces: 0 is Japanese, 2 simplified Chinese.
_SIMPLIFIED_CHINESE = 2
_COLOUR_EMOJI_SIZE = 109  # the one size that bitmaps of colour fonts come in
_NO_GLYPH = "\U0010ffff"  # is no character and never will be, so that a font shows what it has for unknown ones
# Drawn by themselves these are nothing; they change what stands before them.
_INVISIBLE = ("Cf", "Cc", "Zs", "Zl", "Zp")
_AS_EMOJI = "\ufe0f"
_VARIATIONS = range(0xFE00, 0xFE10)
_RIGHT_TO_LEFT = ("R", "AL")
_MODIFIERS = range(0x1F3FB, 0x1F400)  # skin tones: they change the emoji before them


class Font:
    """A font file in one size."""

    def __init__(self, path: Path, size: int) -> None:
        """Load it; raises `OSError` for a file that is no font."""
        index = _SIMPLIFIED_CHINESE if path.name == "NotoSansCJK-Regular.ttc" else 0
        try:
            self.face = ImageFont.truetype(str(path), size, index=index)
            self.size = size
        except OSError:
            self.face = ImageFont.truetype(str(path), _COLOUR_EMOJI_SIZE)
            self.size = _COLOUR_EMOJI_SIZE
        self.is_bitmap = self.size != size
        # Without the shaping that would put a circle under a lonely accent.
        self._plain = self.face.font_variant(layout_engine=ImageFont.Layout.BASIC)
        self._unknown = bytes(self._plain.getmask(_NO_GLYPH))
        self._known: dict[str, bool] = {}

    def has(self, character: str) -> bool:
        """Whether the font can draw a character."""
        if character not in self._known:
            self._known[character] = bytes(self._plain.getmask(character)) != self._unknown
        return self._known[character]


class Fonts:
    """Fonts in the order in which they are tried."""

    def __init__(self, fonts: Sequence[Font]) -> None:
        """Those that were found; none is a machine that has no fonts."""
        # Emoji fonts last, whatever their place: the first font's are the spaces.
        self._fonts = sorted(fonts, key=lambda font: not font.has("a"))

    def font_for(self, cluster: str) -> Font | None:
        """The first font that has every visible character of a grapheme; None when there is none."""
        visible = [character for character in cluster if not is_invisible(character)]
        # Emoji fonts come last, and are meant where this character asks for them.
        fonts = reversed(self._fonts) if _AS_EMOJI in cluster else self._fonts
        return next((font for font in fonts if all(map(font.has, visible))), None)

    def runs(self, line: str) -> Iterator[tuple[str, Font]]:
        """`line` in stretches of one font; what no font has is left out (see `missing`)."""
        stretch, current = "", None
        for text, font in self._drawable(line):
            if current is not None and font is not current:
                yield stretch, current
                stretch = ""
            stretch, current = stretch + text, font
        if current is not None:
            yield stretch, current

    def missing(self, text: str) -> str:
        """The characters of `text` that cannot be drawn, each once. Right to left cannot: lines would be garbled."""
        return "".join(
            character
            for character in dict.fromkeys(text)
            if unicodedata.bidirectional(character) in _RIGHT_TO_LEFT or self.font_for(character) is None
        )

    def spelled(self, text: str) -> str:
        """`text` with emoji and other symbols that cannot be drawn as words: "(party popper)"."""
        return "".join(map(self._spelled, text))

    def _spelled(self, character: str) -> str:
        if any(font.has(character) for font in self._fonts):
            return character
        if ord(character) in _MODIFIERS:
            return ""  # the emoji that it colours is spelled out too
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
    """Whether a character has no picture of its own: spaces, joiners, variation selectors, skin tones."""
    number = ord(character)
    return unicodedata.category(character) in _INVISIBLE or number in _VARIATIONS or number in _MODIFIERS


@cache
def load_fonts(paths: tuple[str, ...], size: int) -> Fonts:
    """The fonts of `paths`, then the well-known ones of this machine. Files are looked for once a process."""
    return Fonts(list(_load([*map(Path, paths), *_known_fonts()], size)))


def _load(paths: Iterable[Path], size: int) -> Iterator[Font]:
    for path in paths:
        try:
            yield Font(path, size)
        except OSError:
            continue  # not there, or no font: the others may do, and what none of them has is said in the end


def _known_fonts() -> list[Path]:
    folders = [Path(folder).expanduser() for folder in KNOWN_FOLDERS]
    found = {path.name: path for folder in folders for path in folder.rglob("*") if path.name in KNOWN_FILES}
    return [found[name] for name in KNOWN_FILES if name in found]

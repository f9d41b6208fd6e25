"""Draws texts that are too long for a status as pictures. Pure, except for loading glyphs of the fonts."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence

import grapheme
from PIL import Image, ImageDraw

from syncqueue.handlers.drawing.fonts import Font, Fonts

WIDTH, HEIGHT = 1080, 1920  # pixels of a telephone screen; below Mastodon's limit of 8.3 million pixels
MARGIN = 64
TEXT_SIZE = 36
LINE_HEIGHT = 56
LINES = (HEIGHT - 2 * MARGIN) // LINE_HEIGHT
_LINE_WIDTH = WIDTH - 2 * MARGIN
_LONGEST_WORD = 400  # characters; words that fit a line are shorter, and longer ones are not measured as a whole
_INK, _PAPER = "#1b1b1f", "#fffdf8"
# A line must not begin with these (https://www.w3.org/TR/clreq/#prohibition_rules_for_line_start_end).
_NOT_FIRST = frozenset("，。、；：？！）》」』】〉”’％…—,.;:?!)]}")
# Chinese, Japanese and Korean lines may break between any two characters.
_BREAKS_ANYWHERE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def draw(text: str, fonts: Fonts, *, page_limit: int) -> list[bytes]:
    """Return PNG pictures of `text`, one per page; none if it needs more than `page_limit` pages.

    `fonts` must be able to draw every character (`Fonts.missing`).
    """
    lines: list[str] = []
    for line in _wrapped(text, fonts):
        lines.append(line)
        if len(lines) > page_limit * LINES:
            return []
    return [_page(lines[start : start + LINES], fonts) for start in range(0, len(lines), LINES)]


def _wrapped(text: str, fonts: Fonts) -> Iterator[str]:
    for line in text.expandtabs(4).split("\n"):
        yield from _wrap(line, fonts)


def _wrap(line: str, fonts: Fonts) -> Iterator[str]:
    """Wrap `line` to the page's width. Each grapheme is measured a bounded number of times."""
    current, width = "", 0.0
    for word in _unbreakable(line):
        word_width = _width(word, fonts) if len(word) <= _LONGEST_WORD else math.inf
        if current and width + word_width > _LINE_WIDTH:
            yield current.rstrip()
            word = word.lstrip()
            current, width = "", 0.0
            word_width = _width(word, fonts) if len(word) <= _LONGEST_WORD else math.inf
        if word_width > _LINE_WIDTH:
            pieces = _broken(word, fonts)
            word, word_width = next(pieces)
            for following in pieces:
                yield word
                word, word_width = following
        current, width = current + word, width + word_width
    yield current.rstrip()


def _unbreakable(line: str) -> Iterator[str]:
    """Yield words with the spaces before them, and single CJK characters with those that must not begin a line."""
    word = ""
    for cluster in grapheme.graphemes(line):
        ends = word and (cluster.isspace() and not word.isspace() or _BREAKS_ANYWHERE.match(cluster))
        ends = ends or (word and _BREAKS_ANYWHERE.match(word[-1]))
        if ends and cluster not in _NOT_FIRST:
            yield word
            word = ""
        word += cluster
    if word:
        yield word


def _broken(word: str, fonts: Fonts) -> Iterator[tuple[str, float]]:
    """Split a word that is longer than a line into pieces with their widths. Lazy: few may be needed."""
    head: list[str] = []
    width = 0.0
    for cluster in grapheme.graphemes(word):
        cluster_width = _width(cluster, fonts)
        if head and (width + cluster_width > _LINE_WIDTH or len(head) >= _LONGEST_WORD):
            yield "".join(head), width
            head, width = [], 0.0
        head.append(cluster)
        width += cluster_width
    yield "".join(head), width


def _width(text: str, fonts: Fonts) -> float:
    return sum(_run_width(stretch, font) for stretch, font in fonts.runs(text))


def _run_width(stretch: str, font: Font) -> float:
    length = float(font.face.getlength(stretch))
    return length * TEXT_SIZE / font.size if font.is_bitmap else length


def _page(lines: Sequence[str], fonts: Fonts) -> bytes:
    page = Image.new("RGB", (WIDTH, 2 * MARGIN + LINE_HEIGHT * len(lines)), _PAPER)
    for number, line in enumerate(lines):
        left = float(MARGIN)
        for stretch, font in fonts.runs(line):
            _draw_run(page, (left, MARGIN + number * LINE_HEIGHT), stretch, font)
            left += _run_width(stretch, font)
    output = io.BytesIO()
    page.save(output, "PNG", optimize=True)
    return output.getvalue()


def _draw_run(page: Image.Image, place: tuple[float, float], stretch: str, font: Font) -> None:
    left, top = place
    if not font.is_bitmap:
        baseline = top + 0.78 * LINE_HEIGHT
        ImageDraw.Draw(page).text(
            (left, baseline), stretch, fill=_INK, font=font.face, anchor="ls", embedded_color=True
        )
        return
    # Bitmaps have one size: draw separately, then scale down.
    length = max(int(font.face.getlength(stretch)), 1)
    drawn = Image.new("RGBA", (length, font.size * 5 // 4))
    pen = ImageDraw.Draw(drawn)
    pen.text((0, font.size), stretch, font=font.face, anchor="ls", embedded_color=True)
    scale = TEXT_SIZE / font.size
    small = drawn.resize((max(int(drawn.width * scale), 1), int(drawn.height * scale)))
    page.paste(small, (int(left), int(top + 0.12 * LINE_HEIGHT)), small)

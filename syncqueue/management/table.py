"""Terminal tables; Chinese characters are two columns wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_GAP = "  "


def width(text: str) -> int:
    """Return the number of terminal columns of a text."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with headings; columns of numbers are aligned to the right."""
    texts = [list(heads), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*texts, strict=True)]
    is_number = [all(isinstance(row[at], int | float) for row in rows) for at in range(len(heads))]
    return "\n".join(
        _GAP.join(
            _padded(cell, wide, right) for cell, wide, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in texts
    )


def _text(cell: object) -> str:
    return "-" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell)


def _padded(text: str, wide: int, right: bool) -> str:
    blanks = " " * (wide - width(text))
    return blanks + text if right else text + blanks

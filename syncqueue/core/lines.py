"""Texts that people enter, in places that have one line for them."""

from __future__ import annotations

import unicodedata

# Control characters, and the separators of lines and paragraphs: each may begin a new line somewhere.
_BREAKING = frozenset({"Cc", "Zl", "Zp"})
# They change the order in which the text around them is shown. https://www.unicode.org/reports/tr9/
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _is_control(sign: str) -> bool:
    return sign in _TURNING or unicodedata.category(sign) in _BREAKING


def has_controls(text: str) -> bool:
    """Return whether a text has control characters, line ends included."""
    return any(map(_is_control, text))


def one_line(text: str) -> str:
    """Return the text with its control characters escaped: a line end as "\\n"."""
    if not has_controls(text):
        return text
    return "".join(sign.encode("unicode_escape").decode() if _is_control(sign) else sign for sign in text)

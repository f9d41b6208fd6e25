"""Small changes to texts that a ModelSync may want to make before they go out. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

# A link of Markdown, one in angle brackets, or a bare one; a picture is none. With a list's or quote's mark and what
# separates it from the text.
_LINK = r"(?:(?<!!)\[[^\[\]\n]*\]\((?P<target>[^()\s]+)(?:\s+\"[^\"\n]*\")?\)|<(?P<angled>https?://[^<>\s]+)>|(?P<bare>https?://[^\s<>()\[\]]+))"
_FIRST = re.compile(rf"\A\s*(?:[-*>]\s+)?{_LINK}(?=\s|\Z)\s*")
_LAST = re.compile(rf"(?:(?<=\s)|\A)(?:(?<=\n)[-*>][ \t]+)?{_LINK}\s*\Z")


def strip_internal_links(text: str, is_internal: Callable[[str], bool]) -> str:
    """`text` (plain or Markdown) without the links at its start and end that lead from note to note.

    `is_internal` is asked about each link's target as it is written; such links are of no use where the other note
    is not. Links amid the text stay: it would not read well without them.
    """
    for pattern in (_FIRST, _LAST):
        while (found := pattern.search(text)) and is_internal(_target(found)):
            text = (text[: found.start()] + text[found.end() :]).rstrip()
    return text


def _target(found: re.Match[str]) -> str:
    return found["target"] or found["angled"] or found["bare"]

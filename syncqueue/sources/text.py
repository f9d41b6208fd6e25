"""Small changes that a ModelSync may make to texts before they are sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

# A Markdown link (not a picture), a link in angle brackets, or a bare link; with the mark of a list or quote and the
# separator to the text.
_LINK = r"(?:(?<!!)\[[^\[\]\n]*\]\((?P<target>[^()\s]+)(?:\s+\"[^\"\n]*\")?\)|<(?P<angled>https?://[^<>\s]+)>|(?P<bare>https?://[^\s<>()\[\]]+))"
_FIRST = re.compile(rf"\A\s*(?:[-*>]\s+)?{_LINK}(?=\s|\Z)\s*")
_LAST = re.compile(rf"(?:(?<=\s)|\A)(?:(?<=\n)[-*>][ \t]+)?{_LINK}\s*\Z")


def strip_internal_links(text: str, is_internal: Callable[[str], bool]) -> str:
    """Return `text` (plain or Markdown) without internal links at its start and end.

    `is_internal` receives the target of each link as written. Such links, from one note to another, are useless if
    the other note does not exist. Links within the text stay, because the text would not read well without them.
    """
    for pattern in (_FIRST, _LAST):
        while (found := pattern.search(text)) and is_internal(_target(found)):
            text = (text[: found.start()] + text[found.end() :]).rstrip()
    return text


def _target(found: re.Match[str]) -> str:
    return found["target"] or found["angled"] or found["bare"]

"""Hidden parts of a Markdown text: comments, which are removed, and spoilers, which stay covered. Pure.

Markdown passes raw HTML through, so readers of the site see neither comments nor the text in `<tg-spoiler>`. The
parser reports such HTML in ranges that may contain visible text too (`<!-- a --> visible`), so it is parsed here,
in one pass over the source, before the text itself is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pyromark

EXTENSIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS

# They replace HTML while the text is parsed. All are non-characters of Unicode, which texts do not contain.
SPOILER_START, SPOILER_END, LESS_THAN = "\ufdd0", "\ufdd1", "\ufdd2"
_MARKS = str.maketrans(dict.fromkeys((SPOILER_START, SPOILER_END, LESS_THAN)))
_MEANING = str.maketrans({SPOILER_START: "<tg-spoiler>", SPOILER_END: "</tg-spoiler>", LESS_THAN: "<"})

_SPOILER_TAG = re.compile(rb"<(?P<end>/?)(?P<name>tg-spoiler|span)(?P<rest>(?:\s[^<>]*)?)>", re.IGNORECASE)
_SPOILER_CLASS = re.compile(rb"""\sclass\s*=\s*["']?tg-spoiler["']?(?:\s|$)""", re.IGNORECASE)
_LINE_BREAK = re.compile(rb"<br\s*/?>", re.IGNORECASE)
# `[//]: # (text)` and its kin: link definitions that nothing can refer to, the other form of a comment.
_EMPTY_DEFINITION = re.compile(
    rb"""^[ ]{0,3}\[[^\[\]\n]{1,200}\]:[ \t]*(?:\#|<>|<\#>)
    (?:[ \t]+(?:"[^"]{0,5000}"|'[^']{0,5000}'|\([^()]{0,5000}\)))?[ \t]*(?:\n|\Z)""",
    re.MULTILINE | re.VERBOSE,
)


def marked(source: str) -> str:
    """Return `source` without comments, with marks for spoilers, and with other HTML blocks as text."""
    source = source.translate(_MARKS)
    return _swept(source, _Marker().mark) if "<" in source else source


def unmarked(text: str) -> str:
    """Replace the marks in `text` by the HTML that they represent, for code."""
    return text.translate(_MEANING)


def hides_something(source: str) -> bool:
    """Return whether the source may contain comments."""
    return "<!--" in source or "]:" in source


def without_comments(source: str) -> str:
    """Return `source` for a text file, without the comments, which its author meant to be hidden."""
    if "<!--" in source:
        source = _swept(source, lambda html, is_block: html)
    return _without_definitions(source) if "]:" in source else source


class _Marker:
    """Puts marks into ranges of HTML, which it receives in order."""

    def __init__(self) -> None:
        self._spans: list[bool] = []  # the open <span> elements; True: a spoiler

    def mark(self, html: bytes, is_block: bool) -> bytes:
        """Return the range with marks. Other inline tags stay as they are, and the parser shows them as text."""
        html = _SPOILER_TAG.sub(self._spoiler, html)
        return _LINE_BREAK.sub(b"\n", html).replace(b"<", LESS_THAN.encode()) if is_block else html

    def _spoiler(self, tag: re.Match[bytes]) -> bytes:
        is_spoiler = True
        if tag["name"].lower() == b"span":
            if not tag["end"]:
                self._spans.append(_SPOILER_CLASS.search(tag["rest"]) is not None)
                is_spoiler = self._spans[-1]
            else:
                is_spoiler = bool(self._spans) and self._spans.pop()
        if not is_spoiler:
            return tag[0]
        return (SPOILER_END if tag["end"] else SPOILER_START).encode()


def _swept(source: str, treat: Callable[[bytes, bool], bytes]) -> str:
    """Return `source` without comments, with every other range of HTML replaced by the result of `treat`."""
    content, kept, at = source.encode(), [], 0
    for start, end, is_block in _html(source):
        if end <= at:
            continue  # inside a comment that began before
        kept.append(content[at : max(at, start)])
        at = max(at, start)
        while at < end:
            comment = content.find(b"<!--", at, end) if is_block or content.startswith(b"<!--", at) else -1
            kept.append(treat(content[at : end if comment < 0 else comment], is_block))
            at = end if comment < 0 else _end_of_comment(content, comment)
    kept.append(content[at:])
    return b"".join(kept).decode()


def _html(source: str) -> Iterator[tuple[int, int, bool]]:
    """Return start and end, in UTF-8 bytes, of each range of raw HTML, and whether it is a block."""
    for event, span in pyromark.events_with_range(source, options=EXTENSIONS):
        if isinstance(event, dict):
            if event.get("Start") == "HtmlBlock":
                yield span["start"], span["end"], True
            elif "InlineHtml" in event:
                yield span["start"], span["end"], False


def _end_of_comment(content: bytes, start: int) -> int:
    """Return the end of the comment that begins at `start`. An unclosed one hides all that follows, as in a browser."""
    for empty in (b"<!-->", b"<!--->"):
        if content.startswith(empty, start):
            return start + len(empty)
    end = content.find(b"-->", start + 4)
    return len(content) if end < 0 else end + 3


def _without_definitions(source: str) -> str:
    content, kept, at = source.encode(), [], 0
    blocks = _blocks(source)
    block = next(blocks, None)
    for found in _EMPTY_DEFINITION.finditer(content):
        while block is not None and block[1] <= found.start():
            block = next(blocks, None)
        if block is None or found.start() < block[0]:  # between blocks: it is no text, and not in code
            kept.append(content[at : found.start()])
            at = found.end()
    return b"".join([*kept, content[at:]]).decode() if kept else source


def _blocks(source: str) -> Iterator[tuple[int, int]]:
    """Return start and end, in UTF-8 bytes, of the top-level blocks."""
    depth = 0
    for event, span in pyromark.events_with_range(source, options=EXTENSIONS):
        if isinstance(event, dict) and "Start" in event:
            if depth == 0:
                yield span["start"], span["end"]
            depth += 1
        elif isinstance(event, dict) and "End" in event:
            depth -= 1

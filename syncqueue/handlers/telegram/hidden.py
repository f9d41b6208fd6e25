"""What the author of a Markdown text hides: comments, which go, and spoilers, which stay covered. Pure.

Markdown passes raw HTML through, so a reader of the site sees neither comments nor what `<tg-spoiler>` covers. The
parser reports such HTML in stretches that may hold visible text too (`<!-- a --> visible`), so it is taken apart here,
in one pass over the source, before the text itself is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pyromark

EXTENSIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS

# They stand in for HTML while the text is read. All are non-characters of Unicode, which no text holds.
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
    """`source` without comments, with marks for spoilers, and with the rest of its blocks of HTML as text."""
    source = source.translate(_MARKS)
    return _swept(source, _Marker().mark) if "<" in source else source


def unmarked(text: str) -> str:
    """`text` with what the marks in it stand for, as code shows it."""
    return text.translate(_MEANING)


def hides_something(source: str) -> bool:
    """Whether `without_comments` has anything to look at."""
    return "<!--" in source or "]:" in source


def without_comments(source: str) -> str:
    """`source` as a file to be read, without what its author meant to stay unseen."""
    if "<!--" in source:
        source = _swept(source, lambda html, is_block: html)
    return _without_definitions(source) if "]:" in source else source


class _Marker:
    """Puts marks into stretches of HTML, which come in order."""

    def __init__(self) -> None:
        self._spans: list[bool] = []  # the <span> elements that are open; true: it is a spoiler

    def mark(self, html: bytes, is_block: bool) -> bytes:
        """The stretch with marks. Other tags in a line of text are left to the reader, who shows them as they are."""
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
    """`source` without comments, and with every other stretch of HTML as `treat` returns it."""
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
    """Start and end, in UTF-8 bytes, of each stretch of raw HTML, and whether it is a block of its own."""
    for event, span in pyromark.events_with_range(source, options=EXTENSIONS):
        if isinstance(event, dict):
            if event.get("Start") == "HtmlBlock":
                yield span["start"], span["end"], True
            elif "InlineHtml" in event:
                yield span["start"], span["end"], False


def _end_of_comment(content: bytes, start: int) -> int:
    """Behind the comment that begins at `start`. One without an end hides all that follows, as it does in a browser."""
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
    """Start and end, in UTF-8 bytes, of the blocks at the top level."""
    depth = 0
    for event, span in pyromark.events_with_range(source, options=EXTENSIONS):
        if isinstance(event, dict) and "Start" in event:
            if depth == 0:
                yield span["start"], span["end"]
            depth += 1
        elif isinstance(event, dict) and "End" in event:
            depth -= 1

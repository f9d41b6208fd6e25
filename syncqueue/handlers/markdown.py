"""Markdown as plain text that reads well, for services that show nothing else; and the pictures in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import pyromark

from syncqueue.handlers.media import Media

_EXTENSIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS
_LINK_SCHEMES = {"http", "https", "ftp", "gemini", "geo", "magnet", "mailto", "matrix", "tel", "xmpp"}
# Maximum levels of lists, quotes and pictures in the text; deeper ones are reduced to their content. Each level
# marks all lines inside it, so a few thousand would take minutes.
_DEEPEST = 24
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# Replaces an attached picture; it is removed with the spaces around it. Tidy texts do not contain it.
_ATTACHED = "\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture or another medium of a document."""

    url: str  # https or http; for a `Media`: its identity, which does not change
    alt: str = ""
    given: Media | None = None

    @property
    def media(self) -> Media:
        """Return the URL or medium to read."""
        return self.given or Media(url=self.url, alt=self.alt)

    @property
    def as_text(self) -> str:
        """Return the text that replaces it."""
        if self.given is not None:
            return self.given.as_text
        return f"{self.alt}: {self.url}" if self.alt else self.url


def to_text(source: str, base_url: str = "", attached: Collection[str] = ()) -> tuple[str, tuple[Picture, ...]]:
    """Return the text without markup, and the pictures, each URL once.

    Links and pictures relative to `base_url` are completed. Pictures whose URL is in `attached` are removed from the
    text.
    """
    reader = _Reader(base_url, attached)
    for event in pyromark.events(source, options=_EXTENSIONS):
        reader.take(event)
    return reader.result(), tuple(reader.pictures.values())


@dataclass(slots=True)
class _Frame:
    """An open element: `inline` is the text of its current line, `blocks` its finished blocks."""

    kind: str
    data: Any = None
    inline: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Finish the current line as a block, because another block follows."""
        text = re.sub(f" *{_ATTACHED} *", " ", "".join(self.inline))
        text = "\n".join(line.strip() for line in text.split("\n")).strip()
        if text:
            self.blocks.append(text)
        self.inline.clear()

    def closed(self, separator: str = "\n\n") -> str:
        """Return the whole text."""
        self.settle()
        return separator.join(self.blocks)


class _Reader:
    """Handles events in order and keeps the open elements."""

    def __init__(self, base_url: str, attached: Collection[str]) -> None:
        self._base_url = base_url
        self._attached = attached
        self._open = [_Frame("Document")]
        self.pictures: dict[str, Picture] = {}

    def take(self, event: Any) -> None:
        """Handle one event of the parser."""
        kind, value = next(iter(event.items())) if isinstance(event, dict) else (event, None)
        match kind:
            case "Start":
                name, data = next(iter(value.items())) if isinstance(value, dict) else (str(value), None)
                if name in _BLOCKS:
                    self._open[-1].settle()
                self._open.append(_Frame(name, data))
            case "End":
                self._close(self._open.pop())
            case _:
                self._open[-1].inline.append(_inline(kind, value))

    def result(self) -> str:
        """Return the text of the document."""
        return self._open[0].closed()

    def _close(self, frame: _Frame) -> None:
        parent = self._open[-1]
        is_deep = len(self._open) > 2 * _DEEPEST and frame.kind in _NESTED  # a list and its item are two levels
        if is_deep and frame.kind == "Image":
            parent.inline += frame.inline
        elif frame.kind in _BLOCKS:
            text = frame.closed("\n") if is_deep else _BLOCKS[frame.kind](frame)
            if text.strip():
                parent.blocks.append(text)
        elif frame.kind == "Link":
            parent.inline.append(self._link(frame))
        elif frame.kind == "Image":
            parent.inline.append(self._picture("".join(frame.inline).strip(), frame.data["dest_url"]))
        elif frame.kind == "Strikethrough":
            # Without a mark it would mean the opposite.
            parent.inline.append(f"~~{''.join(frame.inline)}~~")
        else:
            parent.inline.append("".join(frame.inline))

    def _link(self, frame: _Frame) -> str:
        text = "".join(frame.inline).strip()
        url = "" if frame.data["link_type"] == "Email" else self._absolute(frame.data["dest_url"])
        if not url or text == url:
            return text
        shown = url.removeprefix("mailto:")
        words = text.strip(_ATTACHED)
        return f"{text} ({shown})" if words not in ("", shown) else f"{text.removesuffix(words)}{shown}"

    def _picture(self, alt: str, target: str) -> str:
        picture = Picture(url=self._absolute(target), alt=" ".join(alt.split()))
        if not picture.url:
            return picture.alt
        if urlsplit(picture.url).scheme in ("https", "http"):
            self.pictures.setdefault(picture.url, picture)
        return _ATTACHED if picture.url in self._attached else picture.as_text

    def _absolute(self, target: str) -> str:
        try:
            joined = urljoin(self._base_url, target)
            return joined if urlsplit(joined).scheme in _LINK_SCHEMES else ""
        except ValueError:
            return ""


def _without_comments(markup: str) -> str:
    """Return the HTML without comments; an unclosed one stays. Linear: a failed search is the last one."""
    kept, at = [], 0
    while (start := markup.find("<!--", at)) >= 0 and (end := markup.find("-->", start + 4)) >= 0:
        kept.append(markup[at:start])
        at = end + 3
    return "".join([*kept, markup[at:]])


def _inline(kind: str, value: Any) -> str:
    match kind:
        case "SoftBreak" | "HardBreak":
            return "\n"
        case "Code":
            return f"`{value}`"
        case "Html" | "InlineHtml":
            return _LINE_BREAK.sub("\n", _without_comments(value))
        case "TaskListMarker":
            return "☑ " if value else "☐ "
        case "Rule":
            return "\n\n⁂\n\n"
    return str(value) if value is not None else ""


def _list(frame: _Frame) -> str:
    lines = []
    for number, item in enumerate(frame.blocks, frame.data or 0):
        mark = "• " if frame.data is None else f"{number}. "
        if item.startswith(("☐", "☑")):
            mark = ""
        lines.append(mark + item.replace("\n", "\n" + " " * len(mark)))
    return "\n".join(lines)


def _table(frame: _Frame) -> str:
    return frame.closed("\n")


def _quote(frame: _Frame) -> str:
    return "\n".join(f"> {line}".rstrip() for line in frame.closed().split("\n"))


def _code(frame: _Frame) -> str:
    return "".join(frame.inline).rstrip("\n")


def _item(frame: _Frame) -> str:
    return frame.closed("\n")


def _row(frame: _Frame) -> str:
    return " | ".join(frame.blocks)


def _cell(frame: _Frame) -> str:
    # An empty cell keeps its place.
    return frame.closed(" ") or "–"


_BLOCKS: Mapping[str, Callable[[_Frame], str]] = {
    "Paragraph": _Frame.closed,
    "Heading": _Frame.closed,
    "HtmlBlock": _Frame.closed,
    "BlockQuote": _quote,
    "CodeBlock": _code,
    "List": _list,
    "Item": _item,
    "Table": _table,
    "TableHead": _row,
    "TableRow": _row,
    "TableCell": _cell,
}
_NESTED = frozenset({"BlockQuote", "List", "Item", "Image"})

"""Markdown as Telegram shows it: plain text with entities beside it. Pure, and linear in the length of the source."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pyromark
from telegram import MessageEntity

from syncqueue.handlers.telegram.composing import Composer, Span
from syncqueue.handlers.telegram.hidden import EXTENSIONS, SPOILER_END, SPOILER_START, marked, unmarked
from syncqueue.handlers.telegram.links import absolute, is_accepted, mail_address

_RULE = "————————"
_DEEPEST_INDENT = 8  # levels of a list; nested on one line, each level would add a line as long as all before it
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_CUSTOM_EMOJI = re.compile(r"tg://emoji\?id=(\d{1,19})")
_LANGUAGE = re.compile(r"[\w+#.-]{1,32}")
_MARKS = re.compile(rf"(\|\||{SPOILER_START}|{SPOILER_END})")
_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "H1": ("bold", "underline"), "H2": ("bold", "underline"), "H3": ("bold",), "H4": ("bold",),
    "H5": ("italic",), "H6": ("italic",),
}  # fmt: skip
_INLINE = {"Emphasis": "italic", "Strong": "bold", "Strikethrough": "strikethrough"}

_Close = Callable[[], None]


def to_message(source: str, base_url: str = "", *, limit: int | None = None) -> tuple[str, tuple[MessageEntity, ...]]:
    """Return the text without markup, and its entities (offsets and lengths in UTF-16 units).

    Comments are left out, spoilers are covered by entities, and HTML is shown as it is written. Links relative to
    `base_url` are completed; links that Telegram would refuse become plain text. Of a long source, only the first
    `limit` characters are read.
    """
    reader = _Reader(base_url)
    for event in pyromark.events(marked(source[:limit]), options=EXTENSIONS):
        reader.take(event)
    return reader.result(is_cut=limit is not None and len(source) > limit)


class _Reader:
    """Handles the parser's events in order. The action for the end of an element is stored at its start."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._text = Composer()
        self._open: list[_Close] = []
        self._lists: list[int | None] = []  # the number of the next item; None: an unordered list
        self._marker: int | None = None  # the piece with an item's mark, while nothing follows it
        self._spoilers: list[Span] = []
        self._quote_depth = self._link_depth = self._code_depth = 0
        self._is_first_cell = True

    def take(self, event: Any) -> None:
        """Handle one event."""
        kind: str
        value: Any
        kind, value = next(iter(event.items())) if isinstance(event, dict) else (event, None)
        match kind:
            case "Start":
                name: str
                data: Any
                name, data = next(iter(value.items())) if isinstance(value, dict) else (value, None)
                self._open.append(self._start(name, data))
            case "End":
                self._open.pop()()
            case "Text":
                self._write_text(value)
            case "Code":
                self._write(unmarked(value), "code")
            case "SoftBreak" | "HardBreak":
                self._text.separate(1)
            case "InlineHtml" if _LINE_BREAK.fullmatch(value):
                self._text.separate(1)
            case "InlineHtml":
                self._write(unmarked(value))
            case "Html":
                self._write(unmarked(value))
            case "TaskListMarker":
                self._mark_task(value)
            case "Rule":
                self._begin_block()
                self._write(_RULE)

    def result(self, *, is_cut: bool) -> tuple[str, tuple[MessageEntity, ...]]:
        """Return text and entities; an unclosed spoiler covers the rest."""
        for span in self._spoilers[:1]:
            self._text.close(span)
        return self._text.finish(is_cut=is_cut)

    # Text

    def _write(self, text: str, type_: str = "") -> None:
        if not text:
            return
        self._marker = None
        span = self._text.open(type_) if type_ else None
        self._text.write(text)
        if span:
            self._text.close(span)

    def _write_text(self, text: str) -> None:
        if self._code_depth:
            self._write(unmarked(text))
            return
        for piece in _MARKS.split(text):
            match piece:
                case "||":
                    self._marker = None
                    self._text.toggle_spoiler()
                case "\ufdd0":
                    self._spoilers.append(self._text.open("spoiler"))
                case "\ufdd1":
                    self._end_spoiler()
                case _:
                    self._write(unmarked(piece))

    def _end_spoiler(self) -> None:
        if self._spoilers:
            span = self._spoilers.pop()
            if not self._spoilers:  # inside another spoiler it has no effect
                self._text.close(span)

    # Elements: each method begins one, and returns the action for its end

    def _start(self, name: str, data: Any) -> _Close:
        match name:
            case "Heading":
                self._begin_block()
                return self._spanned(*_HEADINGS.get(str(data["level"]), ("bold",)))
            case "BlockQuote":
                return self._quote()
            case "CodeBlock":
                return self._code(data)
            case "List":
                return self._list(data)
            case "Item":
                return self._item()
            case "TableHead" | "TableRow":
                return self._row(is_head=name == "TableHead")
            case "TableCell":
                return self._cell()
            case "Link":
                return self._link(data)
            case "Image":
                return self._image(data)
            case "Emphasis" | "Strong" | "Strikethrough":
                return self._spanned(_INLINE[name])
        self._begin_block()  # paragraphs, tables, blocks of HTML
        return _nothing

    def _begin_block(self) -> None:
        if self._marker is None:  # the first block of an item is on the line of its mark
            self._text.separate(1 if self._lists else 2)

    def _spanned(self, *types: str) -> _Close:
        spans = [self._text.open(type_) for type_ in types]

        def end() -> None:
            for span in spans:
                self._text.close(span)

        return end

    def _quote(self) -> _Close:
        self._begin_block()
        self._quote_depth += 1
        close = self._spanned("blockquote") if self._quote_depth == 1 else _nothing  # Telegram nests none

        def end() -> None:
            self._quote_depth -= 1
            close()

        return end

    def _code(self, data: Any) -> _Close:
        self._begin_block()
        self._code_depth += 1
        span = self._text.open("pre")
        language = _LANGUAGE.match(unmarked(data.get("Fenced") or "")) if isinstance(data, dict) else None
        span.language = language[0] if language else None

        def end() -> None:
            self._code_depth -= 1
            self._text.strip_line_break()
            self._text.close(span)

        return end

    def _list(self, first_number: int | None) -> _Close:
        self._begin_block()
        self._lists.append(first_number)

        def end() -> None:
            self._lists.pop()

        return end

    def _item(self) -> _Close:
        number = self._lists[-1]
        mark = "• "
        if number is not None:
            mark = f"{number}. "
            self._lists[-1] = number + 1
        self._text.separate(1)
        indent = "  " * min(len(self._lists) - 1, _DEEPEST_INDENT)
        self._marker = self._text.write(indent + mark)

        def end() -> None:
            self._marker = None

        return end

    def _mark_task(self, is_done: bool) -> None:
        if self._marker is not None:
            indent = "  " * min(len(self._lists) - 1, _DEEPEST_INDENT)
            self._text.rewrite(self._marker, f"{indent}{'☑' if is_done else '☐'} ")

    def _row(self, *, is_head: bool) -> _Close:
        if not is_head:
            self._text.separate(1)
        self._is_first_cell = True
        return self._spanned("bold") if is_head else _nothing

    def _cell(self) -> _Close:
        if not self._is_first_cell:
            self._write(" | ")
        self._is_first_cell = False
        return _nothing

    def _link(self, data: Mapping[str, Any]) -> _Close:
        self._link_depth += 1
        span = self._text.open("text_link")

        def end() -> None:
            self._link_depth -= 1
            # Telegram links addresses in the text by itself.
            if data["link_type"] not in ("Email", "Autolink"):
                self._point(span, absolute(unmarked(data["dest_url"]), self._base_url))

        return end

    def _image(self, data: Mapping[str, Any]) -> _Close:
        target = unmarked(data["dest_url"])
        emoji = _CUSTOM_EMOJI.fullmatch(target)
        span = self._text.open("custom_emoji" if emoji else "text_link")

        def end() -> None:
            if emoji:
                span.custom_emoji_id = emoji[1]
                self._text.close(span)
            elif not self._link_depth:  # in a link it is the text of the link
                self._point(span, absolute(target, self._base_url))

        return end

    def _point(self, span: Span, url: str) -> None:
        """Turn the text since `span` into a link; without such text, show the address."""
        address = mail_address(url)
        if not self._text.has_text_since(span):
            self._write(address or (url if url.lower().startswith(("http:", "https:")) else ""))
        elif address:
            self._write(f" ({address})")
        elif is_accepted(url):
            span.url = url
            self._text.close(span)


def _nothing() -> None:
    """Do nothing: the action for the end of most elements."""

"""Telegram's MarkdownV2 style (https://core.telegram.org/bots/api#markdownv2-style)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .entities import Entity, in_order, utf16_length
from .errors import BotError, bad_request

RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
# Longest first. Each mark opens its entity, and closes it again when it is the innermost one.
_MARKS = (
    ("```", "pre"),
    ("||", "spoiler"),
    ("__", "underline"),
    ("*", "bold"),
    ("_", "italic"),
    ("~", "strikethrough"),
    ("`", "code"),
)
_NAMES = {"pre": "Pre", "spoiler": "Spoiler", "underline": "Underline", "bold": "Bold", "italic": "Italic"}
_NAMES |= {"strikethrough": "Strikethrough", "code": "Code", "text_link": "TextUrl", "custom_emoji": "CustomEmoji"}
_LANGUAGE = re.compile(r"([^\s`]*)\n")
_TARGET = re.compile(r"\(((?:[^)\\]|\\.)*)\)", re.DOTALL)


@dataclass(slots=True)
class _Open:
    type: str
    offset: int  # UTF-16, in the text without marks
    byte_offset: int
    language: str = ""


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._pieces: list[str] = []
        self._length = 0
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def parse(self) -> tuple[str, list[Entity]]:
        while self._at < len(self._source):
            self._step()
        if self._open and self._open[-1].type == "blockquote":
            self._close("blockquote")
        if self._open:
            last = self._open[-1]
            raise _cannot(f"Can't find end of {_NAMES[last.type]} entity at byte offset {last.byte_offset}")
        return "".join(self._pieces), in_order(self._entities)

    def _step(self) -> None:
        char = self._source[self._at]
        innermost = self._open[-1].type if self._open else ""
        after = self._source[self._at + 1 : self._at + 2]
        if char == "\\" and after and after.isascii():
            self._add(after)
            self._at += 2
        elif innermost in {"code", "pre"}:
            self._in_code(innermost)
        elif char == ">" and self._is_line_start():
            self._start_quote()
        elif char == "\n" and innermost == "blockquote" and after != ">":
            self._close("blockquote")  # the line break itself is plain text, read by the next step
        elif char in RESERVED:
            self._mark(char, innermost)
        else:
            self._add(char)
            self._at += 1

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self._length += utf16_length(text)

    def _is_line_start(self) -> bool:
        return self._at == 0 or self._source[self._at - 1] == "\n"

    def _start_quote(self) -> None:
        if not any(opened.type == "blockquote" for opened in self._open):
            self._push("blockquote")
        self._at += 1

    def _in_code(self, innermost: str) -> None:
        mark = "`" if innermost == "code" else "```"
        if self._source.startswith(mark, self._at):
            self._at += len(mark)
            self._close(innermost)
        else:
            self._add(self._source[self._at])
            self._at += 1

    def _mark(self, char: str, innermost: str) -> None:
        if char == "]" and innermost in {"text_link", "custom_emoji"}:
            self._end_link(innermost)
        elif char == "[" or self._source.startswith("![", self._at):
            self._push("text_link" if char == "[" else "custom_emoji")
            self._at += 1 if char == "[" else 2
        else:
            self._toggle(char, innermost)

    def _toggle(self, char: str, innermost: str) -> None:
        mark, kind = next(((m, k) for m, k in _MARKS if self._source.startswith(m, self._at)), ("", ""))
        if not mark:
            raise _cannot(f"Character '{char}' is reserved and must be escaped with the preceding '\\'")
        if kind != innermost:
            self._push(kind)
        self._at += len(mark)
        if kind == innermost:
            self._close(kind)
        elif kind == "pre" and (language := _LANGUAGE.match(self._source, self._at)):
            self._open[-1].language = language[1]
            self._at = language.end()

    def _end_link(self, kind: str) -> None:
        target = _TARGET.match(self._source, self._at + 1)
        text = "".join(self._pieces).encode("utf-16-le")[2 * self._open[-1].offset :].decode("utf-16-le")
        url = re.sub(r"\\(.)", r"\1", target[1]) if target else text
        self._at = target.end() if target else self._at + 1
        if kind == "text_link":
            self._close(kind, url=url)
        else:
            self._close(kind, custom_emoji_id=url.rpartition("id=")[2])

    def _push(self, kind: str) -> None:
        self._open.append(_Open(kind, self._length, len(self._source[: self._at].encode())))

    def _close(self, kind: str, **extra: str) -> None:
        opened = self._open.pop()
        if opened.language:
            extra["language"] = opened.language
        length = self._length - opened.offset
        if length:
            self._entities.append({"type": kind, "offset": opened.offset, "length": length, **extra})


def parse_markdown(source: str) -> tuple[str, list[Entity]]:
    """Text and entities of a text in MarkdownV2 style. Raises `BotError` ("can't parse entities: ...").

    Expandable quotations are read as plain ones.
    """
    return _Parser(source).parse()


def _cannot(reason: str) -> BotError:
    return bad_request(f"can't parse entities: {reason}")

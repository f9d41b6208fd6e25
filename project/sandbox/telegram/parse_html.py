"""Telegram's HTML style (https://core.telegram.org/bots/api#html-style): a small tag set, and strict about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .entities import Entity, in_order, utf16_length
from .errors import BotError, bad_request

TYPE_BY_TAG = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "tg-emoji": "custom_emoji",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}  # the only named ones that Telegram knows
_PIECE = re.compile(r"<|&(?:#(?P<dec>\d{1,7})|#x(?P<hex>[0-9a-fA-F]{1,6})|(?P<name>lt|gt|amp|quot));")
_TAG = re.compile(r"""<(?P<end>/?)(?P<name>[^\s>/]*)(?P<attributes>(?:[^>"']|"[^"]*"|'[^']*')*)>""")
_ATTRIBUTE = re.compile(r"""([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")


@dataclass(slots=True)
class _Open:
    tag: str
    offset: int  # UTF-16, in the text without tags
    attributes: dict[str, str]
    language: str = ""


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._pieces: list[str] = []
        self._length = 0
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def parse(self) -> tuple[str, list[Entity]]:
        at = 0
        while found := _PIECE.search(self._source, at):
            self._add(self._source[at : found.start()])
            if found[0] == "<":
                at = self._read_tag(found.start())
            else:
                self._add(_character(found))
                at = found.end()
        self._add(self._source[at:])
        if self._open:
            raise _cannot(f'Can\'t find end tag corresponding to start tag "{self._open[-1].tag}"')
        return "".join(self._pieces), in_order(self._entities)

    def _add(self, text: str) -> None:
        self._pieces.append(text)
        self._length += utf16_length(text)

    def _read_tag(self, at: int) -> int:
        offset = len(self._source[:at].encode())
        tag = _TAG.match(self._source, at)
        if tag is None:
            kind = "end" if self._source[at : at + 2] == "</" else "start"
            raise _cannot(f"Unclosed {kind} tag at byte offset {offset}")
        if tag["end"]:
            self._end(tag["name"].lower(), offset)
        else:
            self._start(tag["name"].lower(), _attributes(tag["attributes"]), offset)
        return tag.end()

    def _start(self, name: str, attributes: dict[str, str], offset: int) -> None:
        if name not in TYPE_BY_TAG:
            raise _cannot(f'Unsupported start tag "{name}" at byte offset {offset}')
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise _cannot(f'Tag "span" must have class "tg-spoiler" at byte offset {offset}')
        self._open.append(_Open(name, self._length, attributes))

    def _end(self, name: str, offset: int) -> None:
        if not self._open:
            raise _cannot(f"Unexpected end tag at byte offset {offset}")
        opened = self._open.pop()
        if name and name != opened.tag:
            raise _cannot(f'Unmatched end tag at byte offset {offset}, expected "</{opened.tag}>", found "</{name}>"')
        self._close(opened)

    def _close(self, opened: _Open) -> None:
        length = self._length - opened.offset
        if length == 0:
            return
        parent = self._open[-1] if self._open else None
        if opened.tag == "code" and parent and parent.tag == "pre" and parent.offset == opened.offset:
            parent.language = opened.attributes.get("class", "").removeprefix("language-")
            return  # <pre><code class="language-x"> is one entity
        text = "".join(self._pieces).encode("utf-16-le")[2 * opened.offset :].decode("utf-16-le")
        self._entities.append(_entity(opened, length, text))


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Text and entities of a text in HTML style. Raises `BotError` ("can't parse entities: ...")."""
    return _Parser(source).parse()


def _entity(opened: _Open, length: int, text: str) -> Entity:
    entity: Entity = {"type": TYPE_BY_TAG[opened.tag], "offset": opened.offset, "length": length}
    if opened.tag == "a":
        entity["url"] = opened.attributes.get("href") or text
    if opened.tag == "tg-emoji":
        entity["custom_emoji_id"] = opened.attributes.get("emoji-id", "")
    if opened.tag == "blockquote" and "expandable" in opened.attributes:
        entity["type"] = "expandable_blockquote"
    if opened.language:
        entity["language"] = opened.language
    return entity


def _attributes(source: str) -> dict[str, str]:
    return {found[1].lower(): _decoded(found[2] or found[3] or found[4] or "") for found in _ATTRIBUTE.finditer(source)}


def _decoded(value: str) -> str:
    return _PIECE.sub(lambda found: "<" if found[0] == "<" else _character(found), value)


def _character(found: re.Match[str]) -> str:
    if found["name"]:
        return _NAMED[found["name"]]
    number = int(found["dec"]) if found["dec"] else int(found["hex"], 16)
    is_text = 0 < number < 0x110000 and not 0xD800 <= number < 0xE000
    return chr(number) if is_text else found[0]


def _cannot(reason: str) -> BotError:
    return bad_request(f"can't parse entities: {reason}")

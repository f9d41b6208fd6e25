"""Markdown as Telegram shows it: plain text with entities beside it. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import urljoin, urlsplit

import pyromark
from telegram import MessageEntity
from telegramify_markdown import MessageEntity as ConvertedEntity
from telegramify_markdown import RenderConfig, convert, utf16_len
from telegramify_markdown.converter import STANDARD_OPTIONS

# What Telegram takes as the target of a text link; one it refuses costs the whole message its formatting.
_LINK_SCHEMES = {"http", "https", "ftp", "tg", "ton"}
# HTML that the conversion understands; and comments, which their author meant to stay unseen.
_KEPT_HTML = ("<tg-spoiler>", "</tg-spoiler>", "<!--")


def _style() -> RenderConfig:
    """The author's own words: no pictograms before headings, nothing folded away."""
    style = RenderConfig.isolated()
    symbols = style.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.unordered_list_item = "•"
    style.cite_expandable = False
    return style


_STYLE = _style()


def to_message(source: str, base_url: str = "") -> tuple[str, tuple[MessageEntity, ...]]:
    """The text without markup, and its entities (offsets and lengths in UTF-16 units).

    Links relative to `base_url` are completed; where that is impossible they become plain text.
    """
    text, found = convert(_as_commonmark(source), latex_escape=False, config=_STYLE)
    # Telegram cuts white space at the end itself, and then refuses entities that reach into it.
    text = text.rstrip()
    end = utf16_len(text)
    entities = (_entity(entity, end, base_url) for entity in found)
    return text, tuple(entity for entity in entities if entity is not None)


def _entity(found: ConvertedEntity, end: int, base_url: str) -> MessageEntity | None:
    content = found.to_dict()
    content["length"] = min(found.length, end - found.offset)
    if content["length"] <= 0:
        return None
    if found.url is not None:
        content["url"] = _absolute(found.url, base_url)
    return MessageEntity(**content) if content.get("url") != "" else None


def _absolute(url: str, base_url: str) -> str:
    try:
        joined = urljoin(base_url, url)
        return joined if urlsplit(joined).scheme in _LINK_SCHEMES else ""
    except ValueError:
        return ""


def _as_commonmark(source: str) -> str:
    """`source` with raw HTML and dollar signs escaped where the conversion would swallow them.

    It drops HTML, with the text of whole blocks (`Vec<T>`, `<div>text</div>`), and takes `$HOME/$USER` for
    mathematics; what a person wrote is shown instead. Each round escapes a sign for good, so this ends.
    """
    while offsets := _swallowed(source):
        content = source.encode()
        bounds = [0, *sorted(offsets), len(content)]
        source = b"\\".join(content[start:end] for start, end in pairwise(bounds)).decode()
    return source


def _swallowed(source: str) -> set[int]:
    """UTF-8 offsets of the signs that start or end what would be swallowed."""
    if "<" not in source and "$" not in source:
        return set()
    content, offsets, in_comment = source.encode(), set(), False
    for event, span in pyromark.events_with_range(source, options=STANDARD_OPTIONS):
        start, end = span["start"], span["end"]
        kind, value = next(iter(event.items())) if isinstance(event, dict) else ("", event)
        if (kind, value) == ("Start", "HtmlBlock"):
            in_comment = content[start:end].lstrip().startswith(b"<!--")
        elif kind == "InlineMath":
            offsets |= {start, end - 1}
        elif kind == "DisplayMath":
            offsets |= {start, start + 1, end - 2, end - 1}
        elif _is_dropped_html(kind, value, in_comment):
            offsets.add(content.find(b"<", start, end))
    return offsets - {-1}


def _is_dropped_html(kind: str, value: Any, in_comment: bool) -> bool:
    if kind == "Html":
        return not in_comment
    return kind == "InlineHtml" and not value.lower().startswith(_KEPT_HTML)

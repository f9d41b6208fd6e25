"""Texts as the server counts and shows them (https://docs.joinmastodon.org/user/posting/#text)."""

from __future__ import annotations

import html
import re

import grapheme
from markupsafe import Markup, escape

RESERVED_PER_URL = 23
# A link needs a host with a top-level domain, so an address of this machine is none. What ends a sentence or closes a
# bracket does not belong to it. (The real list of top-level domains is not looked up.)
_URL = re.compile(
    r"(?<![\w@/])https?://(?:[\w-]+\.)+(?:xn--[a-z0-9-]+|[^\W\d_]{2,})(?::\d+)?"
    r"(?:[/?#](?:[^\s<>()]|\([^\s<>()]*\))*(?<![?!*\"'「」<>;:=,.$%\[\]~&|@]))?",
    re.IGNORECASE,
)
_MENTION = re.compile(r"(?<![=/\w])@(\w+)@[\w.-]+\w", re.ASCII)
_TAG = re.compile(r"(?<![=/)\w#])#(\w*[^\W\d]\w*)")
_LINKED = re.compile(f"(?P<url>{_URL.pattern})|(?P<tag>{_TAG.pattern})", re.IGNORECASE)


def counted_length(spoiler: str, text: str, counts: str = "graphemes") -> int:
    """What counts against max_characters: graphemes, each link as 23, mentions without their domain; or code points."""
    if counts == "code points":
        return len(spoiler) + len(text)
    short = _URL.sub("x" * RESERVED_PER_URL, text)
    short = _MENTION.sub(r"@\1", short)
    length: int = grapheme.length(spoiler + short)
    return length


def rewritten(text: str) -> str:
    r"""A text as some servers show it: one backslash of two, entities as what they stand for."""
    return html.unescape(text.replace("\\\\", "\\"))


def without_tags(text: str) -> str:
    """A content warning as some servers keep it."""
    return re.sub(r"<[^<>]*>", "", text)


def with_short_mentions(text: str) -> str:
    """A text whose mentions of unknown people are shown without their host."""
    return _MENTION.sub(r"@\1", text)


def hashtags(text: str) -> list[str]:
    """The names of the hashtags of a text, each once."""
    bare = _URL.sub(" ", text)
    return list(dict.fromkeys(match[1] for match in _TAG.finditer(bare)))


def as_html(text: str, base_url: str) -> Markup:
    """The ``content`` of a status; everything that came from outside is escaped."""
    paragraphs = re.split(r"\n{2,}", text.replace("\r\n", "\n").strip())
    shown = [Markup("<p>{}</p>").format(_paragraph(paragraph, base_url)) for paragraph in paragraphs if paragraph]
    return Markup().join(shown)


def _paragraph(text: str, base_url: str) -> Markup:
    shown, at = Markup(), 0
    for match in _LINKED.finditer(text):
        shown += escape(text[at : match.start()]) + _link(match, base_url)
        at = match.end()
    return (shown + escape(text[at:])).replace("\n", Markup("<br />"))


def _link(match: re.Match[str], base_url: str) -> Markup:
    if match["url"]:
        link = Markup('<a href="{0}" rel="nofollow noopener" target="_blank">{0}</a>')
        return link.format(match["url"])
    name = match["tag"][1:]
    link = Markup('<a href="{}/tags/{}" class="mention hashtag" rel="tag">#<span>{}</span></a>')
    return link.format(base_url, name.lower(), name)

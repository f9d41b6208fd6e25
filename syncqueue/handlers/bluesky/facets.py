"""Links, tags and mentions in a text, in the form of records: with offsets into its UTF-8. Pure.

https://docs.bsky.app/docs/advanced-guides/post-richtext. The server accepts any offsets, also overlapping ones and
those inside a character, so this module checks its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["link", "tag", "mention"]

URL = re.compile(r"""(?<![\w/@])https?://[^\s<>"“”]+""", re.IGNORECASE)
_TRAILING = ".,;:!?'’…。，！？、；："
_PAIRS = {")": "(", "]": "[", "}": "{", "）": "（", "】": "【", "」": "「"}
_TAG = re.compile(r"(?<![\w#/&@])[#＃](\w+)")
_TAG_CHARACTERS, _TAG_BYTES = 64, 640  # of the lexicon; each of its graphemes has at least one character
_MENTION = re.compile(
    r"(?<![\w@/.])@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?![\w@-])",
    re.IGNORECASE,
)
_URL_BYTES = 2000  # no page has a longer URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A link, tag or mention in a text, with character offsets."""

    start: int
    end: int
    kind: Kind
    value: str  # the URL, the tag without #, the handle without @


def find(text: str) -> list[Found]:
    """Return links, tags and mentions, in order; none overlaps another."""
    taken: list[Found] = []
    for one in (*_links(text), *_tags(text), *_mentions(text)):
        if not any(one.start < other.end and other.start < one.end for other in taken):
            taken.append(one)
    return sorted(taken, key=lambda one: one.start)


def handles_in(text: str) -> list[str]:
    """Return the handles that a text mentions, each once."""
    return list(dict.fromkeys(one.value for one in find(text) if one.kind == "mention"))


def facets_of(text: str, dids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the facets of a record's text. `dids`: the accounts to notify, by handle; other mentions stay text."""
    offsets = _Offsets(text)
    made = []
    for one in find(text):
        feature = _feature(one, dids)
        if feature is not None:
            index = {"byteStart": offsets.at(one.start), "byteEnd": offsets.at(one.end)}
            made.append({"index": index, "features": [feature]})
    return [facet for facet in made if is_sound(facet, text)]


def is_sound(facet: Mapping[str, Any], text: str) -> bool:
    """Return whether the offsets are in the text, around something, and between characters."""
    data, index = text.encode(), facet["index"]
    start, end = index["byteStart"], index["byteEnd"]
    return 0 <= start < end <= len(data) and all(at == len(data) or data[at] & 0xC0 != 0x80 for at in (start, end))


def link_end(text: str, start: int, end: int) -> int:
    """Return the end of a link that seems to end at `end`: without the punctuation of the sentence around it."""
    while end > start:
        sign = text[end - 1]
        if sign in _TRAILING or (
            sign in _PAIRS and text.count(_PAIRS[sign], start, end) < text.count(sign, start, end)
        ):
            end -= 1
        else:
            break
    return end


def _links(text: str) -> Iterator[Found]:
    for match in URL.finditer(text):
        end = link_end(text, match.start(), min(match.end(), match.start() + _URL_BYTES))
        url = text[match.start() : end]
        if match.end() - match.start() <= _URL_BYTES and len(url) > len("https://"):
            yield Found(start=match.start(), end=end, kind="link", value=url)


def _tags(text: str) -> Iterator[Found]:
    for match in _TAG.finditer(text):
        tag = match[1]
        if not tag.isdecimal() and len(tag) <= _TAG_CHARACTERS and len(tag.encode()) <= _TAG_BYTES:
            yield Found(start=match.start(), end=match.end(), kind="tag", value=tag)


def _mentions(text: str) -> Iterator[Found]:
    for match in _MENTION.finditer(text):
        yield Found(start=match.start(), end=match.end(), kind="mention", value=match[1].lower())


def _feature(one: Found, dids: Mapping[str, str]) -> dict[str, str] | None:
    match one.kind:
        case "link":
            return {"$type": "app.bsky.richtext.facet#link", "uri": one.value}
        case "tag":
            return {"$type": "app.bsky.richtext.facet#tag", "tag": one.value}
        case "mention":
            did = dids.get(one.value)
            return {"$type": "app.bsky.richtext.facet#mention", "did": did} if did else None


class _Offsets:
    """Converts character offsets to byte offsets; called in rising order, so that each byte is counted once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._characters = self._bytes = 0

    def at(self, character: int) -> int:
        self._bytes += len(self._text[self._characters : character].encode())
        self._characters = character
        return self._bytes

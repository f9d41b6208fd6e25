"""Posts as records of a repository: how they are written, and whether two of them show the same content. Pure.

https://docs.bsky.app/docs/advanced-guides/posts, lexicon app.bsky.feed.post.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncqueue.handlers.bluesky.facets import facets_of
from syncqueue.handlers.bluesky.render import PageCard
from syncqueue.handlers.bluesky.tid import created_at
from syncqueue.handlers.public import shortened

ALT_CHARACTERS = 2000  # the limit of Bluesky's own app
_TYPE = "app.bsky.feed.post"

Reference = Mapping[str, str]  # {"uri": ..., "cid": ...}


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture that was uploaded."""

    blob: Mapping[str, Any]  # the server's reference
    alt: str
    width: int  # pixels
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A post that was not sent yet."""

    text: str
    facets: Sequence[Mapping[str, Any]] = ()
    embed: Mapping[str, Any] | None = None
    langs: Sequence[str] = field(default=())

    def record(self, rkey: str, reply: Mapping[str, Reference] | None) -> dict[str, Any]:
        """Return the exact record for a key. `reply`: {"root": ..., "parent": ...} in a thread."""
        found: dict[str, Any] = {"$type": _TYPE, "text": self.text, "createdAt": created_at(rkey)}
        if self.facets:
            found["facets"] = list(self.facets)
        if self.langs:
            found["langs"] = list(self.langs)
        if self.embed:
            found["embed"] = dict(self.embed)
        if reply:
            found["reply"] = {name: dict(one) for name, one in reply.items()}
        return found


def drafts_of(
    texts: Sequence[str],
    *,
    dids: Mapping[str, str],
    embed: Mapping[str, Any] | None = None,
    language: str = "",
) -> list[Draft]:
    """Return the posts of a document; the first one has the embed."""
    langs = (language,) if language else ()
    return [
        Draft(text=text, facets=facets_of(text, dids), embed=None if number else embed, langs=langs)
        for number, text in enumerate(texts)
    ]


def images(found: Sequence[Image]) -> dict[str, Any] | None:
    """Return the embed of pictures; None if there are none."""
    if not found:
        return None
    return {
        "$type": "app.bsky.embed.images",
        "images": [
            {
                "image": dict(one.blob),
                "alt": short_alt(one.alt),
                "aspectRatio": {"width": one.width, "height": one.height},
            }
            for one in found
        ],
    }


def short_alt(text: str) -> str:
    """Return a description in as many characters as are shown."""
    return shortened(text, ALT_CHARACTERS)


def external(card: PageCard, thumb: Image | None) -> dict[str, Any]:
    """Return the embed of a card."""
    shown: dict[str, Any] = {"uri": card.url, "title": card.title, "description": card.description}
    if thumb is not None:
        shown["thumb"] = dict(thumb.blob)
    return {"$type": "app.bsky.embed.external", "external": shown}


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two records differ at most in their creation time."""
    return _timeless(one) == _timeless(other)


def _timeless(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("createdAt", "$type")}


def has_thumb(record: Mapping[str, Any]) -> bool:
    """Return whether a post has a card with a picture."""
    return "thumb" in _dict(_dict(record.get("embed")).get("external"))


def shown_of(record: Mapping[str, Any]) -> tuple[str, tuple[str, ...], str, str]:
    """Return what distinguishes posts, without files: text, alt texts of pictures, page of a card, parent."""
    embed, reply = _dict(record.get("embed")), _dict(record.get("reply"))
    pictures = embed.get("images")
    alts = tuple(str(_dict(one).get("alt", "")) for one in pictures) if isinstance(pictures, list) else ()
    page = str(_dict(embed.get("external")).get("uri", ""))
    return str(record.get("text", "")), alts, page, str(_dict(reply.get("parent")).get("uri", ""))


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

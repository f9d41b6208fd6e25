"""A status as it is wanted, and whether one that is out there is it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from syncqueue.handlers.mastodon.options import Visibility

_MENTION = re.compile(r"(?<![/\w])(@\w+)@[\w.-]*\w", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One status to create or to edit into place."""

    text: str
    visibility: Visibility
    media_ids: tuple[str, ...] = ()
    reply_to: str = ""  # the id of the status before it in a thread
    spoiler: str = ""
    sensitive: bool = False
    language: str | None = None


def is_shown_by(post: Post, status: Mapping[str, Any]) -> bool:
    """Whether a status, as an instance describes it, is what `post` asked for.

    https://docs.joinmastodon.org/entities/Status/. Its text comes as HTML, made by rules of the server's own.
    """
    return (
        status.get("visibility") == post.visibility
        and str(status.get("in_reply_to_id") or "") == post.reply_to
        and len(status.get("media_attachments") or ()) == len(post.media_ids)
        and _bare(str(status.get("spoiler_text") or "")) == _bare(post.spoiler)
        and _bare(plain(str(status.get("content") or ""))) == _bare(_MENTION.sub(r"\1", post.text))
    )


def plain(html: str) -> str:
    """The text of a status's HTML."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    return "".join(reader.texts)


def _bare(text: str) -> str:
    """`text` without what servers change: white space, and the form of composed characters."""
    return "".join(unicodedata.normalize("NFC", text).split())


class _TextReader(HTMLParser):
    """Keeps what stands between tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

"""A wanted status, and its comparison with existing ones. Pure."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncqueue.handlers.mastodon.options import VISIBILITIES, Visibility

# Longer than any status; an instance may send megabytes.
_CONTENT_CHARACTERS = 200_000
_MENTION = re.compile(r"(?<![/\w])(@\w+)@[\w.-]*\w", re.ASCII)
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One status to create or to edit into place."""

    text: str
    visibility: Visibility
    media_ids: tuple[str, ...] = ()
    reply_to: str = ""  # the id of the preceding status in a thread
    spoiler: str = ""
    sensitive: bool = False
    language: str | None = None


def is_shown_by(post: Post, status: Mapping[str, Any]) -> bool:
    """Return whether a status of an instance shows `post`, independent of its visibility.

    https://docs.joinmastodon.org/entities/Status/. Its text is HTML by rules of the server, so both
    are compared in the form of `bare`.
    """
    return (
        reply_of(status) == post.reply_to
        and len(pictures_of(status)) == len(post.media_ids)
        and shown_text(status) == bare(f"{post.spoiler}\n{post.text}")
    )


def is_exactly(post: Post, status: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
    """Return whether an edit to `post` would change nothing. `source`: from `/api/v1/statuses/:id/source`."""
    return (
        said(source, "text").strip() == post.text.strip()
        and said(source, "spoiler_text").strip() == post.spoiler.strip()
        # Some servers count a status with a content warning as sensitive.
        and bool(status.get("sensitive")) in (post.sensitive, post.sensitive or bool(post.spoiler))
        and not has_other_pictures(post, status)
        and (post.language is None or status.get("language") == post.language)
    )


def has_other_pictures(post: Post, status: Mapping[str, Any]) -> bool:
    """Return whether a status has other pictures than `post`. Their ids do not change after the upload."""
    return [str(picture.get("id")) for picture in pictures_of(status)] != list(post.media_ids)


def is_more_open(status: Mapping[str, Any], wanted: Visibility) -> bool:
    """Return whether a status is more public than `wanted`; an unknown visibility counts as closed."""
    found = status.get("visibility")
    return found in VISIBILITIES and VISIBILITIES.index(found) < VISIBILITIES.index(wanted)


def shown_text(status: Mapping[str, Any]) -> str:
    """Return content warning and text of a status, in the form of `bare`."""
    content = plain(said(status, "content"))
    return bare(f"{said(status, 'spoiler_text')}\n{content}")


def said(answer: Mapping[str, Any], name: str) -> str:
    """Return a text of an instance's response, cut to the maximum length."""
    return str(answer.get(name) or "")[:_CONTENT_CHARACTERS]


def reply_of(status: Mapping[str, Any]) -> str:
    """Return the id of the status to which it replies; "" for none."""
    return str(status.get("in_reply_to_id") or "")


def pictures_of(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the attached pictures."""
    found = status.get("media_attachments")
    return [picture for picture in found if isinstance(picture, Mapping)] if isinstance(found, list) else []


def bare(text: str) -> str:
    r"""Return `text` without parts that servers are known to change.

    These are white space, the form of composed characters, the host of a mention, backslashes, entities ("&amp;") and
    everything that looks like a tag.
    """
    text = _TAG.sub("", html.unescape(_MENTION.sub(r"\1", text)))
    return "".join(unicodedata.normalize("NFC", text).replace("\\", "").split())


def plain(content: str) -> str:
    """Return the text of a status's HTML. Not with an HTML parser: those take quadratic time for unclosed elements."""
    return html.unescape(_TAG.sub("", content))

"""Pictures in a Markdown text: finds them, and removes those that are sent as media. Pure, and linear."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pyromark

from syncqueue.handlers.media import Media, media_of
from syncqueue.handlers.telegram.hidden import EXTENSIONS, SPOILER_START, marked, without_comments
from syncqueue.handlers.telegram.links import absolute
from syncqueue.handlers.telegram.render import CONVERTED_CHARACTERS
from syncqueue.handlers.texts import tidy

# Replaces a picture. A non-character of Unicode, which texts do not contain.
_TAKEN = "\ufdd3"
_EMPHASIS = re.compile(rf"(\*{{1,3}}|_{{1,3}}|~~){_TAKEN}\1")
# The rest of a line that had only a picture: the marks of lists, quotes and headings.
_BARE = re.compile(r"(?:[-*+>#\s]|\d{1,9}[.)])*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    start: int  # in UTF-8 bytes of the source
    end: int
    media: Media


def pictures_in(text: str, base_url: str) -> list[Media]:
    """Return the pictures of a Markdown text; addresses relative to `base_url` are completed.

    Hidden parts stay hidden: pictures in comments do not count, and a text with spoilers has no pictures. Neither
    has a text that is too long to be a message.
    """
    source = _readable(text)
    return [found.media for found in _find(source, base_url)] if source is not None else []


def without_pictures(text: str, base_url: str, shown: Collection[str]) -> str:
    """Return the text without the pictures whose `Media.identity` is in `shown`."""
    source = _readable(text) if shown else None
    if source is None:
        return text
    content, kept, at = source.encode(), [], 0
    for found in _find(source, base_url):
        if found.media.identity in shown:
            kept.append(content[at : found.start].decode())
            at = found.end
    if not kept:
        return text
    return _without_gaps(_TAKEN.join([*kept, content[at:].decode()]))


def _readable(text: str) -> str | None:
    """Return the text without comments; None if it is not searched for pictures."""
    source = tidy(text).replace(_TAKEN, "")
    if "![" not in source or "||" in source or len(source) > CONVERTED_CHARACTERS:
        return None
    return None if SPOILER_START in marked(source) else without_comments(source)


def _find(source: str, base_url: str) -> Iterator[_Found]:
    image: tuple[int, int, str] | None = None  # where it is, and its address
    words: list[str] = []
    link_depth = image_depth = 0
    for event, span in pyromark.events_with_range(source, options=EXTENSIONS):
        value: Any
        data: Any
        kind, value = next(iter(event.items())) if isinstance(event, dict) else (event, None)
        name, data = next(iter(value.items())) if isinstance(value, dict) else (value, None)
        if kind in ("Start", "End") and name == "Link":
            link_depth += 1 if kind == "Start" else -1
        elif kind == "Start" and name == "Image":
            image_depth += 1
            if image_depth == 1 and not link_depth:  # in a link it is the text of the link
                image, words = (span["start"], span["end"], absolute(data["dest_url"], base_url)), []
        elif kind == "End" and name == "Image":
            image_depth -= 1
            if image_depth == 0 and image is not None:
                start, end, url = image
                image = None
                if media_of(url) is not None:
                    yield _Found(start=start, end=end, media=Media(url=url, alt=" ".join("".join(words).split())))
        elif kind in ("Text", "Code"):
            words.append(str(value))
        elif kind in ("SoftBreak", "HardBreak"):
            words.append(" ")


def _without_gaps(text: str) -> str:
    lines = []
    for line in _EMPHASIS.sub(_TAKEN, text).split("\n"):
        if _TAKEN not in line:
            lines.append(line)
        elif not _BARE.fullmatch(line.replace(_TAKEN, "")):
            first, *others = line.split(_TAKEN)
            lines.append(" ".join([first.rstrip(), *(piece.strip() for piece in others)]).rstrip())
    return "\n".join(lines)

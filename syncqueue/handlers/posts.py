"""What services that post texts share about a document: options, the media to attach, and the parts of a text. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from django.utils.translation import gettext_lazy

from syncqueue.handlers.base import Document, Place
from syncqueue.handlers.bounds import READ_CHARACTERS
from syncqueue.handlers.markdown import Picture, to_text
from syncqueue.handlers.media import Media
from syncqueue.handlers.options import Option
from syncqueue.handlers.texts import hashtag, tidy

OverLimit = Literal["thread", "image", "link"]

_TITLE_CHARACTERS = 100
_TAG = re.compile(r"(?<![\w#/])#(\w+)")

# Options with the same meaning at every service that has them.
POST_OPTIONS: Mapping[str, Option] = {
    "over_limit": Option(
        kind="choice",
        label=gettext_lazy("Texts that are too long"),
        default="thread",
        choices={
            "thread": gettext_lazy("A thread"),
            "image": gettext_lazy("A picture of the text"),
            "link": gettext_lazy("The beginning, with a link"),
        },
    ),
    "link": Option(
        kind="switch",
        label=gettext_lazy("Link to the page"),
        default=False,
        help_text=gettext_lazy("The address of the object's own page is added."),
    ),
}


def over_limit(place: Place) -> OverLimit:
    """Return the option for texts that are too long for one post."""
    chosen: OverLimit = place.options.get("over_limit", "thread")
    return chosen


def wants_link(place: Place) -> bool:
    """Return whether the text contains the address of the object's page."""
    return bool(place.options.get("link", False))


def attachable(
    document: Document, limit: int, may_fetch: Callable[[str], bool], takes: Callable[[Media], bool]
) -> tuple[Picture, ...]:
    """Return the first attachable media of a document, at most `limit`: pictures in its text, then `Document.media`.

    `takes` returns whether the service accepts a medium; `may_fetch` as in `MediaReader`.
    """
    found = read_text(document)[1] if document.format == "markdown" else ()
    first: dict[str, Picture] = {}
    for picture in (*found, *map(_picture, document.media)):
        if _may_attach(picture, may_fetch, takes):
            first.setdefault(picture.url, picture)
    return tuple(first.values())[:limit]


def read_text(document: Document, attached: Sequence[Picture] = ()) -> tuple[str, tuple[Picture, ...]]:
    """Return the text without markup and without the attached pictures, and all pictures in it."""
    source = tidy(document.text[:READ_CHARACTERS])
    if document.format != "markdown":
        return source, ()
    return to_text(source, document.url, {picture.url for picture in attached})


def body_of(document: Document, attached: Sequence[Picture], spelled: Callable[[str], str] = str) -> str:
    """Return the text with links to media that are not attached. `spelled` is applied to the document's own text."""
    text, shown = read_text(document, attached)
    present = {picture.url for picture in (*attached, *shown)}
    media = {picture.url: picture.as_text for picture in map(_picture, document.media) if picture.url not in present}
    return _paragraphs(spelled(text), "\n".join(filter(None, media.values())))


def footer_of(document: Document, text: str, *, link: bool) -> str:
    """Return the tags that `text` does not contain, and with `link` the address of the object's page, if missing."""
    words = dict.fromkeys(map(hashtag, document.tags))
    shown = {tag.casefold() for tag in _TAG.findall(text)}
    tags = [f"#{word}" for word in words if word and word.casefold() not in shown]
    url = document.url if link and document.url not in text else ""
    return "\n".join(filter(None, (" ".join(tags), url)))


def with_footer(document: Document, text: str, *, link: bool) -> str:
    """Return `text` with its footer."""
    return _paragraphs(text, footer_of(document, text, link=link))


def caption_of(document: Document, *, link: bool, spelled: Callable[[str], str] = str) -> str:
    """Return the text that accompanies pictures of the text: title, tags, link."""
    return with_footer(document, spelled(tidy(document.title)[:_TITLE_CHARACTERS]), link=link)


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(filter(None, texts))


def _picture(item: str | Media) -> Picture:
    if isinstance(item, Media):
        return Picture(url=item.identity, alt=item.alt, given=item)
    return Picture(url=item)


def _may_attach(picture: Picture, may_fetch: Callable[[str], bool], takes: Callable[[Media], bool]) -> bool:
    given = picture.given
    if given is None:
        return may_fetch(picture.url)
    return takes(given) and (given.file is not None or may_fetch(given.url))

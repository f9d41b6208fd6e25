"""A document as one Telegram message: a text if it fits, otherwise a file with a caption. Pure.

Lengths are counted in UTF-16 units, which is safe under every reading of Telegram's limits
(https://core.telegram.org/bots/api#sendmessage, #senddocument).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

from telegram import MessageEntity

from syncqueue.core.errors import PermanentError
from syncqueue.handlers.base import Document
from syncqueue.handlers.telegram.composing import clipped, covered, utf16_len
from syncqueue.handlers.telegram.hidden import hides_something, without_comments
from syncqueue.handlers.telegram.markdown import to_message
from syncqueue.handlers.texts import hashtag, tidy

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
FOOTER_LIMIT = 800  # maximum length of tags and link in a caption; leaves room for some words of the text
# Markup is rarely more than half of a text: a source longer than ten times the limit is not converted.
CONVERTED_CHARACTERS = 10 * TEXT_LIMIT
# Maximum length of a file whose hidden parts are removed: no text may take more than a second.
_SWEPT_CHARACTERS = 200_000
_TAG = re.compile(r"(?<![\w#])#(\w+)")
FILE_NAME_CHARACTERS = 60  # at most 4 bytes each: below the 255 bytes of file systems

# Invisible characters besides white space and the control and format characters of Unicode: fillers, blank
# Braille, joiners and variation selectors. Telegram rejects a text with nothing else.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE10)}

Kind = Literal["text", "document"]
_Entities = tuple[MessageEntity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMessage:
    """A message as it is sent."""

    kind: Kind
    text: str  # for a file: its caption
    entities: _Entities = ()  # formatting of text or caption
    is_blank: bool = False  # nothing of the document's own text is visible
    is_cut: bool = False  # the text is only a part of the document's text
    file_name: str = ""
    file_bytes: bytes = b""

    def unformatted(self) -> RenderedMessage:
        """Return the message without entities, for when Telegram refuses them; spoilers are made unreadable."""
        return replace(self, text=covered(self.text, self.entities), entities=())


def render(document: Document, *, link: bool = False) -> RenderedMessage:
    """Return the message for a document; with `link`, it ends with the address of the object's page."""
    source = tidy(document.text)
    if len(source) > CONVERTED_CHARACTERS:
        return _as_document(document, source, link)
    text, entities = _formatted(document, source)
    whole = _joined(text, _footer(document, text, link=link, limit=TEXT_LIMIT))
    if utf16_len(whole) > TEXT_LIMIT:
        return _as_document(document, source, link)
    return RenderedMessage(kind="text", text=whole, entities=entities, is_blank=not has_visible(text))


def render_as(kind: Kind, document: Document, *, link: bool = False) -> RenderedMessage:
    """Return the document in a given form, for a message that must keep its form.

    As a text it is cut, and links to the object's page if that is known.
    """
    source = tidy(document.text)
    if kind == "document":
        return _as_document(document, source, link)
    text, entities = _formatted(document, source)
    short, kept = _shortened(document, text, entities, link=True, limit=TEXT_LIMIT)
    is_cut = len(source) > CONVERTED_CHARACTERS or not short.startswith(text)
    return RenderedMessage(kind="text", text=short, entities=kept, is_blank=not has_visible(text), is_cut=is_cut)


def render_caption(document: Document, *, link: bool = False) -> RenderedMessage | None:
    """Return the whole text as the caption of a picture; None if it is too long. It may be empty."""
    source = tidy(document.text)
    if len(source) > CONVERTED_CHARACTERS:
        return None
    text, entities = _formatted(document, source)
    footer = _footer(document, text, link=link, limit=CAPTION_LIMIT)
    whole = _joined(text, footer) if has_visible(text) else footer
    if utf16_len(whole) > CAPTION_LIMIT:
        return None
    return RenderedMessage(kind="document", text=whole, entities=entities if whole != footer else ())


def has_visible(text: str) -> bool:
    """Return whether `text` has a visible character."""
    return any(unicodedata.category(c)[0] not in "CZ" and c not in _BLANK for c in text)


def notice(kind: Kind, sentence: str) -> RenderedMessage:
    """Return a message of the given kind with one sentence."""
    if kind == "text":
        return RenderedMessage(kind="text", text=sentence)
    return RenderedMessage(kind="document", text=sentence, file_name="removed.txt", file_bytes=sentence.encode())


def cut(text: str, limit: int) -> str:
    """Shorten `text` to at most `limit` UTF-16 units (1 or more); a shortened text ends with "…"."""
    if utf16_len(text) <= limit:
        return text
    # "ignore" drops a lone surrogate that the cut may have left at the end.
    kept = text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    for border in ("\n", " "):
        # A word boundary in the first half would lose too much text, as in languages without spaces.
        if kept.rfind(border) > len(kept) // 2:
            kept = kept[: kept.rfind(border)]
            break
    return f"{kept.rstrip()}…"


def file_name(title: str, extension: str) -> str:
    """Return a file name from a title or from the beginning of a text."""
    visible = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in title)
    words = re.sub(r'[/\\:*?"<>|#%&{}$!\'`=+@;,~^\[\]()]+', " ", visible).split()
    name = " ".join(words)
    if len(name) > FILE_NAME_CHARACTERS:
        # Cut after a word if possible: Chinese has no spaces.
        border = name.rfind(" ", FILE_NAME_CHARACTERS // 2, FILE_NAME_CHARACTERS + 1)
        name = name[: border if border > 0 else FILE_NAME_CHARACTERS]
    return f"{name.strip(' .') or 'note'}{extension}"


def _formatted(document: Document, source: str) -> tuple[str, _Entities]:
    """Return the text without markup and its formatting; for a long document only of its beginning."""
    if document.format == "markdown":
        return to_message(source, document.url, limit=CONVERTED_CHARACTERS)
    return source[:CONVERTED_CHARACTERS], ()


def _as_document(document: Document, source: str, link: bool) -> RenderedMessage:
    text, entities = _formatted(document, source)
    is_markdown = document.format == "markdown"
    caption, kept = _shortened(document, text, entities, link=link, limit=CAPTION_LIMIT)
    first_line = covered(text, entities).lstrip().partition("\n")[0]
    return RenderedMessage(
        kind="document",
        text=caption,
        entities=kept,
        is_blank=not has_visible(text),
        file_name=file_name(document.title or first_line, ".md" if is_markdown else ".txt"),
        file_bytes=(_swept(source) if is_markdown else source).encode(),
    )


def _swept(source: str) -> str:
    """Return the text of a file without comments; raises `PermanentError` if that would take too long."""
    if len(source) > _SWEPT_CHARACTERS and hides_something(source):
        raise PermanentError(
            f"The text has comments and more than {_SWEPT_CHARACTERS:,} characters, which is too much to take them out "
            "of: shorten it, or remove the comments."
        )
    return without_comments(source)


def _footer(document: Document, text: str, *, link: bool, limit: int) -> str:
    """Return the tags that the text does not contain, and the link; tags beyond `limit` are left out."""
    url = document.url if link and utf16_len(document.url) <= limit and document.url not in text else ""
    shown = {tag.casefold() for tag in _TAG.findall(text)}
    left, tags = limit - utf16_len(url), []
    for word in dict.fromkeys(map(hashtag, document.tags)):
        if not word or word.casefold() in shown:
            continue
        left -= utf16_len(word) + 2  # the # and the separator
        if left < 0:
            break
        tags.append(f"#{word}")
    return "\n".join(filter(None, (" ".join(tags), url)))


def _joined(text: str, footer: str) -> str:
    return f"{text}\n\n{footer}" if footer else text


def _shortened(document: Document, text: str, entities: _Entities, *, link: bool, limit: int) -> tuple[str, _Entities]:
    """Return the beginning of `text` with its formatting, and the footer, in at most `limit` UTF-16 units."""
    footer = _footer(document, "", link=link, limit=FOOTER_LIMIT)
    excerpt = cut(text, limit - utf16_len(_joined("", footer)))
    kept = excerpt if excerpt == text else excerpt.removesuffix("…")
    joined = _joined(excerpt, _footer(document, excerpt, link=link, limit=FOOTER_LIMIT))
    return joined, clipped(entities, utf16_len(kept))

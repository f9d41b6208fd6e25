"""A document as one Telegram message: text where it fits, else a file with a caption. Pure.

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

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
FOOTER_LIMIT = 800  # tags and link of a caption; leaves room for some words of the text
# Markup is rarely more than half of a text; beyond ten times the limit it is not worth converting to know.
CONVERTED_CHARACTERS = 10 * TEXT_LIMIT
# Of a file that is read for what its author hides: more than a second of work is done for no text.
_SWEPT_CHARACTERS = 200_000
_TAG = re.compile(r"(?<![\w#])#(\w+)")
FILE_NAME_CHARACTERS = 60  # of at most 4 bytes each: under the 255 bytes of every file system

# Signs that show nothing, beside white space and what Unicode calls a control or format character: fillers, blank
# Braille, joiners and variation selectors. Telegram takes no text that holds nothing else.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(c) for c in range(0xFE00, 0xFE10)}

Kind = Literal["text", "document"]
_Entities = tuple[MessageEntity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMessage:
    """What is sent."""

    kind: Kind
    text: str  # of a document: its caption
    entities: _Entities = ()  # formatting of text or caption
    is_blank: bool = False  # nothing of the document's own text can be seen
    is_cut: bool = False  # a text that does not hold all of the document's
    file_name: str = ""
    file_bytes: bytes = b""

    def unformatted(self) -> RenderedMessage:
        """The same words without entities, for when Telegram refuses those; what a spoiler hides is made unreadable."""
        return replace(self, text=covered(self.text, self.entities), entities=())


def render(document: Document, *, link: bool = False) -> RenderedMessage:
    """The message for a document; with `link`, the address of the object's own page stands at its end."""
    source = tidy(document.text)
    if len(source) > CONVERTED_CHARACTERS:
        return _as_document(document, source, link)
    text, entities = _formatted(document, source)
    whole = _joined(text, _footer(document, text, link=link, limit=TEXT_LIMIT))
    if utf16_len(whole) > TEXT_LIMIT:
        return _as_document(document, source, link)
    return RenderedMessage(kind="text", text=whole, entities=entities, is_blank=not has_visible(text))


def render_as(kind: Kind, document: Document, *, link: bool = False) -> RenderedMessage:
    """The document in a form it would not take by itself, for a message that has to keep its form.

    As text it is cut, and points to the object's own page where that is known.
    """
    source = tidy(document.text)
    if kind == "document":
        return _as_document(document, source, link)
    text, entities = _formatted(document, source)
    short, kept = _shortened(document, text, entities, link=True, limit=TEXT_LIMIT)
    is_cut = len(source) > CONVERTED_CHARACTERS or not short.startswith(text)
    return RenderedMessage(kind="text", text=short, entities=kept, is_blank=not has_visible(text), is_cut=is_cut)


def render_caption(document: Document, *, link: bool = False) -> RenderedMessage | None:
    """The whole text as the caption of a picture; None where it is too long for one. It may be empty."""
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
    """Whether a person who reads `text` sees anything."""
    return any(unicodedata.category(c)[0] not in "CZ" and c not in _BLANK for c in text)


def notice(kind: Kind, sentence: str) -> RenderedMessage:
    """A message of the given kind that says nothing but one sentence."""
    if kind == "text":
        return RenderedMessage(kind="text", text=sentence)
    return RenderedMessage(kind="document", text=sentence, file_name="removed.txt", file_bytes=sentence.encode())


def tidy(text: str) -> str:
    """`text` as it can be sent: valid Unicode, one kind of line end, no blank lines around it."""
    # Half a surrogate pair cannot be encoded; JSON and JavaScript produce them by cutting an emoji in two.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.rstrip().lstrip("\n")


def cut(text: str, limit: int) -> str:
    """`text` in at most `limit` UTF-16 units (1 or more), ended by "…" where something is missing."""
    if utf16_len(text) <= limit:
        return text
    # "ignore" drops the half of a surrogate pair that the cut may have left at the end.
    kept = text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    for border in ("\n", " "):
        # A border in the first half costs more than it mends, as in languages that write no spaces.
        if kept.rfind(border) > len(kept) // 2:
            kept = kept[: kept.rfind(border)]
            break
    return f"{kept.rstrip()}…"


def hashtag(tag: str) -> str:
    """`tag` as a word that Telegram makes a hashtag of, without the #; "" when nothing of it can be."""
    return re.sub(r"\W+", "_", unicodedata.normalize("NFC", tag)).strip("_")


def file_name(title: str, extension: str) -> str:
    """A file name from a title or from the beginning of a text."""
    visible = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in title)
    words = re.sub(r'[/\\:*?"<>|#%&{}$!\'`=+@;,~^\[\]()]+', " ", visible).split()
    name = " ".join(words)
    if len(name) > FILE_NAME_CHARACTERS:
        # Finished after a word where there is one to end after: Chinese has no spaces.
        border = name.rfind(" ", FILE_NAME_CHARACTERS // 2, FILE_NAME_CHARACTERS + 1)
        name = name[: border if border > 0 else FILE_NAME_CHARACTERS]
    return f"{name.strip(' .') or 'note'}{extension}"


def _formatted(document: Document, source: str) -> tuple[str, _Entities]:
    """The text as it is read, and its formatting: of a long document the beginning."""
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
    """The text of a file without comments; raises `PermanentError` where that takes too long."""
    if len(source) > _SWEPT_CHARACTERS and hides_something(source):
        raise PermanentError(
            f"The text has comments and more than {_SWEPT_CHARACTERS:,} characters, which is too much to take them out "
            "of: shorten it, or remove the comments."
        )
    return without_comments(source)


def _footer(document: Document, text: str, *, link: bool, limit: int) -> str:
    """The tags that the text does not hold already, and the link; tags beyond `limit` are left out."""
    url = document.url if link and utf16_len(document.url) <= limit and document.url not in text else ""
    shown = {tag.casefold() for tag in _TAG.findall(text)}
    left, tags = limit - utf16_len(url), []
    for word in dict.fromkeys(map(hashtag, document.tags)):
        if not word or word.casefold() in shown:
            continue
        left -= utf16_len(word) + 2  # the sign and what stands behind it
        if left < 0:
            break
        tags.append(f"#{word}")
    return "\n".join(filter(None, (" ".join(tags), url)))


def _joined(text: str, footer: str) -> str:
    return f"{text}\n\n{footer}" if footer else text


def _shortened(document: Document, text: str, entities: _Entities, *, link: bool, limit: int) -> tuple[str, _Entities]:
    """The beginning of `text` with its formatting, and the footer, in at most `limit` UTF-16 units."""
    footer = _footer(document, "", link=link, limit=FOOTER_LIMIT)
    excerpt = cut(text, limit - utf16_len(_joined("", footer)))
    kept = excerpt if excerpt == text else excerpt.removesuffix("…")
    joined = _joined(excerpt, _footer(document, excerpt, link=link, limit=FOOTER_LIMIT))
    return joined, clipped(entities, utf16_len(kept))

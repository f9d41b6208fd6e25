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
from telegramify_markdown import utf16_len

from syncqueue.handlers.base import Document
from syncqueue.handlers.telegram.markdown import to_message

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
FOOTER_LIMIT = 800  # tags and link of a caption; leaves room for some words of the text
# Markup is rarely more than half of a text; beyond ten times the limit it is not worth converting to know.
CONVERTED_CHARACTERS = 10 * TEXT_LIMIT
FILE_NAME_CHARACTERS = 60  # of at most 4 bytes each: under the 255 bytes of every file system

Kind = Literal["text", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMessage:
    """What is sent."""

    kind: Kind
    text: str  # of a document: its caption
    entities: tuple[MessageEntity, ...] = ()  # formatting of the text; a caption has none
    plain: str = ""  # sent instead of text and entities when Telegram refuses the entities
    file_name: str = ""
    file_bytes: bytes = b""

    def unformatted(self) -> RenderedMessage:
        """The same without entities."""
        return replace(self, text=self.plain, entities=())


def render(document: Document, *, link: bool = False) -> RenderedMessage:
    """The message for a document; with `link`, the address of the object's own page stands at its end."""
    source = tidy(document.text)
    if len(source) > CONVERTED_CHARACTERS:
        return _as_document(document, source, link)
    text, entities = _formatted(document, source)
    footer = _footer(document, text, link=link, limit=TEXT_LIMIT)
    whole = _joined(text, footer)
    if utf16_len(whole) > TEXT_LIMIT:
        return _as_document(document, source, link)
    plain = _joined(source, footer)
    # The source shows where links lead; the converted text is the shorter of the two.
    return RenderedMessage(
        kind="text", text=whole, entities=entities, plain=plain if utf16_len(plain) <= TEXT_LIMIT else whole
    )


def render_as(kind: Kind, document: Document, *, link: bool = False) -> RenderedMessage:
    """The document in a form it would not take by itself, for a message that has to keep its form.

    As text it is cut, and points to the object's own page where that is known.
    """
    source = tidy(document.text)
    if kind == "document":
        return _as_document(document, source, link)
    text, _ = _formatted(document, source[:CONVERTED_CHARACTERS])
    short = _shortened(document, text, link=True, limit=TEXT_LIMIT)
    return RenderedMessage(kind="text", text=short, plain=short)


def notice(kind: Kind, sentence: str) -> RenderedMessage:
    """A message of the given kind that says nothing but one sentence."""
    if kind == "text":
        return RenderedMessage(kind="text", text=sentence, plain=sentence)
    return RenderedMessage(
        kind="document", text=sentence, plain=sentence, file_name="removed.txt", file_bytes=sentence.encode()
    )


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
        # Ended after a word where there is one to end after: Chinese has no spaces.
        border = name.rfind(" ", FILE_NAME_CHARACTERS // 2, FILE_NAME_CHARACTERS + 1)
        name = name[: border if border > 0 else FILE_NAME_CHARACTERS]
    return f"{name.strip(' .') or 'note'}{extension}"


def _formatted(document: Document, source: str) -> tuple[str, tuple[MessageEntity, ...]]:
    if document.format == "markdown":
        text, entities = to_message(source, document.url)
        if text.strip():
            return text, entities
    # Also Markdown of which nothing is left to show (only link definitions, say).
    return source, ()


def _as_document(document: Document, source: str, link: bool) -> RenderedMessage:
    text, _ = _formatted(document, source[: 4 * CAPTION_LIMIT])
    extension = ".md" if document.format == "markdown" else ".txt"
    caption = _shortened(document, text, link=link, limit=CAPTION_LIMIT)
    return RenderedMessage(
        kind="document",
        text=caption,
        plain=caption,
        file_name=file_name(document.title or text.lstrip().partition("\n")[0], extension),
        file_bytes=source.encode(),
    )


def _footer(document: Document, text: str, *, link: bool, limit: int) -> str:
    """The tags that the text does not hold already, and the link; tags beyond `limit` are left out."""
    url = document.url if link and utf16_len(document.url) <= limit and document.url not in text else ""
    words = dict.fromkeys(map(hashtag, document.tags))
    tags = [f"#{word}" for word in words if word and not _has_tag(text, word)]
    while tags and utf16_len(" ".join(tags)) + 1 + utf16_len(url) > limit:
        tags.pop()
    return "\n".join(filter(None, (" ".join(tags), url)))


def _has_tag(text: str, tag: str) -> bool:
    return re.search(rf"(?<![\w#])#{re.escape(tag)}(?!\w)", text, re.IGNORECASE) is not None


def _joined(text: str, footer: str) -> str:
    return f"{text}\n\n{footer}" if footer else text


def _shortened(document: Document, text: str, *, link: bool, limit: int) -> str:
    """The beginning of `text` and the footer, in at most `limit` UTF-16 units."""
    footer = _footer(document, "", link=link, limit=FOOTER_LIMIT)
    excerpt = cut(text, limit - utf16_len(_joined("", footer)))
    return _joined(excerpt, _footer(document, excerpt, link=link, limit=FOOTER_LIMIT))

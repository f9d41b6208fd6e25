"""Composes a text from pieces, with entities over ranges of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from telegram import MessageEntity

# Telegram keeps this many entities per message and silently drops the others.
# https://core.telegram.org/method/messages.sendMessage (clients), tdlib: MAX_MESSAGE_ENTITIES
MOST_ENTITIES = 100
COVER = "█"  # replaces each character of a spoiler in a text without entities


def utf16_len(text: str) -> int:
    """Return the length of `text` as Telegram counts it: in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(slots=True)
class Span:
    """Formatting that begins at a piece; `last` is the index after its last piece."""

    type: str
    first: int
    last: int = -1
    url: str | None = None
    language: str | None = None
    custom_emoji_id: str | None = None
    visible_before: int = 0  # number of visible pieces before it


class Composer:
    """Collects text in order, and the pieces that each span covers."""

    def __init__(self) -> None:
        """Start empty."""
        self._pieces: list[str] = []
        self._spans: list[Span] = []
        self._toggles: list[int] = []  # indexes of `||` pieces
        self._line_breaks = 0  # to be written before the next piece
        self._visible_count = 0  # number of pieces that are not only white space

    def write(self, text: str) -> int:
        """Add a piece; returns its index."""
        if self._line_breaks:
            self._pieces.append("\n" * self._line_breaks)
            self._line_breaks = 0
        self._pieces.append(text)
        self._visible_count += bool(text.strip())
        return len(self._pieces) - 1

    def rewrite(self, number: int, text: str) -> None:
        """Replace the text of a piece."""
        self._pieces[number] = text

    def strip_line_break(self) -> None:
        """Remove the line break at the end of the text."""
        if self._pieces and not self._line_breaks:
            self._pieces[-1] = self._pieces[-1].removesuffix("\n")

    def separate(self, line_breaks: int) -> None:
        """Begin the next text this many lines below the present one, if there is any."""
        if self._pieces:
            self._line_breaks = max(self._line_breaks, line_breaks)

    def toggle_spoiler(self) -> None:
        """Add a `||`: together with the next one it covers the text between; alone it is literal."""
        self._toggles.append(self.write("||"))

    def open(self, type_: str) -> Span:
        """Begin formatting for all following text until it is closed."""
        return Span(type_, len(self._pieces), visible_before=self._visible_count)

    def close(self, span: Span) -> None:
        """End a span; it may be empty."""
        span.last = len(self._pieces)
        self._spans.append(span)

    def has_text_since(self, span: Span) -> bool:
        """Return whether visible text was added since `span` was opened."""
        return self._visible_count > span.visible_before

    def finish(self, *, is_cut: bool = False) -> tuple[str, tuple[MessageEntity, ...]]:
        """Return text and entities. `is_cut`: a single `||` may have lost its partner, so it covers the rest."""
        self._pair_toggles(is_cut)
        text = "".join(self._pieces).rstrip()
        blank = len(text) - len(text.lstrip("\n"))  # from a mark that was alone in the first line
        text = text[blank:]
        offsets = [max(0, n - blank) for n in accumulate(map(utf16_len, self._pieces), initial=0)]
        end = utf16_len(text)
        entities = (self._entity(span, offsets, end) for span in self._spans)
        return text, fitting(entity for entity in entities if entity is not None)

    def _pair_toggles(self, is_cut: bool) -> None:
        toggles = iter(self._toggles)
        for first in toggles:
            last = next(toggles, len(self._pieces) if is_cut else None)
            if last is None or not any(piece.strip() for piece in self._pieces[first + 1 : last]):
                continue
            for number in (first, last):
                if number < len(self._pieces):
                    self._pieces[number] = ""
            self._spans.append(Span("spoiler", first, last))

    def _entity(self, span: Span, offsets: Sequence[int], end: int) -> MessageEntity | None:
        first, last = span.first, span.last
        # Line breaks at its ends belong to the text around it.
        while first < last and not self._pieces[first].strip("\n"):
            first += 1
        while first < last and not self._pieces[last - 1].strip("\n"):
            last -= 1
        offset = offsets[first]
        length = min(offsets[last], end) - offset
        if length <= 0:
            return None
        return MessageEntity(
            span.type, offset, length, url=span.url, language=span.language, custom_emoji_id=span.custom_emoji_id
        )


def fitting(entities: Iterable[MessageEntity]) -> tuple[MessageEntity, ...]:
    """Return as many entities as Telegram keeps, in order, outer before inner; spoilers are dropped last."""
    found = list(entities)
    if len(found) > MOST_ENTITIES:
        found.sort(key=lambda entity: entity.type != MessageEntity.SPOILER)  # stable: the others stay in order
        del found[MOST_ENTITIES:]
    return tuple(sorted(found, key=lambda entity: (entity.offset, -entity.length)))


def clipped(entities: Iterable[MessageEntity], end: int) -> tuple[MessageEntity, ...]:
    """Return the entities of the first `end` UTF-16 units of a text."""
    return tuple(
        entity
        if entity.offset + entity.length <= end
        else MessageEntity(
            entity.type,
            entity.offset,
            end - entity.offset,
            url=entity.url,
            language=entity.language,
            custom_emoji_id=entity.custom_emoji_id,
        )
        for entity in entities
        if entity.offset < end
    )


def covered(text: str, entities: Iterable[MessageEntity]) -> str:
    """Make the spoilers in `text` unreadable, for messages without entities."""
    spoilers = [entity for entity in entities if entity.type == MessageEntity.SPOILER]
    if not spoilers:
        return text
    units = text.encode("utf-16-le")
    kept, at = [], 0
    for entity in sorted(spoilers, key=lambda entity: entity.offset):
        first, last = max(at, 2 * entity.offset), 2 * (entity.offset + entity.length)
        kept.append(units[at:first].decode("utf-16-le"))
        kept.append("".join(c if c.isspace() else COVER for c in units[first:last].decode("utf-16-le")))
        at = max(at, last)
    return "".join([*kept, units[at:].decode("utf-16-le")])

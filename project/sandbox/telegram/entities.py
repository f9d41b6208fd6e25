"""Message entities: spans of formatting in a text, measured in UTF-16 code units.

An entity is a dict as the Bot API sends it: ``type``, ``offset``, ``length`` and, by type, ``url``, ``language``,
``custom_emoji_id`` (https://core.telegram.org/bots/api#messageentity).
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from .errors import bad_request

Entity = dict[str, Any]

# fmt: off
KNOWN_TYPES = frozenset({
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
    "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
    "custom_emoji", "date_time",
})
# fmt: on
TRIMMED = " \n\r\t"


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, which is what Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def checked_entities(text: str, given: Any) -> list[Entity]:
    """The entities a client sent with a text, sorted. Raises `BotError` for unknown types and wrong bounds."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise bad_request("object expected as entities")
    borders = set(accumulate((utf16_length(char) for char in text), initial=0))
    entities = [_checked(entity, borders) for entity in given]
    return in_order([entity for entity in entities if entity["length"] > 0])


def in_order(entities: list[Entity]) -> list[Entity]:
    """Outer before inner."""
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Text without white space at its ends, with its entities moved and cut accordingly."""
    start = utf16_length(text[: len(text) - len(text.lstrip(TRIMMED))])
    text = text.strip(TRIMMED)
    end = utf16_length(text)
    kept = []
    for entity in entities:
        first = min(max(entity["offset"] - start, 0), end)
        last = min(max(entity["offset"] + entity["length"] - start, 0), end)
        if last > first:
            kept.append({**entity, "offset": first, "length": last - first})
    return text, kept


def _checked(entity: Any, borders: set[int]) -> Entity:
    if not isinstance(entity, dict) or entity.get("type") not in KNOWN_TYPES:
        raise bad_request("can't parse MessageEntity: Unsupported type specified")
    offset, length = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length < 0:
        raise bad_request("can't parse MessageEntity: offset and length must be whole numbers from 0")
    if entity["type"] == "text_link" and not entity.get("url"):
        raise bad_request("can't parse MessageEntity: Can't find field \"url\"")
    _check_bounds(offset, offset + length, borders)
    return {name: value for name, value in entity.items() if value is not None}


def _check_bounds(first: int, last: int, borders: set[int]) -> None:
    size = max(borders)
    if first > size:
        raise bad_request(f"entity begins after the end of the text at UTF-16 offset {first}")
    if last > size:
        raise bad_request(
            f"entity beginning at UTF-16 offset {first} ends after the end of the text at UTF-16 offset {last}"
        )
    if first not in borders:
        raise bad_request(f"entity begins in a middle of a UTF-16 symbol at UTF-16 offset {first}")
    if last not in borders:
        raise bad_request(
            f"entity beginning at UTF-16 offset {first} ends in a middle of a UTF-16 symbol at UTF-16 offset {last}"
        )

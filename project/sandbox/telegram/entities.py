"""Message entities: spans of formatting in a text, measured in UTF-16 code units.

An entity is a dict as the Bot API sends it: ``type``, ``offset``, ``length`` and, by type, ``url``, ``language``,
``custom_emoji_id`` (https://core.telegram.org/bots/api#messageentity).
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any

from . import tdlib
from .errors import BotError, bad_request, tdlib_refuses

Entity = dict[str, Any]

# fmt: off
KNOWN_TYPES = frozenset({
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
    "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
    "custom_emoji", "date_time",
})
# fmt: on
TRIMMED = " \n\r\t"
_SCHEMES = frozenset({"http", "https", "tg", "ton", "tonsite"})


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, which is what Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def checked_entities(text: str, given: Any) -> list[Entity]:
    """The entities a client sent with a text, sorted. Raises `BotError` for unknown types, bounds and links."""
    entities = read_entities(given)
    check_entities(text, entities)
    return kept_entities(entities)


def read_entities(given: Any) -> list[Entity]:
    """The first look, which the server has before it asks for the chat. Raises `BotError`."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise bad_request("object expected as entities")
    return [_read(entity) for entity in given]


def check_entities(text: str, entities: list[Entity]) -> None:
    """The second look, which TDLib has when the message is about to be made. Raises `BotError` with its words."""
    if tdlib.IS_AVAILABLE:
        if complaint := tdlib.complaint(text, entities):
            raise tdlib_refuses(complaint)
        return
    borders = set(accumulate((utf16_length(char) for char in text), initial=0))
    for entity in entities:
        if entity["type"] == "text_link":
            _check_link(entity["url"])
        _check_bounds(entity["offset"], entity["offset"] + entity["length"], borders)


def kept_entities(entities: list[Entity]) -> list[Entity]:
    """Those that cover something, outer before inner."""
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


def _read(entity: Any) -> Entity:
    if not isinstance(entity, dict) or entity.get("type") not in KNOWN_TYPES:
        raise bad_request("can't parse MessageEntity: Unsupported type specified")
    offset, length = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(length, int):
        raise bad_request('can\'t parse MessageEntity: Field "offset" must be of type Number')
    if entity["type"] == "text_link" and not entity.get("url"):
        raise bad_request("can't parse MessageEntity: Can't find field \"url\"")
    return {name: value for name, value in entity.items() if value is not None}


def _check_link(url: str) -> None:
    """A coarse form of TDLib's check: its commonest refusals, with its words."""

    def refused(why: str) -> BotError:
        return tdlib_refuses(f"Entity URL '{url}' is invalid: {why}")

    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "http", url
    if scheme.lower() not in _SCHEMES:
        raise refused("Unsupported URL protocol")
    host, _, port = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].partition(":")
    if (
        ":" in rest.partition("/")[0]
        and not host.startswith("[")
        and not 0 < int(port if port.isdecimal() else 0) < 65536
    ):
        raise refused("Wrong port number specified in the URL")
    if not host:
        raise refused("URL host is empty")
    if re.search(r"[\s\"<>\\^`{|}]", host):
        raise refused("Disallowed character in URL host")
    if re.search(r"%(?![0-9a-fA-F]{2})", host):
        raise refused("Wrong percent-encoded symbol in URL host")
    if scheme.lower() in ("http", "https") and "." not in host and not host.startswith("["):
        raise refused("Wrong HTTP URL")


def _check_bounds(first: int, last: int, borders: set[int]) -> None:
    size = max(borders)
    if first < 0 or last < first:
        raise bad_request(f"receive an entity with incorrect offset {first}")
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

"""Whether a record is a post: lexicon app.bsky.feed.post, as the reference server checks it.

What it does not check is not checked here: facets may overlap, end behind the text, or begin inside of a character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import grapheme

from .errors import XrpcError, invalid
from .options import Options

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,20})?(Z|[+-]\d\d:\d\d)")
_LINK = re.compile(r"\w+:(?://)?[^\s/]\S*")
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]+")
MOST_GRAPHEMES, MOST_BYTES = 300, 3000
MOST_IMAGES, MOST_IMAGE_BYTES, MOST_THUMB_BYTES = 4, 2_000_000, 1_000_000


def check_post(record: Any, options: Options) -> None:
    """Raises `XrpcError` 400."""
    if not isinstance(record, dict) or record.get("$type") != "app.bsky.feed.post":
        raise _wrong("expected app.bsky.feed.post", "$type")
    text = _text(record, "text", "text")
    if (size := len(text.encode())) > MOST_BYTES:
        raise _wrong(f"string too big (maximum {MOST_BYTES}, got {size})", "text")
    length = len(text) if options.counts_code_points else int(grapheme.length(text))
    if length > MOST_GRAPHEMES:
        raise _wrong(f"grapheme too big (maximum {MOST_GRAPHEMES}, got {length})", "text")
    if not _TIME.fullmatch(_text(record, "createdAt", "createdAt")):
        raise _wrong("Invalid datetime", "createdAt")
    langs = record.get("langs", [])
    if not isinstance(langs, list) or len(langs) > 3 or not all(isinstance(one, str) for one in langs):
        raise _wrong("Expected at most three languages", "langs")
    for number, facet in enumerate(_list(record, "facets")):
        _check_facet(facet, f"facets[{number}]")
    if "reply" in record:
        _check_reply(record["reply"])
    if "embed" in record:
        _check_embed(record["embed"])


def _check_facet(facet: Any, at: str) -> None:
    index, features = _dict(facet, "index", at), _list(facet, "features")
    for name in ("byteStart", "byteEnd"):
        value = index.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _wrong("Expected a number from 0", f"{at}.index.{name}")
    for feature in features:
        kind = str(feature.get("$type", "")).partition("#")[2] if isinstance(feature, dict) else ""
        match kind:
            case "link" if not _LINK.fullmatch(_text(feature, "uri", f"{at}.uri")):
                raise _wrong("Invalid uri", f"{at}.uri")
            case "mention" if not _DID.fullmatch(_text(feature, "did", f"{at}.did")):
                raise _wrong("Invalid did", f"{at}.did")
            case "tag" if not 0 < len(_text(feature, "tag", f"{at}.tag")) <= 64:
                raise _wrong("grapheme too big (maximum 64)", f"{at}.tag")
            case "":
                raise _wrong("Expected a feature with a $type", at)


def _check_reply(reply: Any) -> None:
    for name in ("root", "parent"):
        one = _dict(reply, name, "reply")
        _text(one, "uri", f"reply.{name}.uri")
        _text(one, "cid", f"reply.{name}.cid")


def _check_embed(embed: Any) -> None:
    match embed.get("$type") if isinstance(embed, dict) else None:
        case "app.bsky.embed.images":
            images = _list(embed, "images")
            if len(images) > MOST_IMAGES:
                raise _wrong(f"array too big (maximum {MOST_IMAGES}, got {len(images)})", "embed.images")
            for number, image in enumerate(images):
                at = f"embed.images[{number}]"
                _text(image, "alt", f"{at}.alt")
                _check_blob(image.get("image"), MOST_IMAGE_BYTES, f"{at}.image")
        case "app.bsky.embed.external":
            external = _dict(embed, "external", "embed")
            for name in ("uri", "title", "description"):
                _text(external, name, f"embed.external.{name}")
            if not _LINK.fullmatch(external["uri"]):
                raise _wrong("Invalid uri", "embed.external.uri")
            if "thumb" in external:
                _check_blob(external["thumb"], MOST_THUMB_BYTES, "embed.external.thumb")
        case _:
            raise _wrong("Expected a known embed", "embed")


def _check_blob(blob: Any, most_bytes: int, at: str) -> None:
    if not isinstance(blob, dict) or blob.get("$type") != "blob" or not isinstance(blob.get("ref"), dict):
        raise _wrong("Expected a blob", at)
    _text(blob["ref"], "$link", at)
    if not str(blob.get("mimeType", "")).startswith("image/"):
        raise XrpcError(400, "InvalidMimeType", f"Wrong mimetype at {at}")
    if not isinstance(blob.get("size"), int) or blob["size"] > most_bytes:
        raise XrpcError(400, "BlobTooLarge", f"This file is too large. Maximum is {most_bytes} bytes ({at}).")


def _text(value: Mapping[str, Any], name: str, at: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise _wrong("Expected string value type", at)
    return found


def _dict(value: Any, name: str, at: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise _wrong("Expected object value type", f"{at}.{name}")
    return found


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name, []) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise _wrong("Expected array value type", name)
    return found


def _wrong(what: str, at: str) -> XrpcError:
    return invalid(f"Invalid app.bsky.feed.post record: {what} at $.record.{at}")

"""Texts and files of a request, checked against the server's limits and made ready to be stored."""

from __future__ import annotations

import json
import secrets
from typing import Any

from .channels import TEXT_SHOWN_CHARS, Channels, StoredFile
from .entities import Entity, checked_entities, trimmed, utf16_length
from .errors import bad_request
from .params import Params, Upload
from .parse_html import parse_html
from .parse_markdown import parse_markdown

# UTF-16 code units after parsing; the strictest reading of "1-4096 characters after entities parsing"
MAX_TEXT_LENGTH = 4096
MAX_CAPTION_LENGTH = 1024
_IMAGE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_OPTIONS = ("message_thread_id", "disable_notification", "protect_content")
_JSON_OPTIONS = ("reply_parameters", "link_preview_options", "reply_markup")


def read_text(params: Params) -> tuple[str, list[Entity]]:
    """Text and entities of a text message."""
    text, entities = _formatted(params.text("text"), params.text("parse_mode"), params, "entities")
    if not text:
        raise bad_request("message text is empty")
    if utf16_length(text) > MAX_TEXT_LENGTH:
        raise bad_request("message is too long")
    return text, entities


def read_caption(params: Params) -> tuple[str, list[Entity]]:
    """Text and entities of a caption, which may be empty."""
    text, entities = _formatted(params.text("caption"), params.text("parse_mode"), params, "caption_entities")
    if utf16_length(text) > MAX_CAPTION_LENGTH:
        raise bad_request("message caption is too long")
    return text, entities


def read_options(params: Params) -> dict[str, Any]:
    """The settings of a message that are only kept and shown."""
    options: dict[str, Any] = {}
    for name in _OPTIONS:
        if params.text(name):
            is_number = name == "message_thread_id"
            options[name] = params.integer(name) if is_number else params.flag(name)
    for name in _JSON_OPTIONS:
        value = params.parsed(name, name.replace("_", " "))
        if value is not None and not isinstance(value, dict):
            raise bad_request(f"object expected as {name.replace('_', ' ')}")
        if value:
            options[name] = value
    return options


def read_file(params: Params, kind: str, channels: Channels, given: str | None = None) -> StoredFile:
    """The file of a document or photo message: an upload, ``attach://`` its name, or a known file_id."""
    given = params.text(kind) if given is None else given
    upload = params.uploads.get(given.removeprefix("attach://") if given else kind)
    if upload is None and not given:
        raise bad_request(f"there is no {kind} in the request")
    if upload is None:
        if given in channels.files:
            return channels.files[given]
        raise bad_request("wrong file identifier/HTTP URL specified")
    stored = _stored(upload, kind)
    channels.files[stored.file_id] = stored
    return stored


def _formatted(source: str, mode: str, params: Params, entities_name: str) -> tuple[str, list[Entity]]:
    style = mode.lower()
    if style == "html":
        return trimmed(*parse_html(source))
    if style == "markdownv2":
        return trimmed(*parse_markdown(source))
    if style:
        raise bad_request("unsupported parse_mode")
    return trimmed(source, checked_entities(source, params.parsed(entities_name, "entities")))


def _stored(upload: Upload, kind: str) -> StoredFile:
    if not upload.data:
        raise bad_request("file must be non-empty")
    if kind == "photo" and not upload.data.startswith(_IMAGE_STARTS):
        raise bad_request("IMAGE_PROCESS_FAILED")
    return StoredFile(
        file_id="sandbox-" + secrets.token_hex(12),
        file_name=upload.file_name,
        mime_type=upload.mime_type,
        size=len(upload.data),
        sha256=upload.sha256,
        text=_as_text(upload.data),
    )


def _as_text(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text[:TEXT_SHOWN_CHARS]


def media_params(params: Params) -> tuple[str, str, Params]:
    """Kind, file reference, and caption parameters of ``media`` in editMessageMedia."""
    media = params.parsed("media", "InputMedia")
    if not isinstance(media, dict) or media.get("type") not in {"document", "photo"}:
        raise bad_request("can't parse InputMedia: media type must be document or photo in this sandbox")
    values = {name: value for name, value in media.items() if value is not None}
    values["caption_entities"] = json.dumps(values.get("caption_entities"))
    return values["type"], str(values.get("media", "")), Params(values, params.uploads)

"""Texts and files of a request, checked against the server's limits and made ready to be stored."""

from __future__ import annotations

import io
import json
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Any

from PIL import Image

from .channels import TEXT_SHOWN_CHARS, Channels, StoredFile
from .entities import Entity, check_entities, kept_entities, read_entities, trimmed, utf16_length
from .errors import bad_request
from .params import Params, Upload
from .parse_html import parse_html
from .parse_markdown import parse_markdown

# UTF-16 code units after parsing; the strictest reading of "1-4096 characters after entities parsing"
MAX_TEXT_LENGTH = 4096
MAX_CAPTION_LENGTH = 1024
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
MAX_PHOTO_BYTES = 10 * 1024 * 1024
MAX_PHOTO_SIDES = 10_000  # width and height together
MAX_PHOTO_RATIO = 20
MAX_ALBUM = 10
FILE_KINDS = ("document", "photo", "video")
_IMAGE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_OPTIONS = ("message_thread_id", "disable_notification", "protect_content")
_JSON_OPTIONS = ("reply_parameters", "link_preview_options", "reply_markup")


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text or caption as the request has it: read, and not yet looked at by TDLib."""

    text: str
    entities: list[Entity]
    is_caption: bool = False

    def checked(self) -> tuple[str, list[Entity]]:
        """Text and entities as they are stored. Raises `BotError` in the order of TDLib's own checks."""
        check_entities(self.text, self.entities)
        text, entities = trimmed(self.text, kept_entities(self.entities))
        if not self.is_caption and not _has_visible(text):
            raise bad_request("text must be non-empty")
        if utf16_length(text) > (MAX_CAPTION_LENGTH if self.is_caption else MAX_TEXT_LENGTH):
            raise bad_request("message caption is too long" if self.is_caption else "message is too long")
        return text, entities


def read_text(params: Params) -> Formatted:
    """The text of a text message, which must be there. Raises `BotError`."""
    if not params.text("text"):
        raise bad_request("message text is empty")
    return _formatted(params, "text", "entities")


def read_caption(params: Params) -> Formatted:
    """A caption, which may be empty. Raises `BotError`."""
    return _formatted(params, "caption", "caption_entities")


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


def _formatted(params: Params, name: str, entities_name: str) -> Formatted:
    source, style = params.text(name), params.text("parse_mode").lower()
    is_caption = name == "caption"
    if style == "html":
        return Formatted(*parse_html(source), is_caption)
    if style == "markdownv2":
        return Formatted(*parse_markdown(source), is_caption)
    if style:
        raise bad_request("unsupported parse_mode")
    return Formatted(source, read_entities(params.parsed(entities_name, "entities")), is_caption)


def _has_visible(text: str) -> bool:
    """Telegram takes no text of signs that show nothing."""
    return any(unicodedata.category(char)[0] not in "CZ" and char not in _BLANK for char in text)


def _stored(upload: Upload, kind: str) -> StoredFile:
    if not upload.data:
        raise bad_request("file must be non-empty")
    if kind == "photo":
        _check_photo(upload.data)
    return StoredFile(
        file_id="sandbox-" + secrets.token_hex(12),
        file_name=upload.file_name,
        mime_type=upload.mime_type,
        size=len(upload.data),
        sha256=upload.sha256,
        text=_as_text(upload.data),
    )


def _check_photo(data: bytes) -> None:
    """What TDLib and Telegram's own servers refuse as a photo. Raises `BotError`."""
    if len(data) > MAX_PHOTO_BYTES:
        words = f"file of size {len(data)} bytes is too big for a photo; the maximum size is {MAX_PHOTO_BYTES} bytes"
        raise bad_request(words)
    if not data.startswith(_IMAGE_STARTS):
        raise bad_request("IMAGE_PROCESS_FAILED")
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except (OSError, SyntaxError, ValueError):
        return  # what follows the beginning is not looked at
    if width + height > MAX_PHOTO_SIDES or max(width, height) > MAX_PHOTO_RATIO * min(width, height):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")


def _as_text(data: bytes) -> str | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text[:TEXT_SHOWN_CHARS]


def media_params(params: Params) -> tuple[str, str, Params]:
    """Kind, file reference, and caption parameters of ``media`` in editMessageMedia."""
    return _input_media(params.parsed("media", "InputMedia"), params)


def album_params(params: Params) -> list[tuple[str, str, Params]]:
    """The same for each item of ``media`` in sendMediaGroup. Raises `BotError`."""
    media = params.parsed("media", "media")
    if media is not None and not isinstance(media, list):
        raise bad_request("expected an Array of InputMedia")
    if not media:
        raise bad_request("there are no messages to send")
    return [_input_media(one, params) for one in media]


def check_album(kinds: list[str]) -> None:
    """Raises `BotError` for what makes no album, after its files were read."""
    if len(kinds) > MAX_ALBUM:
        raise bad_request("too many messages to send as an album")
    if "document" in kinds and set(kinds) != {"document"}:
        raise bad_request("document can't be mixed with other media types")


def _input_media(media: Any, params: Params) -> tuple[str, str, Params]:
    if not isinstance(media, dict) or media.get("type") not in FILE_KINDS:
        raise bad_request(f"can't parse InputMedia: media type must be one of {', '.join(FILE_KINDS)} in this sandbox")
    if not media.get("media"):
        raise bad_request("can't parse InputMedia: media not found")
    values = {name: value for name, value in media.items() if value is not None}
    values["caption_entities"] = json.dumps(values.get("caption_entities"))
    return values["type"], str(values["media"]), Params(values, params.uploads)

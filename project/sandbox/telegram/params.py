"""Parameters of a Bot API request, however they were sent: query, form, multipart or JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from .errors import BotError, bad_request

MAX_UPLOAD_BYTES = 50 * 1024 * 1024  # https://core.telegram.org/bots/api#sending-files


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with the request."""

    file_name: str
    mime_type: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(slots=True)
class Params:
    """Values by name (strings, or whatever JSON holds) and uploads by field name."""

    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.values.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str) -> int | None:
        """A whole number; None when it is missing or none."""
        try:
            return int(self.text(name))
        except ValueError:
            return None

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "1", "yes"}

    def parsed(self, name: str, what: str) -> Any:
        """A JSON value, None when not given. `what` names it in the refusal."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            raise bad_request(f"can't parse {what} JSON object") from error

    def for_log(self) -> dict[str, Any]:
        """Everything as sent, uploads as file name and size."""
        sizes = {name: f"{upload.file_name} ({len(upload.data)} bytes)" for name, upload in self.uploads.items()}
        return {**self.values, **sizes}


async def read_params(request: Request) -> Params:
    """Read the whole request. Raises `BotError` 413 for more than 50 MB, 400 for a body that cannot be read."""
    body = await _read_body(request)
    params = Params(dict(request.query_params))
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        await _read_multipart(request, body, params)
    elif kind == "application/json":
        params.values.update(_read_json(body))
    elif body:
        params.values.update(_read_form(body))
    if any(isinstance(value, str) and not _is_utf8(value) for value in params.values.values()):
        raise bad_request("strings must be encoded in UTF-8")
    return params


def _read_form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise bad_request("strings must be encoded in UTF-8") from error


def _is_utf8(text: str) -> bool:
    """JSON can hold half of a surrogate pair, which no encoding can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _read_body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():  # read to the end in any case: who still sends reads no answer
        size += len(chunk)
        if size <= MAX_UPLOAD_BYTES:
            chunks.append(chunk)
    if size > MAX_UPLOAD_BYTES:
        raise BotError(413, "Request Entity Too Large")
    return b"".join(chunks)


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body or b"{}")
    except ValueError as error:
        raise bad_request("can't parse request JSON object") from error
    if not isinstance(values, dict):
        raise bad_request("request must be a JSON object")
    return {name: value for name, value in values.items() if value is not None}


async def _read_multipart(request: Request, body: bytes, params: Params) -> None:
    parser = MultiPartParser(request.headers, _once(body), max_part_size=MAX_UPLOAD_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise bad_request("can't parse multipart body") from error
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            kind = value.content_type or "application/octet-stream"
            params.uploads[name] = Upload(value.filename or "file", kind, await value.read())
        else:
            params.values[name] = value
    await form.close()


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body

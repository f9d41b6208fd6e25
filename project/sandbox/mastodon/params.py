"""Parameters of an API request, however they were sent: query, form, multipart or JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from .errors import ApiError

MAX_BODY_BYTES = 100 * 1024 * 1024  # a little more than the server's largest upload


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with the request."""

    file_name: str
    data: bytes


@dataclass(slots=True)
class Params:
    """Values by name and uploads by field name. A name that ends in ``[]`` is a list without those brackets."""

    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def put(self, name: str, value: str) -> None:
        """Take over one field of a form or query."""
        if name.endswith("[]"):
            self.values.setdefault(name[:-2], []).append(value)
        else:
            self.values[name] = value

    def text(self, name: str) -> str:
        """A text; empty when it is missing, null or no text."""
        value = self.values.get(name)
        return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""

    def integer(self, name: str) -> int | None:
        """A whole number; None when it is missing or none."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() else None

    def flag(self, name: str) -> bool:
        return str(self.values.get(name)).lower() in {"true", "1", "on"}

    def listed(self, name: str) -> list[Any]:
        """A list; empty when it is missing or none."""
        value = self.values.get(name)
        return value if isinstance(value, list) else []

    def for_log(self) -> dict[str, Any]:
        """Everything as sent, uploads as file name and size."""
        sizes = {name: f"{upload.file_name} ({len(upload.data)} bytes)" for name, upload in self.uploads.items()}
        return {**self.values, **sizes}


async def read_params(request: Request) -> Params:
    """Read the whole request. Raises `ApiError` 413 for too much, 400 for a body that cannot be read."""
    body = await _read_body(request)
    params = Params()
    _put_all(params, request.url.query)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        await _read_multipart(request, body, params)
    elif kind == "application/json":
        params.values.update(_read_json(body))
    else:
        _put_all(params, body.decode("utf-8", "replace"))
    return params


def _put_all(params: Params, encoded: str) -> None:
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        params.put(name, value)


async def _read_body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():  # read to the end in any case: who still sends reads no answer
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
    if size > MAX_BODY_BYTES:
        raise ApiError(413, "Request Entity Too Large")
    return b"".join(chunks)


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError(400, "Error occurred while parsing request parameters") from error
    return values if isinstance(values, dict) else {}


async def _read_multipart(request: Request, body: bytes, params: Params) -> None:
    parser = MultiPartParser(request.headers, _once(body), max_part_size=MAX_BODY_BYTES)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ApiError(400, "Error occurred while parsing request parameters") from error
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            params.uploads[name] = Upload(value.filename or "file", await value.read())
        else:
            params.put(name, value)
    await form.close()


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body

"""Pictures that were uploaded: what they are, and what they measure."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from .errors import ApiError, invalid

MAX_IMAGE_BYTES = 16 * 1024 * 1024
MAX_PIXELS = 33_177_600  # the server's matrix limit
MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Facts of an upload."""

    mime_type: str
    width: int
    height: int
    size: int  # bytes
    sha256: str


def read_picture(data: bytes) -> Picture:
    """Look at an upload. Raises `ApiError` 422 for what is no picture, is broken or too large."""
    if len(data) > MAX_IMAGE_BYTES:
        raise invalid("File file size must be less than 16 MB")
    kind, width, height = _looked_at(data)
    if kind not in MIME_TYPES:
        raise invalid("File content type is invalid")
    if width * height > MAX_PIXELS:
        raise invalid(f"File {width}x{height} images are not supported")
    digest = hashlib.sha256(data).hexdigest()
    return Picture(mime_type=MIME_TYPES[kind], width=width, height=height, size=len(data), sha256=digest)


def _looked_at(data: bytes) -> tuple[str, int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is looked at instead
            with Image.open(io.BytesIO(data)) as image:
                kind, (width, height) = str(image.format), image.size
                if width * height <= MAX_PIXELS:
                    image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ApiError(422, "File type of uploaded media could not be verified") from error
    return kind, width, height

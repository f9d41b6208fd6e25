"""Pictures, videos and sounds that were uploaded: what they are, and what pictures measure."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from .errors import ApiError, invalid

MAX_IMAGE_BYTES = 16 * 1024 * 1024
MAX_PIXELS = 33_177_600  # the server's matrix limit
MAX_VIDEO_BYTES = 99 * 1024 * 1024
MIME_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
# Videos and sounds by their first bytes: where they stand, and what they say. Their content is not looked at.
_SIGNS = ((4, b"ftyp", "video/mp4"), (0, b"ID3", "audio/mpeg"))
EXTENSIONS = {mime_type: kind.lower() for kind, mime_type in MIME_TYPES.items()} | {
    "video/mp4": "mp4",
    "audio/mpeg": "mp3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Facts of an upload. A video or a sound measures nothing here."""

    mime_type: str
    width: int
    height: int
    size: int  # bytes
    sha256: str

    @property
    def type(self) -> str:
        """As an attachment names it."""
        return {"image": "image", "video": "video"}.get(self.mime_type.partition("/")[0], "audio")


def read_picture(data: bytes) -> Picture:
    """Look at an upload. Raises `ApiError` 422 for what is none of them, is broken or too large."""
    digest = hashlib.sha256(data).hexdigest()
    for start, sign, mime_type in _SIGNS:
        if data[start : start + len(sign)] == sign:
            if len(data) > MAX_VIDEO_BYTES:
                raise invalid("File file size must be less than 99 MB")
            return Picture(mime_type=mime_type, width=0, height=0, size=len(data), sha256=digest)
    if len(data) > MAX_IMAGE_BYTES:
        raise invalid("File file size must be less than 16 MB")
    kind, width, height = _looked_at(data)
    if kind not in MIME_TYPES:
        raise invalid("File content type is invalid")
    if width * height > MAX_PIXELS:
        raise invalid(f"File {width}x{height} images are not supported")
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

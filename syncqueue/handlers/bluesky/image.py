"""Makes a picture acceptable to a server: small enough, upright, and without metadata of a camera. Pure."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageOps

from syncqueue.handlers.public import content_type

MOST_BYTES, MOST_THUMB_BYTES = 2_000_000, 1_000_000  # for a picture of a post; for the picture of a card
_MOST_PIXELS = 40_000_000  # scaling a larger picture takes too much memory
# Every app shows these unchanged.
_KNOWN = ("image/jpeg", "image/png", "image/gif", "image/webp")
_SIDES = (2000, 1600, 1200, 800, 400)  # pixels of the longer side; an app shows at most 2000
_QUALITIES = (90, 80, 65)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A picture that can be uploaded."""

    content: bytes
    content_type: str
    width: int  # pixels
    height: int


def prepared(content: bytes, most_bytes: int) -> Prepared | None:
    """Return `content`, or a smaller version of it; None if it is not a picture, or cannot be read here."""
    kind = content_type(content)
    if not kind.startswith("image/"):
        return None
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            # A server publishes a file unchanged, with the location where a photo was taken.
            if kind in _KNOWN and len(content) <= most_bytes and not image.getexif():
                return Prepared(content=content, content_type=kind, width=image.width, height=image.height)
            return next(_smaller(image, most_bytes), None)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what PIL raises for broken files
        return None


def _smaller(image: Image.Image, most_bytes: int) -> Iterator[Prepared]:
    """Yield the picture in the sizes that fit, the best first. Transparent parts become white."""
    image.draft("RGB", (2 * _SIDES[0], 2 * _SIDES[0]))  # a JPEG is decoded in a smaller size if that is enough
    upright = ImageOps.exif_transpose(image)
    flat = Image.new("RGB", upright.size, "white")
    shown = upright.convert("RGBA")
    flat.paste(shown, mask=shown.getchannel("A"))
    for side in _SIDES:
        flat.thumbnail((side, side))
        for quality in _QUALITIES:
            output = io.BytesIO()
            flat.save(output, "JPEG", quality=quality)
            if output.tell() <= most_bytes:
                yield Prepared(
                    content=output.getvalue(), content_type="image/jpeg", width=flat.width, height=flat.height
                )

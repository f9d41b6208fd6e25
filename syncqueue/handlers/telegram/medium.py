"""A picture, video or file as a separate message, and the data in its part. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal, get_args

from syncqueue.handlers.base import RemotePart
from syncqueue.handlers.media import Media, content_kind, content_type
from syncqueue.handlers.telegram.render import file_name

Form = Literal["photo", "video", "file"]

# https://core.telegram.org/bots/api#sendphoto, #sendmediagroup, #sending-files
MOST_MEDIA = 10
PHOTO_BYTES = 10 * 1024 * 1024
_PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_VIDEO_TYPES = frozenset({"video/mp4"})
_NOT_IN_A_SUFFIX = re.compile(r"[^\w.-]+")
_SUFFIX_CHARACTERS = 16
_UNKNOWN = ""  # the digest of a message whose content is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """A medium as it is sent."""

    form: Form
    name: str
    content: bytes
    digest: str  # of its `Media`

    @property
    def kind(self) -> str:
        """Return the kind of its part."""
        return f"{self.form}:{self.digest}"

    def as_file(self) -> Medium:
        """Return it as a file, whose content Telegram does not inspect."""
        return replace(self, form="file")


def read_medium(media: Media, content: bytes) -> Medium | None:
    """Return a medium in the form of its content; None if the content has another type than given."""
    form = _form_of(media, content)
    if form is None:
        return None
    path = PurePosixPath(media.name)
    name = file_name(path.stem, _NOT_IN_A_SUFFIX.sub("", path.suffix)[:_SUFFIX_CHARACTERS])
    return Medium(form=form, name=name, content=content, digest=digest(media))


def _form_of(media: Media, content: bytes) -> Form | None:
    kind = content_kind(content)
    if media.kind == "file":
        return "file"
    if not kind or media.kind not in ("", kind):
        return None
    is_photo = content_type(content) in _PHOTO_TYPES and len(content) <= PHOTO_BYTES
    return "photo" if is_photo else "video" if content_type(content) in _VIDEO_TYPES else "file"


def digest(media: Media) -> str:
    """Return a hash of everything about a medium that Telegram shows."""
    text = json.dumps([media.identity, media.kind, media.name])
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def is_medium(part: RemotePart) -> bool:
    """Return whether a message is a picture, video or file of a document, and not its text."""
    form, colon, _ = part.kind.partition(":")
    return bool(colon) and form in get_args(Form)


def digest_of(part: RemotePart) -> str:
    """Return the digest of the medium of a message; "" if unknown."""
    return part.kind.partition(":")[2]


def form_of(part: RemotePart) -> Form:
    """Return the form of such a message."""
    form = part.kind.partition(":")[0]
    return "photo" if form == "photo" else "video" if form == "video" else "file"


def doubtful(kind: str) -> str:
    """Return the kind of a message whose content may have changed since it was sent."""
    return f"{kind.partition(':')[0]}:{_UNKNOWN}"


def is_one_album(media: list[Medium]) -> bool:
    """Return whether Telegram accepts them in one album: photos and videos, or files."""
    return len({medium.form == "file" for medium in media}) <= 1


def nothing_to_see(part: RemotePart, sentence: str) -> Medium:
    """Return the replacement content for a message that cannot be deleted."""
    if form_of(part) == "file":
        return Medium(form="file", name="removed.txt", content=sentence.encode(), digest=_UNKNOWN)
    return Medium(form="photo", name="removed.png", content=_grey_picture(), digest=_UNKNOWN)


def _grey_picture() -> bytes:
    """Return a PNG of 64 by 64 grey pixels."""
    rows = (b"\0" + b"\xdd" * 64) * 64
    header = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body

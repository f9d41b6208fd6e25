"""A picture, video or file as a message of its own, and what its part tells of it. Pure."""

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
_UNKNOWN = ""  # the digest of a message of which nobody knows what it shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What is sent."""

    form: Form
    name: str
    content: bytes
    digest: str  # of the `Media` it was read of

    @property
    def kind(self) -> str:
        """The kind of its part."""
        return f"{self.form}:{self.digest}"

    def as_file(self) -> Medium:
        """The same as a file, which Telegram does not look into."""
        return replace(self, form="file")


def read_medium(media: Media, content: bytes) -> Medium | None:
    """A medium in the form that its content takes; None where the content is not what it is given as."""
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
    """What tells a medium from others, of what Telegram shows."""
    text = json.dumps([media.identity, media.kind, media.name])
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def is_medium(part: RemotePart) -> bool:
    """Whether a message is a picture, video or file of a document, and not its text."""
    form, colon, _ = part.kind.partition(":")
    return bool(colon) and form in get_args(Form)


def digest_of(part: RemotePart) -> str:
    """What a message was sent of; "" where that is not known."""
    return part.kind.partition(":")[2]


def form_of(part: RemotePart) -> Form:
    """The form of a message that is one."""
    form = part.kind.partition(":")[0]
    return "photo" if form == "photo" else "video" if form == "video" else "file"


def doubtful(kind: str) -> str:
    """The kind of a message that may show something else than it was sent of."""
    return f"{kind.partition(':')[0]}:{_UNKNOWN}"


def is_one_album(media: list[Medium]) -> bool:
    """Whether Telegram takes them in one album: photos and videos, or files."""
    return len({medium.form == "file" for medium in media}) <= 1


def nothing_to_see(part: RemotePart, sentence: str) -> Medium:
    """What a message shows instead that Telegram will not delete."""
    if form_of(part) == "file":
        return Medium(form="file", name="removed.txt", content=sentence.encode(), digest=_UNKNOWN)
    return Medium(form="photo", name="removed.png", content=_grey_picture(), digest=_UNKNOWN)


def _grey_picture() -> bytes:
    """A PNG of 64 by 64 grey pixels."""
    rows = (b"\0" + b"\xdd" * 64) * 64
    header = struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body

"""Media: a picture, video, sound or file of a document, as a value.

The type of a content is decided by its first bytes (`content_type`), not by what the host or the file name says. Signed
URLs are never compared, because they are different at each rendering.
"""

from __future__ import annotations

import logging
import mimetypes
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.utils.functional import Promise

logger = logging.getLogger("syncqueue")

MediaKind = Literal["", "picture", "video", "audio", "file"]

# If the query of a URL has one of the first names, all of these (and names that begin so) belong to its signature.
_SIGNATURES = frozenset({"x-amz-signature", "x-goog-signature", "signature", "sig"})
_OF_SIGNATURES = _SIGNATURES | {
    "awsaccesskeyid", "expires", "googleaccessid", "key-pair-id", "policy",
    "se", "sp", "spr", "sr", "st", "sv", "ske", "skoid", "sks", "skt", "sktid", "skv",
}  # fmt: skip
_PREFIXES = ("x-amz-", "x-goog-")
_SHOWN_CHARACTERS = 100  # of a rejected URL


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture, video, sound or file: at an absolute `url`, or the `file` of a model's FileField or ImageField.

    A file is read from its storage, so private buckets and development machines work. A medium counts as changed if its
    address changes (the URL without its signature, or the file's name in its storage) or its `etag`; without an `etag`,
    also if the size of the file changes. Raises `ValueError`, which names the field, for values that no service can
    use.
    """

    url: str = field(default="", repr=False)  # not shown in repr, because a signed URL grants access
    file: Any = field(default=None, repr=False, compare=False)  # a FieldFile
    alt: str = ""  # description for people who cannot see it
    kind: MediaKind = ""  # "": decided by the content. "file": sent as a file, whatever it is
    name: str = ""  # file name for people; default: the last part of the URL or of the file name
    etag: str = ""  # a value that changes with the content, for contents whose address and size may stay the same
    identity: str = field(init=False, default="")  # computed: the value that is compared

    def __post_init__(self) -> None:
        """Evaluate lazy texts and validate the fields."""
        for name in ("url", "alt", "name", "etag"):
            value = getattr(self, name)
            value = "" if value is None else str(value) if isinstance(value, Promise) else value
            if not isinstance(value, str):
                raise ValueError(f"Media.{name}: expected a text, got {type(value).__name__}.")
            object.__setattr__(self, name, value)
        if self.kind not in get_args(MediaKind):
            known = ", ".join(map(repr, get_args(MediaKind)))
            raise ValueError(f"Media.kind: expected one of {known}, got {self.kind!r}.")
        if bool(self.url) == (self.file is not None):
            raise ValueError("Media: give either url or file.")
        address = self._checked_url() if self.url else self._checked_file()
        if not self.name:
            path = urlsplit(self.url).path if self.url else address
            object.__setattr__(self, "name", path.rpartition("/")[2])
        version = self.etag or (self._size() if self.file is not None else "")
        object.__setattr__(self, "identity", f"{address}#{version}" if version else address)

    def _checked_url(self) -> str:
        """Return the URL without its signature. Raises `ValueError`."""
        try:
            parts = urlsplit(self.url)
            is_absolute = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            is_absolute = False
        if not is_absolute:
            shown = self.url.partition("?")[0][:_SHOWN_CHARACTERS]
            raise ValueError(
                f"Media.url: {shown!r} is not absolute: it has no https:// and host. Build it with the site's address, "
                "or give the field itself: Media(file=obj.photo)."
            )
        return _unsigned(self.url)

    def _checked_file(self) -> str:
        """Return the file's name in its storage. Raises `ValueError`."""
        name = getattr(self.file, "name", "")
        if not hasattr(self.file, "storage"):
            got = type(self.file).__name__
            raise ValueError(f"Media.file: expected the value of a FileField or ImageField, got {got}.")
        if not isinstance(name, str) or not name:
            raise ValueError("Media.file: the field is empty: leave the medium out, as in `if obj.photo`.")
        return name

    def _size(self) -> str:
        try:
            return str(int(self.file.size))
        except Exception as error:  # a storage may raise anything; an unreadable file is reported when it is read
            logger.info("The size of a file cannot be read (%s).", type(error).__name__)
            return ""

    @property
    def is_signed(self) -> bool:
        """Whether the URL has a signature, so that it grants access to a private file."""
        return bool(self.url) and _unsigned(self.url) != self.url

    @property
    def expected_kind(self) -> MediaKind:
        """`kind`, or the kind that the file name suggests; otherwise a picture."""
        if self.kind:
            return self.kind
        word = (mimetypes.guess_type(self.name)[0] or "").partition("/")[0]
        return "video" if word == "video" else "audio" if word == "audio" else "picture"

    @property
    def as_text(self) -> str:
        """Return a replacement for services that cannot show it: description and public URL, if there are any."""
        url = "" if self.is_signed else self.url
        return ": ".join(filter(None, (self.alt, url)))

    def as_hashed(self) -> list[str]:
        """Return the values that determine what is sent, for the content hash."""
        return [self.identity, self.alt, self.kind, self.name]


def media_of(item: str | Media) -> Media | None:
    """Return an item of `Document.media` as `Media`; None for a text that is not an absolute URL."""
    if isinstance(item, Media):
        return item
    try:
        return Media(url=item)
    except ValueError:
        return None


def identity_of(item: str | Media) -> str:
    """Return the value that identifies an item of `Document.media`; for a text, the text itself."""
    return item.identity if isinstance(item, Media) else item


def _unsigned(url: str) -> str:
    parts = urlsplit(url)
    fields = parse_qsl(parts.query, keep_blank_values=True)
    if not any(name.lower() in _SIGNATURES for name, _ in fields):
        return url
    kept = [(name, value) for name, value in fields if not _is_of_signature(name.lower())]
    return parts._replace(query=urlencode(kept)).geturl()


def _is_of_signature(name: str) -> bool:
    return name in _OF_SIGNATURES or name.startswith(_PREFIXES)


# Detected by their first bytes: offset, signature, MIME type.
_CONTENT_TYPES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
)
_WORDS: dict[str, MediaKind] = {"image": "picture", "video": "video", "audio": "audio"}


def content_type(content: bytes) -> str:
    """Return the MIME type of a picture, video or sound; "" for anything else."""
    return next((kind for start, sign, kind in _CONTENT_TYPES if content[start : start + len(sign)] == sign), "")


def content_kind(content: bytes) -> MediaKind:
    """Return the kind of a content; "" if it is not a picture, video or sound."""
    return _WORDS.get(content_type(content).partition("/")[0], "")

"""Media as values: what they take, what they refuse in words, and when two are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.utils.functional import lazystr

from syncqueue import Document, Media
from syncqueue.handlers.base import HandlerConfig, Place
from syncqueue.handlers.bounds import refusal
from syncqueue.handlers.media import content_kind, content_type
from syncqueue.handlers.telegram.handler import TelegramHandler
from tests.files import field_file, stored

SIGNED = "https://bucket.example/photos/leaf.png?versionId=7&X-Amz-Date={n}&X-Amz-Signature=s{n}"


def fingerprint(*media: Any) -> str:
    handler = TelegramHandler(HandlerConfig(service="telegram"))
    return handler.fingerprint(Document(text="Look", media=media), Place(id=1, name="news", address="@news"))


def test_a_document_takes_media_and_texts_side_by_side() -> None:
    media = Media(url=lazystr("https://example.org/a.png"), alt=lazystr("A leaf"))  # type: ignore[arg-type]
    document = Document(text="", media=["https://example.org/b.png", media])  # type: ignore[arg-type]
    assert document.media == ("https://example.org/b.png", media)
    assert (media.url, media.alt, media.name) == ("https://example.org/a.png", "A leaf", "a.png")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"url": "/media/a.png"}, "Media.url: '/media/a.png' is not absolute"),
        ({"url": "//example.org/a.png"}, "is not absolute"),
        ({"url": "file:///etc/passwd"}, "is not absolute"),
        ({"url": "https://["}, "is not absolute"),
        ({"url": 5}, "Media.url: expected a text, got int"),
        ({"alt": 5, "url": "https://example.org/a.png"}, "Media.alt: expected a text, got int"),
        ({"kind": "gif", "url": "https://example.org/a.png"}, "Media.kind: expected one of"),
        ({}, "give either url or file"),
        ({"url": "https://example.org/a.png", "file": b""}, "give either url or file"),
        ({"file": "photos/a.png"}, "Media.file: expected the value of a FileField or ImageField, got str"),
    ],
)
def test_what_no_service_could_use_is_refused_in_words(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Media(**values)


def test_an_empty_field_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the field is empty"):
        Media(file=field_file(FileSystemStorage(location=tmp_path), ""))


def test_the_query_of_a_refused_url_is_not_shown() -> None:
    with pytest.raises(ValueError, match="not absolute") as caught:
        Media(url="/media/a.png?sig=secret")
    assert "secret" not in str(caught.value)


def test_a_signed_url_that_changes_is_no_change_of_the_document() -> None:
    first, second = (Media(url=SIGNED.format(n=n)) for n in (1, 2))
    assert fingerprint(first) == fingerprint(second)
    assert first.identity == "https://bucket.example/photos/leaf.png?versionId=7"
    assert "s1" not in repr(first)
    assert first.as_text == ""  # it opens what is not public


def test_what_else_stands_in_a_query_is_a_change() -> None:
    proxy = "https://images.example/fit?source=leaf&w={w}&sig={w}"
    assert fingerprint(Media(url=proxy.format(w=100))) != fingerprint(Media(url=proxy.format(w=200)))
    assert Media(url="https://example.org/a.png?sig=1&v=2").is_signed
    assert not Media(url="https://example.org/a.png?expires=1").is_signed


def test_a_file_is_told_by_its_name_and_size(tmp_path: Path) -> None:
    file = stored(tmp_path, "leaf.png", b"leaf")
    before = fingerprint(Media(file=file))
    assert fingerprint(Media(file=file)) == before
    Path(file.path).write_bytes(b"another leaf")
    assert fingerprint(Media(file=file)) != before


def test_an_etag_tells_more_than_the_size(tmp_path: Path) -> None:
    file = stored(tmp_path, "leaf.png", b"leaf")
    assert fingerprint(Media(file=file, etag="1")) != fingerprint(Media(file=file, etag="2"))
    url = "https://example.org/a.png"
    assert fingerprint(Media(url=url, etag="1")) != fingerprint(Media(url=url, etag="2"))


def test_a_file_that_is_gone_does_not_stop_the_document(tmp_path: Path) -> None:
    file = stored(tmp_path, "leaf.png", b"leaf")
    Path(file.path).unlink()
    assert Media(file=file).identity == file.name


def test_every_field_of_a_medium_decides_what_is_sent() -> None:
    url = "https://example.org/a.png"
    one, *others = (
        Media(url=url),
        Media(url=url, alt="A leaf"),
        Media(url=url, kind="file"),
        Media(url=url, name="b.png"),
    )
    assert len({fingerprint(one), *map(fingerprint, others)}) == 4


@pytest.mark.parametrize(
    ("media", "known"),
    [
        ((), "3d2a5152"),
        (("https://example.org/a.png",), "60f06ef2"),
    ],
)
def test_documents_without_such_values_hash_as_they_always_did(media: tuple[str, ...], known: str) -> None:
    """Another hash would send everything that is synced once more after an upgrade."""
    assert fingerprint(*media).startswith(known)


def test_what_is_too_much_counts_media_as_well() -> None:
    assert "characters" in refusal(Document(text="", media=(Media(url="https://example.org/a", alt="a" * 1_000_001),)))


@pytest.mark.parametrize(
    ("content", "kind", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n...", "picture", "image/png"),
        (b"RIFF1234WEBPVP8 ", "picture", "image/webp"),
        (b"\0\0\0\x18ftypmp42", "video", "video/mp4"),
        (b"\0\0\0\x18ftypM4A ", "audio", "audio/mp4"),
        (b"ID3\x04", "audio", "audio/mpeg"),
        (b"<!doctype html>", "", ""),
        (b"", "", ""),
    ],
)
def test_the_first_bytes_tell_what_a_content_is(content: bytes, kind: str, mime: str) -> None:
    assert (content_kind(content), content_type(content)) == (kind, mime)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.mp4", "video"), ("a.mp3", "audio"), ("a.png", "picture"), ("a", "picture")]
)
def test_what_is_expected_is_told_by_the_name(name: str, kind: str) -> None:
    assert Media(url=f"https://example.org/{name}").expected_kind == kind

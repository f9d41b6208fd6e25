"""Pictures: uploaded in each attempt, made fit, with their descriptions."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from project.sandbox.pictures.album import noise, painted
from syncqueue import Document, Media, Unavailable
from tests.files import stored
from tests.services.bluesky.desk import PUT, Desk

UPLOAD = "com.atproto.repo.uploadBlob"


def picture(folder: Path, name: str, content: bytes) -> Media:
    return Media(file=stored(folder, f"{name}.png", content), alt=f"A picture of {name}")


def test_a_picture_goes_with_its_description_and_its_shape(desk: Desk, tmp_path: Path) -> None:
    desk.create(Document(text="Look", media=(picture(tmp_path, "leaf", painted("leaf")),), url="https://a.example/1"))
    embed = desk.record()["embed"]
    (image,) = embed["images"]
    assert (image["alt"], image["aspectRatio"]) == ("A picture of leaf", {"width": 480, "height": 320})


def test_a_picture_that_is_too_large_is_made_smaller(desk: Desk, tmp_path: Path) -> None:
    assert len(noise()) > 2_000_000
    desk.create(Document(text="Look", media=(picture(tmp_path, "noise", noise()),)))
    (image,) = desk.record()["embed"]["images"]
    assert image["image"]["mimeType"] == "image/jpeg"
    assert image["image"]["size"] <= 2_000_000


def test_what_a_camera_has_noted_is_not_sent(desk: Desk, tmp_path: Path) -> None:
    output, notes = io.BytesIO(), Image.Exif()
    notes[0x010E] = "where I live"
    notes[0x0112] = 6  # lies on its side
    Image.new("RGB", (40, 20), "red").save(output, "JPEG", exif=notes)
    assert b"where I live" in output.getvalue()
    desk.create(Document(text="Look", media=(picture(tmp_path, "photo", output.getvalue()),)))
    (image,) = desk.record()["embed"]["images"]
    assert image["aspectRatio"] == {"width": 20, "height": 40}
    assert image["image"]["size"] < len(output.getvalue()) + 1000


def test_four_pictures_are_attached_and_the_others_stay_links(desk: Desk, tmp_path: Path) -> None:
    media = [picture(tmp_path / name, name, painted(name)) for name in ("leaf", "sea", "sunset", "night", "sand")]
    desk.create(Document(text="Look", media=tuple(media)))
    assert len(desk.record()["embed"]["images"]) == 4
    assert desk.texts() == ["Look\n\nA picture of sand"]


def test_what_is_no_picture_stays_in_the_text(desk: Desk, tmp_path: Path) -> None:
    desk.create(Document(text="Look", media=(picture(tmp_path, "text", b"no picture"),)))
    assert desk.texts() == ["Look\n\nA picture of text"]
    assert "embed" not in desk.record()


def test_a_file_that_the_server_has_forgotten_is_uploaded_again(desk: Desk, tmp_path: Path) -> None:
    document = Document(text="First", media=(picture(tmp_path, "leaf", painted("leaf")),))
    desk.create(document)
    desk.sandbox.plan_answers("bluesky", *[{"mode": "reset", "method": PUT}] * 2)
    with pytest.raises(Unavailable):
        desk.update(Document(text="Second", media=document.media))
    desk.sandbox.remove_post(desk.posts()[0]["rkey"])  # and with it the last record with that file
    desk.update(Document(text="Second", media=document.media))
    assert desk.texts() == ["Second"]
    assert len(desk.record()["embed"]["images"]) == 1
    assert len(desk.requests(UPLOAD)) == 3


def test_the_first_picture_can_be_shown_on_the_card_of_the_page(desk: Desk, tmp_path: Path) -> None:
    desk.set_options(card="always")
    media = (picture(tmp_path, "noise", noise()),)
    desk.create(Document(text="Look", media=media, url="https://site.example/1"))
    external = desk.record()["embed"]["external"]
    assert external["uri"] == "https://site.example/1"
    assert external["thumb"]["size"] <= 1_000_000

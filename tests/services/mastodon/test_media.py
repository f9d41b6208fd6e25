"""Media as values: files are read from storage, a video or a sound is attached alone, each has its description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage

from project.sandbox.pictures.album import film, painted
from syncqueue import Document, Media
from syncqueue.core.errors import RetryLater
from tests.files import field_file, stored
from tests.services.mastodon.desk import Desk


def shown(desk: Desk) -> list[tuple[str | None, str]]:
    """Description and form of what is attached."""
    [status] = desk.statuses()
    return [(medium["description"], medium["mime_type"]) for medium in status["media"]]


def at(desk: Desk, name: str, **values: Any) -> Media:
    return Media(url=f"{desk.sandbox.pictures_url}/{name}", **values)


def note(*media: Media | str, text: str = "Look") -> Document:
    return Document(text=text, media=media)


def test_a_file_is_read_from_its_storage_and_has_its_description(desk: Desk, tmp_path: Path) -> None:
    photo = stored(tmp_path, "leaf.png", painted("leaf"))
    desk.create(note(Media(file=photo, alt="A leaf")))
    assert shown(desk) == [("A leaf", "image/png")]
    assert desk.texts() == ["Look"]


def test_an_edit_of_the_text_uploads_no_file_again(desk: Desk, tmp_path: Path) -> None:
    photo = stored(tmp_path, "leaf.png", painted("leaf"))
    desk.create(note(Media(file=photo)))
    desk.update(note(Media(file=photo), text="Look again"))
    assert desk.texts() == ["Look again"]
    assert len(desk.requests("POST /media")) == 1


def test_a_file_that_is_not_there_stops_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.create(note(Media(file=field_file(FileSystemStorage(location=tmp_path), "leaf.png"), alt="A leaf")))
    assert desk.texts() == ["Look\n\nA leaf"]
    assert shown(desk) == []


class Failing(FileSystemStorage):
    """A bucket that is away."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        raise ConnectionError(f"https://bucket.example/{name}?sig=secret")


def test_a_storage_that_fails_is_waited_for_and_its_words_are_not_shown(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(RetryLater, match=r"The storage of leaf.png fails \(ConnectionError\)") as caught:
        desk.create(note(Media(file=field_file(Failing(location=tmp_path), "leaf.png"))))
    assert "secret" not in str(caught.value)
    assert desk.texts() == []


def test_a_file_outside_of_its_storage_is_not_read(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "outside.png").write_bytes(painted("leaf"))
    storage = FileSystemStorage(location=tmp_path / "inside")
    desk.create(note(Media(file=field_file(storage, "../outside.png"))))
    assert shown(desk) == []


@pytest.mark.parametrize(("name", "kind"), [("film.mp4", "video/mp4"), ("song.mp3", "audio/mpeg")])
def test_a_video_or_a_sound_is_attached_alone(desk: Desk, name: str, kind: str) -> None:
    desk.create(note(at(desk, name, alt="Waves"), at(desk, "leaf.png", alt="A leaf")))
    assert shown(desk) == [("Waves", kind)]
    assert desk.texts() == [f"Look\n\nA leaf: {desk.sandbox.pictures_url}/leaf.png"]
    desk.update(note(at(desk, name, alt="Waves"), at(desk, "leaf.png", alt="A leaf"), text="Look again"))
    assert shown(desk) == [("Waves", kind)]
    assert len(desk.requests("POST /media")) == 1


def test_a_video_behind_pictures_stays_a_link(desk: Desk) -> None:
    desk.create(note(at(desk, "leaf.png"), at(desk, "film.mp4")))
    assert shown(desk) == [(None, "image/png")]
    assert desk.texts() == [f"Look\n\n{desk.sandbox.pictures_url}/film.mp4"]


def test_what_is_to_be_a_file_stays_a_link(desk: Desk) -> None:
    desk.create(note(at(desk, "leaf.png", kind="file")))
    assert desk.texts() == [f"Look\n\n{desk.sandbox.pictures_url}/leaf.png"]
    assert not [entry for entry in desk.sandbox.log() if entry["service"] == "pictures"]


def test_what_is_not_of_the_kind_that_it_is_given_as_stays_a_link(desk: Desk) -> None:
    desk.create(note(at(desk, "film.mp4", kind="picture")))
    assert shown(desk) == []


def test_a_picture_that_is_taken_for_a_video_by_its_name_is_held_to_the_limit_of_pictures(
    desk: Desk, tmp_path: Path
) -> None:
    large = painted("leaf") + bytes(17 * 1024 * 1024)
    desk.create(note(Media(file=stored(tmp_path, "leaf.mp4", large), alt="A leaf")))
    assert desk.texts() == ["Look\n\nA leaf"]


def test_a_video_above_what_the_process_holds_stays_out(desk: Desk, tmp_path: Path) -> None:
    desk.create(note(Media(file=stored(tmp_path, "film.mp4", film() + bytes(41 * 1024 * 1024)))))
    assert shown(desk) == []
    assert not desk.requests("POST /media")


def test_a_signed_url_is_never_shown(desk: Desk) -> None:
    desk.create(note(at(desk, "missing.png?sig=secret", alt="A leaf")))
    assert desk.texts() == ["Look\n\nA leaf"]

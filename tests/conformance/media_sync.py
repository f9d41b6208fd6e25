"""Notes with pictures, for which the demo's table has no column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from django.core.files.storage import FileSystemStorage

from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from project.sandbox.pictures.album import painted
from syncqueue import Document, Media
from syncqueue.models import Destination
from tests.files import field_file, stored


class MediaSync(NoteSync):
    """Each note has the pictures of `by_note`, or those of `usual`, as files of a folder."""

    folder: ClassVar[Path]
    usual: ClassVar[tuple[str, ...]] = ()  # names of pictures
    by_note: ClassVar[dict[int, tuple[str, ...]]] = {}
    old: ClassVar[dict[int, str]] = {}  # copies from before

    def document(self, note: Note) -> Document:
        """With pictures."""
        names = self.by_note.get(note.pk, self.usual)
        return replace(super().document(note), media=tuple(map(self._picture, names)))

    def existing_remote(self, note: Note, destination: Destination) -> str | None:
        """See `old`."""
        return self.old.get(note.pk)

    @classmethod
    def _picture(cls, name: str) -> Media:
        folder = cls.folder / name
        if not folder.exists():
            stored(folder, f"{name}.png", painted(name))
        return Media(file=field_file(FileSystemStorage(location=folder), f"{name}.png"), alt=name)

"""The ModelSync classes of notes. Registered while a test of the suite runs, not when this module is imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile, FileField

from syncqueue.handlers.base import Document
from syncqueue.handlers.media import Media
from syncqueue.models import Destination
from syncqueue.sources import same_place
from syncqueue.sources.registry import ModelSync, register, unregister
from syncqueue.testing.conformance.notes.models import Note, Tag
from syncqueue.testing.conformance.pictures import painted


def notes_with(tag: Tag) -> QuerySet[Note]:
    """Return the notes that a change of a tag affects."""
    return Note.objects.filter(tags=tag)


class NoteSync(ModelSync):
    """Syncs notes as most sites would."""

    created_field = "created_at"
    changed_field = "updated_at"
    affected_by = {Tag: notes_with}
    prefetch = ("tags",)
    search_fields = {"writer": "bigint", "ismarkdown": "boolean", "createdat": "timestamp"}

    def document(self, note: Note) -> Document:
        """Return all columns."""
        return Document(
            text=note.text,
            format="markdown" if note.is_markdown else "plain",
            tags=tuple(tag.name for tag in note.tags.all()),
            is_private=note.is_private,
            url=f"http://127.0.0.1:8000/notes/{note.pk}/",
            fields={"writer": note.owner_id, "ismarkdown": note.is_markdown, "createdat": note.created_at},
        )

    def is_live(self, note: Note) -> bool:
        """Return False for notes in the trash."""
        return note.deleted_at is None


class SiteSync(NoteSync):
    """Adds what the table has no columns for: times, owners, and copies from before syncqueue."""

    times: ClassVar[dict[int, tuple[datetime | None, datetime | None]]] = {}  # by note: from when until when it is live
    old: ClassVar[dict[int, Any]] = {}  # by note: the copies from before

    def owner(self, note: Note) -> int | None:
        """Return the owner, once any owner has a destination."""
        return note.owner_id if Destination.objects.filter(owner__isnull=False).exists() else None

    def live_from(self, note: Note) -> datetime | None:
        """See `times`."""
        return self.times.get(note.pk, (None, None))[0]

    def live_until(self, note: Note) -> datetime | None:
        """See `times`."""
        return self.times.get(note.pk, (None, None))[1]

    def existing_remote(self, note: Note, destination: Destination) -> Any:
        """See `old`."""
        return self.old.get(note.pk)


class MediaSync(NoteSync):
    """Adds to each note the pictures of `by_note`, or those of `usual`, as files in a folder."""

    folder: ClassVar[Path]
    usual: ClassVar[tuple[str, ...]] = ()  # names of pictures
    by_note: ClassVar[dict[int, tuple[str, ...]]] = {}
    old: ClassVar[dict[int, str]] = {}  # copies from before

    def document(self, note: Note) -> Document:
        """Return the document with pictures."""
        names = self.by_note.get(note.pk, self.usual)
        return replace(super().document(note), media=tuple(map(self._picture, names)))

    def existing_remote(self, note: Note, destination: Destination) -> str | None:
        """See `old`."""
        return self.old.get(note.pk)

    @classmethod
    def _picture(cls, name: str) -> Media:
        storage = FileSystemStorage(location=cls.folder / name)
        file_name = f"{name}.png"
        if not storage.exists(file_name):
            storage.save(file_name, ContentFile(painted(name)))
        field = FileField(storage=storage)
        field.name = field.attname = "photo"
        return Media(file=FieldFile(None, field, file_name), alt=name)  # type: ignore[arg-type]


@contextmanager
def synced_by(sync_class: type[NoteSync]) -> Iterator[None]:
    """Sync notes by this class inside the block, whatever class synced them before, and by none afterwards."""
    unregister(Note)
    register(Note)(sync_class)
    same_place.forget()
    yield
    unregister(Note)

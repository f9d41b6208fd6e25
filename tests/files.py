"""Files as a model's FileField holds them, in a folder of the test."""

from __future__ import annotations

from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage
from django.db.models.fields.files import FieldFile, FileField


def field_file(storage: Storage, name: str) -> FieldFile:
    """The value of a FileField that names a file of a storage; "": an empty field."""
    field = FileField(storage=storage)
    field.name = field.attname = "photo"
    return FieldFile(None, field, name)  # type: ignore[arg-type]


def stored(folder: Path, name: str, content: bytes) -> FieldFile:
    """The value of a FileField whose file is in a folder."""
    storage = FileSystemStorage(location=folder)
    return field_file(storage, storage.save(name, ContentFile(content)))

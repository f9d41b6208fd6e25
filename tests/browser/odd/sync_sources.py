"""While the file RAISES_FILE exists, the code of the site raises for the notes "Odd owner" and "Odd document"."""

from __future__ import annotations

import os
from pathlib import Path

from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from syncqueue import Document

owners, document = NoteSync.owners, NoteSync.document


def raise_for(note: Note, text: str) -> None:
    """Raise for a note with this text; the text itself stays out of the message."""
    if note.text == text and Path(os.environ.get("RAISES_FILE", "")).is_file():
        raise LookupError("nothing is known of it")


def odd_owners(self: NoteSync, note: Note) -> list[int | None]:
    raise_for(note, "Odd owner")
    return owners(self, note)


def odd_document(self: NoteSync, note: Note) -> Document:
    raise_for(note, "Odd document")
    return document(self, note)


NoteSync.owners, NoteSync.document = odd_owners, odd_document  # type: ignore[method-assign]

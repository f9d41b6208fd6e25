"""How notes are synced."""

from __future__ import annotations

import syncqueue

from .models import Note


@syncqueue.register(Note)
class NoteSync(syncqueue.ModelSync):
    created_field = "created_at"
    changed_field = "updated_at"
    live_from = "live_from"
    live_until = "live_until"

    def document(self, note: Note) -> syncqueue.Document:
        return syncqueue.Document(text=note.text, tags=(note.tag,) if note.tag else (), is_private=note.is_private)

    def owner(self, note: Note) -> int | None:
        return note.owner_id

    def is_live(self, note: Note) -> bool:
        return not note.is_draft

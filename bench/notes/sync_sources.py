"""What syncqueue is told of it."""

from typing import Any

import syncqueue
from bench.notes.models import Note


@syncqueue.register(Note)
class NoteSync(syncqueue.ModelSync):
    """Every note, to the site's destinations."""

    created_field = "created_at"
    changed_field = "updated_at"

    def document(self, note: Note) -> syncqueue.Document:
        """Its text."""
        return syncqueue.Document(text=note.text)

    def owner(self, note: Note) -> Any:
        """The writer; None for the site's own destinations."""
        return note.owner

"""The notes of a site with more to say of them than the demo's: times, and copies from before syncqueue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from project.notes.models import Note
from project.notes.sync_sources import NoteSync
from syncqueue.models import Destination


class SiteSync(NoteSync):
    """What the notes' table has no columns for."""

    times: dict[int, tuple[datetime | None, datetime | None]] = {}  # by note: from when until when it is live
    old: dict[int, Any] = {}  # by note: the copies from before

    def owner(self, note: Note) -> int | None:
        """The owner, once one has a destination."""
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

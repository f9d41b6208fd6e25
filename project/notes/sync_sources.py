"""The registration of notes with syncqueue."""

from typing import TYPE_CHECKING

from django.conf import settings

import syncqueue
from syncqueue.models import Destination, DestinationState

from .models import Note, Tag

if TYPE_CHECKING:
    from django.db.models import QuerySet


@syncqueue.register(Note)
class NoteSync(syncqueue.ModelSync):
    created_field = "created_at"
    changed_field = "updated_at"
    affected_by = {Tag: lambda tag: notes_with(tag)}
    prefetch = ("tags",)
    # Additional columns of the search index: the owner, so that a search only finds the user's own notes, and others.
    search_fields = {"userid": "bigint", "ismarkdown": "boolean", "createdat": "timestamp"}

    def document(self, note: Note) -> syncqueue.Document:
        return syncqueue.Document(
            text=note.text,
            format="markdown" if note.is_markdown else "plain",
            tags=tuple(tag.name for tag in note.tags.all()),
            is_private=note.is_private,
            url=settings.SITE_URL + note.get_absolute_url(),
            fields={"userid": note.owner_id, "ismarkdown": note.is_markdown, "createdat": note.created_at},
        )

    def owner(self, note: Note) -> int | None:
        # All new notes of a writer with own destinations go there, instead of the site-wide ones (and their search
        # index); the notes of all others go to the site-wide destinations (DESTINATIONS in the environment). Existing
        # copies stay where they are and are kept up to date.
        return note.owner_id if settings.OWN_DESTINATIONS and has_own_destinations(note.owner_id) else None

    def is_live(self, note: Note) -> bool:
        return note.deleted_at is None


def has_own_destinations(user_id: int) -> bool:
    """Return whether the user has own destinations, even disabled ones: their notes must not go to site-wide ones."""
    # Queried for each note and never cached: web processes and workers must see a new destination immediately.
    return Destination.objects.filter(owner_id=user_id, state=DestinationState.ACTIVE).exists()


def notes_with(tag: Tag) -> "QuerySet[Note]":
    return Note.objects.filter(tags=tag)

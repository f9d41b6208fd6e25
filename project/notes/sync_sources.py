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
    live_from = "publish_at"
    live_until = "expires_at"
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
        return note.owner_id if settings.OWN_DESTINATIONS else None

    def owners(self, note: Note) -> list[int | None]:
        # The writer and the site, whose search finds the note.
        return [self.owner(note), None] if settings.OWN_DESTINATIONS else [self.owner(note)]

    def at(
        self, note: Note, destination: syncqueue.DestinationInfo, document: syncqueue.Document
    ) -> syncqueue.Document | None:
        # Notes of a writer with own destinations go there, and to the search index of the site, but not to the site's
        # channels; the notes of all others go to the site-wide destinations (DESTINATIONS in the environment). Older
        # notes stay where they are and are kept up to date.
        is_sites_channel = destination.owner is None and destination.service != "manticore"
        return None if is_sites_channel and settings.OWN_DESTINATIONS and had_own_destinations(note) else document

    def is_live(self, note: Note) -> bool:
        return note.deleted_at is None


def had_own_destinations(note: Note) -> bool:
    """Return whether the note's owner had own destinations when it was written, even disabled ones."""
    own = Destination.objects.filter(owner_id=note.owner_id, state=DestinationState.ACTIVE)
    return own.filter(created_at__lte=note.created_at).exists()


def notes_with(tag: Tag) -> "QuerySet[Note]":
    return Note.objects.filter(tags=tag)

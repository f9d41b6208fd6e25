"""What syncqueue needs to know about notes."""

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
    # Columns of the search index, beside text and tags: whose note it is, so that nobody finds another person's.
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
        # A writer who has destinations of their own uses those, for all new notes and in place of the site's (its
        # search index too); everybody else's notes go to the site's (DESTINATIONS in the environment). Copies that are
        # out there already stay where they are and are kept up to date.
        return note.owner_id if settings.OWN_DESTINATIONS and has_own_destinations(note.owner_id) else None

    def is_live(self, note: Note) -> bool:
        return note.deleted_at is None


def has_own_destinations(user_id: int) -> bool:
    """Also where all are switched off: what is meant for a channel of one's own must not turn up in the site's."""
    # Asked anew for each note and never remembered: web processes and workers must see a new destination at once.
    return Destination.objects.filter(owner_id=user_id, state=DestinationState.ACTIVE).exists()


def notes_with(tag: Tag) -> "QuerySet[Note]":
    return Note.objects.filter(tags=tag)

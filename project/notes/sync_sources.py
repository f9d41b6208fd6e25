"""What syncqueue needs to know about notes."""

from typing import TYPE_CHECKING

from django.conf import settings

import syncqueue

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

    def owner(self, note: Note) -> None:
        # The channels belong to the site (DESTINATIONS in the environment), and everybody's notes go there.
        # A site whose people bring channels of their own answers note.owner here.
        return None

    def is_live(self, note: Note) -> bool:
        return note.deleted_at is None


def notes_with(tag: Tag) -> "QuerySet[Note]":
    return Note.objects.filter(tags=tag)

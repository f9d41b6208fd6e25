"""Search in the user's own notes, in the Manticore Search table that syncqueue keeps up to date."""

from functools import cached_property
from typing import TYPE_CHECKING

from django.conf import settings

from syncqueue.models import Destination

from .models import Note, NoteQuerySet

if TYPE_CHECKING:
    from syncqueue.handlers.manticore import Results

SERVICE = "manticore"
MAX_NOTES = 1000  # results that can be paged through; a query with more needs more words


def is_searchable() -> bool:
    """Return whether the site has a search index."""
    return SERVICE in settings.SYNCQUEUE["HANDLERS"]


class FoundNotes:
    """The notes of a user that match a query, for a Paginator. Raises syncqueue's `HandlerError`."""

    def __init__(self, own: NoteQuerySet, owner_id: int | None, query: str, first_count: int) -> None:
        """`first_count`: size of the first page, which is read together with the count."""
        self._own = own
        self._owner_id = owner_id
        self._query = query
        self._first_count = first_count

    def count(self) -> int:
        return min(self._first.total, MAX_NOTES)

    def __getitem__(self, page: slice) -> list[Note]:
        start, stop = page.start or 0, page.stop or self.count()
        is_first = start == 0 and stop <= self._first_count
        results = self._first if is_first else self._search(stop - start, start)
        keys = [hit.object_pk for hit in results.hits]
        # Read from the database again: the index may be slightly out of date, and only the owner's notes may be shown.
        notes = {str(note.pk): note for note in self._own.filter(pk__in=keys)}
        return [notes[key] for key in keys if key in notes]

    @cached_property
    def _first(self) -> "Results":
        return self._search(self._first_count, 0)

    def _search(self, limit: int, offset: int) -> "Results":
        # Imported here, because a site without an index need not install Manticore's library.
        from syncqueue.handlers.manticore import Results, search

        place = Destination.objects.filter(service=SERVICE, owner=None, enabled=True).order_by("pk").first()
        if place is None or not self._query:
            return Results(total=0)
        own = {"object_source": Note._meta.label_lower, "userid": self._owner_id}
        return search(place.address, self._query, own, limit, offset, secret=place.secret)

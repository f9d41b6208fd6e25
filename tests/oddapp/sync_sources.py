"""How the models are synced. What a test breaks it breaks by patching these classes."""

from __future__ import annotations

from typing import Any

import syncqueue

from .models import (
    Archived,
    Book,
    ByDecimal,
    ByMoment,
    BySlug,
    ByUuid,
    Daily,
    Fragile,
    Hidden,
    Link,
    Memo,
    Page,
    Topic,
    Undated,
    Written,
)


@syncqueue.register(Memo, ByUuid, ByDecimal, ByMoment, BySlug, Fragile, Hidden, Archived, Page)
class TextSync(syncqueue.ModelSync):
    """The text is all there is."""

    created_field = "created_at"
    changed_field = "updated_at"

    def document(self, obj: Any) -> syncqueue.Document:
        """The text."""
        return syncqueue.Document(text=obj.text)


@syncqueue.register(Undated)
class UndatedSync(TextSync):
    """The dates may be empty."""


@syncqueue.register(Daily)
class DailySync(TextSync):
    """Counts by days."""

    created_field = "day"


@syncqueue.register(Written)
class WrittenSync(TextSync):
    """Raises for objects without an author, as many sites' code does."""

    def owner(self, obj: Written) -> None:
        """The site's own destinations, for whoever has a name."""
        assert obj.author.name  # type: ignore[union-attr]  # noqa: S101


@syncqueue.register(Book)
class BookSync(TextSync):
    """With its topics and links."""

    affected_by = {  # noqa: RUF012
        Topic: lambda topic: topic.books.all(),
        Link: lambda link: [link.target] if isinstance(link.target, Book) else [],
    }

    def document(self, obj: Book) -> syncqueue.Document:
        """The text, and the names of the topics."""
        names = ", ".join(sorted(topic.name for topic in obj.topics.all()))
        return syncqueue.Document(text=f"{obj.text} ({names})" if names else obj.text)

"""Notes with tags: all the content that the suite needs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class Tag(models.Model):
    """A word by which a note is found."""

    name = models.CharField(max_length=50, unique=True)

    def __str__(self) -> str:
        """Return the word."""
        return self.name


class Note(models.Model):
    """A note of a user. `deleted_at`: when it was put into the trash."""

    # In a site's own tests, this table exists beside the site's tables and must not slow down the deletion of a user.
    owner: models.ForeignKey[Any, Any] = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    text = models.TextField()
    is_markdown = models.BooleanField(default=False)
    is_private = models.BooleanField(default=False)
    tags: models.ManyToManyField[Tag, Any] = models.ManyToManyField(Tag, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    objects: ClassVar[models.Manager[Note]] = models.Manager()

    def __str__(self) -> str:
        """Return the first line, cut."""
        return self.text.strip().split("\n", 1)[0][:60]

    def soft_delete(self) -> None:
        """Put the note into the trash."""
        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at", "updated_at"])

    def restore(self) -> None:
        """Take the note out of the trash."""
        self.deleted_at = None
        self.save(update_fields=["deleted_at", "updated_at"])

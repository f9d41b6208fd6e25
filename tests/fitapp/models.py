"""Models as sites build them: each with one thing that a syncing app could stumble over."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from safedelete.config import SOFT_DELETE_CASCADE
from safedelete.models import SafeDeleteModel
from simple_history.models import HistoricalRecords


class Dated(models.Model):
    """What every one of them has."""

    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        """The text."""
        return self.text


class Plain(Dated):
    """Nothing special."""


class Keyed(Dated):
    """Its key is a UUID, known before it is saved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)


class Historic(Dated):
    """django-simple-history keeps a row for each of its saves."""

    history = HistoricalRecords()


class Soft(SafeDeleteModel, Dated):
    """django-safedelete keeps what is deleted, and its manager hides it."""

    _safedelete_policy = SOFT_DELETE_CASCADE


class PlainProxy(Plain):
    """The same table by another name."""

    class Meta:
        proxy = True


class Page(Dated):
    """A table that another one extends."""


class Article(Page):
    """Rows of two tables (multi-table inheritance)."""

    lead = models.TextField(default="")


class TenantManager(models.Manager["Owned"]):
    """Shows the objects of one tenant alone, as a middleware sets it."""

    tenant: ClassVar[str] = ""

    def get_queryset(self) -> models.QuerySet[Owned]:
        """What the tenant of this request may see."""
        return super().get_queryset().filter(tenant=self.tenant)


class Owned(Dated):
    """Belongs to a tenant; the default manager filters."""

    tenant = models.CharField(max_length=20)

    objects = TenantManager()


class Post(models.Model):
    """A blog post, as docs/howto/recipes.md describes it."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    title = models.CharField(max_length=200)
    text = models.TextField()
    category = models.CharField(max_length=50, blank=True)
    on_mastodon = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    restored_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    def __str__(self) -> str:
        """The title."""
        return self.title

    @property
    def in_force_since(self) -> datetime:
        """When it was restored, or written."""
        return self.restored_at or self.created_at

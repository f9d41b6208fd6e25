"""Models as they are out there: one oddity each, beside healthy notes (`Memo`)."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Dated(models.Model):
    """What nearly every one of them has."""

    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        """The text."""
        return self.text


class Memo(Dated):
    """Healthy."""

    links = GenericRelation("oddapp.Link")


class MemoProxy(Memo):
    """The same table by another name."""

    class Meta:
        proxy = True


class Writer(models.Model):
    """Who writes; not a user of the site."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        """The name."""
        return self.name


class Written(Dated):
    """Its owner is found by a relation that may be empty."""

    author = models.ForeignKey(Writer, null=True, on_delete=models.SET_NULL)


class ByUuid(Dated):
    """Its key is a UUID, which sites write as text, too."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)


class ByDecimal(Dated):
    """Its key is a number with two places."""

    id = models.DecimalField(primary_key=True, max_digits=8, decimal_places=2)


class ByMoment(Dated):
    """Its key is a moment."""

    id = models.DateTimeField(primary_key=True)


class BySlug(Dated):
    """Its key is a text."""

    id = models.SlugField(primary_key=True, max_length=200)


class ByUuidChild(ByUuid):
    """A second table, whose key is the first one's."""

    lead = models.TextField(default="")


class ByLongText(Dated):
    """Its key may be longer than what a record can hold."""

    id = models.CharField(primary_key=True, max_length=300)


class ByTwo(Dated):
    """Its key has two columns."""

    pk = models.CompositePrimaryKey("tenant", "number")
    tenant = models.IntegerField()
    number = models.IntegerField()


class Undated(models.Model):
    """Both dates may be empty."""

    text = models.TextField()
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        """The text."""
        return self.text


class Daily(Dated):
    """A day says when it was published, as in Django's tutorial."""

    day = models.DateField()

    @property
    def first_day(self) -> Any:
        """A date that is computed, and may fail."""
        if self.text == "No day":
            raise LookupError("no day is known")
        return self.day


class FragileField(models.TextField):  # type: ignore[type-arg]
    """Holds texts that can be read, and some that cannot."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """Raise for what was written by another version of the site."""
        if value == "v0":
            raise ValueError("a value of version 0")
        return value


class Fragile(Dated):
    """Some of its rows cannot be read."""

    value = FragileField(default="v1")


class Hidden(Dated):
    """Its own manager shows none of its objects."""

    class Hiding(models.Manager["Hidden"]):
        """Shows nothing."""

        def get_queryset(self) -> models.QuerySet[Hidden]:
            """No object."""
            return super().get_queryset().none()

    objects = Hiding()
    everything = models.Manager["Hidden"]()


class Archived(Dated):
    """Lives in the second database."""


class Page(Dated):
    """A table that another one extends."""


class Article(Page):
    """Rows of two tables."""

    lead = models.TextField(default="")


class Bookcase(models.Model):
    """Has books, which go with it."""

    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        """The name."""
        return self.name


class Book(Dated):
    """Goes with its bookcase."""

    shelf = models.ForeignKey(Bookcase, on_delete=models.CASCADE)


class Topic(models.Model):
    """Concerns books: a change of its name is a change of theirs."""

    name = models.CharField(max_length=50)
    books = models.ManyToManyField(Book, related_name="topics")

    def __str__(self) -> str:
        """The name."""
        return self.name


class Link(models.Model):
    """Hangs on any object."""

    # Without a constraint: tables without migrations are made before those of django.contrib.
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE, db_constraint=False)
    object_id = models.PositiveBigIntegerField()
    target = GenericForeignKey("content_type", "object_id")
    url = models.URLField()

    def __str__(self) -> str:
        """The URL."""
        return self.url


class Visit(models.Model):
    """Nothing that is synced, and many of it, as sessions are."""

    path = models.CharField(max_length=100)

    def __str__(self) -> str:
        """The path."""
        return self.path

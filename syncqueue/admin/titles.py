"""Titles of objects, as the site's own `__str__` returns them, for a whole page of a list at once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_permission_codename
from django.db import Error as DatabaseError
from django.db.models import Model
from django.utils.text import Truncator

from syncqueue.admin.links import object_words
from syncqueue.core.answer import Asked
from syncqueue.sources import gate
from syncqueue.sources.registry import ModelSync, source_by_label
from syncqueue.sources.walk import table

logger = logging.getLogger("syncqueue.admin")

TITLE_CHARACTERS = 60


class Titles:
    """The titles of some objects; an object without a title is shown as "Note 42"."""

    def __init__(self, found: Mapping[tuple[str, str], str]) -> None:
        """`found` maps source and primary key to a title."""
        self._found = found

    def words(self, source: str, pk: str) -> str:
        """Return "Hello (Note 42)", or "Note 42" without a title."""
        name, title = object_words(source, pk), self._found.get((source, pk), "")
        return f"{title} ({name})" if title else name

    def entity_words(self, entity: str) -> str:
        """Return the same for "notes.note:42", or `entity` itself if it has another form."""
        source, colon, pk = entity.partition(":")
        return self.words(source, pk) if colon and pk and "." in source else entity


def titles(user: Any, objects: Iterable[tuple[str, str]]) -> Titles:
    """Read the titles of objects, given as source and primary key, with one query for each model.

    A title is part of an object, so it is read only for users who may view objects of its model.
    """
    keys: dict[str, set[str]] = {}
    for source, pk in objects:
        keys.setdefault(source, set()).add(pk)
    found: dict[tuple[str, str], str] = {}
    for label, texts in keys.items():
        source_found = source_by_label(label)
        if source_found is not None and _may_view(user, source_found.model):
            found |= {(label, pk): title for pk, title in _read(source_found, texts).items()}
    return Titles(found)


def entity_titles(user: Any, entities: Iterable[str]) -> Titles:
    """Read the titles of objects by the entities of tasks: "notes.note:42"."""
    parts = (entity.partition(":") for entity in entities)
    return titles(user, [(source, pk) for source, colon, pk in parts if colon and pk])


def _may_view(user: Any, model: type[Model]) -> bool:
    rights = (f"{model._meta.app_label}.{get_permission_codename(name, model._meta)}" for name in ("view", "change"))
    return any(user.has_perm(right) for right in rights)


def _read(source: ModelSync, texts: Iterable[str]) -> dict[str, str]:
    if source.model.__str__ is Model.__str__:
        return {}  # "Note object (42)" is less informative than "Note 42"
    try:
        objects = gate.read_texts(source, texts, table(source))
    except DatabaseError as error:  # the model's database is unavailable; the page works without titles
        logger.warning("The titles of %s cannot be read: %s", source.label, error)
        return {}
    found = {}
    for text, obj in objects.items():
        title = gate.title(source, obj.value) if isinstance(obj, Asked) else None
        if isinstance(title, Asked) and title.value.strip():
            found[text] = Truncator(" ".join(title.value.split())).chars(TITLE_CHARACTERS)
    return found

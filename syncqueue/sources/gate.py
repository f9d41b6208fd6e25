"""The gate to a site's ModelSync classes and models: no other module calls them.

An exception of the site's code concerns one object. It is logged with the object and the class, and returned as
`Refused`, so that a walk skips the object, only its own attempt fails, and a page says why. Two kinds of exceptions are
raised nevertheless, because the object is not their cause: an unavailable database, and an error inside a transaction,
which is unusable after that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connections
from django.db.models import Model, QuerySet, prefetch_related_objects
from django.utils import timezone

from syncqueue.core.answer import REASON_CHARACTERS, Answer, Asked, Refused, words
from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import Document, RemotePart
from syncqueue.models import Destination
from syncqueue.secrets import redact
from syncqueue.site import record_db
from syncqueue.sources.keys import UnreadableKey, key_of, key_text
from syncqueue.sources.registry import DestinationInfo, ModelSync, home_db

T = TypeVar("T")
M = TypeVar("M", bound=Model)
logger = logging.getLogger("syncqueue.sources")

# An object with an empty `created_field` counts as older than every destination.
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def owner_keys(source: ModelSync, obj: Any) -> Answer[frozenset[Any]]:
    """Return the primary keys of the object's owners; None among them stands for the site-wide destinations."""

    def ask() -> frozenset[Any]:
        owners: Any = source.owners(obj)
        if isinstance(owners, str) or not isinstance(owners, Iterable):
            raise TypeError(f"it returns a {type(owners).__name__}, where a list of users is expected")
        return frozenset(_owner_key(owner) for owner in owners)

    return _ask(source, obj, "owners()" if names_all_owners(source) else "owner()", ask)


def parties(source: ModelSync, obj: Any) -> Answer[frozenset[Any]]:
    """Return the owners whose destinations may have an object: with `owner`, the site keeps what it has published."""
    owners = owner_keys(source, obj)
    if isinstance(owners, Refused) or names_all_owners(source):
        return owners
    return Asked(owners.value | {None})


def names_all_owners(source: ModelSync) -> bool:
    """Return whether the site implements `owners`, not only its short form `owner`."""
    return type(source).owners is not ModelSync.owners


def _owner_key(owner: Any) -> Any:
    people = get_user_model()
    if isinstance(owner, Model):
        if not isinstance(owner, people):
            raise TypeError(f"it returns a {type(owner).__name__}, where a {people._meta.label} is expected")
        if owner.pk is None:
            raise ValueError("it returns a user that is not saved yet")
    return None if owner is None else key_of(people, owner)


def created_at(source: ModelSync, obj: Any) -> Answer[datetime | None]:
    """Return when the object was created; None: unknown, it counts as new.

    A date counts as its last moment. An object with an empty field counts as older than every destination.
    """
    name = source.created_field
    return _ask(source, obj, f"created_field ({name!r})", lambda: _created(obj, name))


def _created(obj: Any, name: str | None) -> datetime | None:
    if name is None:
        return None
    value = getattr(obj, name)
    if value is None:
        return _BEFORE_ALL
    if isinstance(value, date) and not isinstance(value, datetime):
        return timezone.make_aware(datetime.combine(value, time.max))
    return _moment(value)


def changed_at(source: ModelSync, obj: Any) -> Answer[datetime | None]:
    """Return when the object was last changed, by `changed_field`; None if unknown."""
    name = source.changed_field
    return _ask(source, obj, f"changed_field ({name!r})", lambda: _moment(getattr(obj, name)) if name else None)


def _moment(value: Any) -> datetime | None:
    # The value may be a database expression (Now()) until the object is read again.
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The result of a ModelSync for an object at one destination."""

    live: bool  # True: live, or kept there although it is not live
    document: Document | None  # None: it is not live, or `at` returned None


def content(source: ModelSync, obj: Any, destination: Destination) -> Answer[Content]:
    """Return the object's document for one destination."""

    def ask() -> Document | None:
        if not source.is_live(obj) and destination.service not in source.keeps:
            return None
        document: Any = source.document(obj)
        if not isinstance(document, Document):
            got = type(document).__name__
            raise ConfigurationError(f"{type(source).__name__}.document() answered {got}, no Document.")
        return document

    def ask_at(document: Document) -> Document | None:
        found: Any = source.at(obj, _info(destination), document)
        if found is not None and not isinstance(found, Document):
            got = type(found).__name__
            raise ConfigurationError(f"{type(source).__name__}.at() answered {got}; expected a Document or None.")
        return replace(found, field_types=source.search_fields) if found and source.search_fields else found

    general = _ask(source, obj, "document()", ask)
    if isinstance(general, Refused):
        return general
    if (document := general.value) is None:
        return Asked(Content(live=False, document=None))
    special = _ask(source, obj, "at()", lambda: ask_at(document))
    return special if isinstance(special, Refused) else Asked(Content(live=True, document=special.value))


def _info(destination: Destination) -> DestinationInfo:
    return DestinationInfo(
        id=destination.pk,
        name=destination.name,
        service=destination.service,
        owner=destination.owner_id,
        address=destination.current_address,
        options=MappingProxyType(deepcopy(destination.current_options)),
    )


def title(source: ModelSync, obj: Any) -> Answer[str]:
    """Return the object's title, as its `__str__` returns it."""
    return _ask(source, obj, "model.__str__()", lambda: str(obj))


def live_times(source: ModelSync, obj: Any) -> Answer[tuple[datetime | None, datetime | None]]:
    """Return when the copies of an object appear and disappear, by `live_from` and `live_until`; None: always."""

    def ask() -> tuple[datetime | None, datetime | None]:
        return _time(source, obj, "live_from", days=0), _time(source, obj, "live_until", days=1)

    return _ask(source, obj, "live_from, live_until", ask)


def _time(source: ModelSync, obj: Any, name: str, *, days: int) -> datetime | None:
    """Return a time; a date stands for the beginning of the day `days` later."""
    declared = getattr(source, name)
    value = getattr(obj, declared) if isinstance(declared, str) else declared(obj) if callable(declared) else None
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):  # the whole day, in the site's time zone
        return timezone.make_aware(datetime.combine(value + timedelta(days=days), time.min))
    raise ConfigurationError(
        f"{type(source).__name__}.{name} is {value!r}; expected an aware datetime, a date or None."
    )


def existing_remote(source: ModelSync, obj: Any, destination: Destination) -> Answer[tuple[RemotePart, ...]]:
    """Return the copies that existed before syncqueue. If the site returns only an id, kind and address are ""."""
    if not adopts(source):
        return Asked(())

    def ask() -> tuple[RemotePart, ...]:
        found: Any = source.existing_remote(obj, destination)
        several = found if isinstance(found, list | tuple) else [found]
        return tuple(_existing_part(one) for one in several if one not in (None, ""))

    return _ask(source, obj, "existing_remote()", ask)


def _existing_part(found: Any) -> RemotePart:
    id_: Any = found.id if isinstance(found, RemotePart) else found
    if isinstance(id_, int | UUID) and not isinstance(id_, bool):
        id_ = str(id_)
    # Databases do not accept unprintable characters in a JSON value.
    if not isinstance(id_, str) or not id_ or not id_.isprintable():
        expected = "an id, a RemotePart, a list of them or None"
        raise ConfigurationError(f"{type(found).__name__} was returned by existing_remote(): expected {expected}.")
    return replace(found, id=id_) if isinstance(found, RemotePart) else RemotePart(kind="", id=id_)


def adopts(source: ModelSync) -> bool:
    """Return whether the ModelSync implements `existing_remote`."""
    return type(source).existing_remote is not ModelSync.existing_remote


@dataclass(frozen=True, slots=True)
class Affected:
    """The objects of one source that a related object affects."""

    source: ModelSync
    objects: list[Model]
    more: bool  # there are more than `limit`


def affected(source: ModelSync, related: Model, limit: int) -> Answer[Affected]:
    """Return the first `limit` objects of a source that a related object affects, and whether there are more."""
    found = [ask for model, ask in source.affected_by.items() if isinstance(related, model)]

    def ask() -> Affected:
        objects: list[Model] = []
        for function in found:
            rows = function(related)
            if isinstance(rows, QuerySet) and not rows.query.is_sliced:
                rows = read(source, rows[: limit + 1]).objects
            objects += _checked(source, islice(rows, limit + 1))
        return Affected(source, objects[:limit], len(objects) > limit)

    return _ask(source, related, f"affected_by[{type(related).__name__}]", ask)


def affected_objects(source: ModelSync, related: Model) -> Answer[list[Model]]:
    """Return all objects of a source that a related object affects."""
    return _ask(
        source,
        related,
        f"affected_by[{type(related).__name__}]",
        lambda: [
            obj
            for model, ask in source.affected_by.items()
            if isinstance(related, model)
            for obj in _checked(source, _read_all(source, ask(related)))
        ],
    )


def _read_all(source: ModelSync, rows: Iterable[Any]) -> Iterable[Any]:
    return read(source, rows).objects if isinstance(rows, QuerySet) else rows


def _checked(source: ModelSync, objects: Iterable[Any]) -> Iterator[Model]:
    for obj in objects:
        if not isinstance(obj, source.model):
            raise TypeError(
                f"it returns {type(obj).__name__}, where objects of {source.model._meta.label} are expected"
            )
        yield obj


# Reading rows: a custom field of the site may raise for one row of many


@dataclass(slots=True)
class Reading:
    """Rows that were read, in their order, and rows that could not be read."""

    objects: list[Any] = field(default_factory=list)
    refused: dict[Any, Refused] = field(default_factory=dict)  # by primary key
    last_key: Any = None  # of the last row, readable or not
    count: int = 0  # number of all rows


def read(source: ModelSync, rows: QuerySet[Any]) -> Reading:
    """Read the rows of a query. If that raises, the rows are read in halves until the failing rows are isolated."""
    try:
        objects = list(rows)
    except Exception as error:
        raise_outage(source, error)
        keys = list(rows.values_list("pk", flat=True))
        reading = Reading(last_key=keys[-1] if keys else None, count=len(keys))
        table = source.model._base_manager.using(rows.db)
        found: dict[Any, Any] = {}
        _read_halves(source, table, keys, found, reading.refused)
        reading.objects = [found[key] for key in keys if key in found]
        return reading
    return Reading(objects=objects, last_key=objects[-1].pk if objects else None, count=len(objects))


def _read_halves(
    source: ModelSync, table: QuerySet[Any], keys: Sequence[Any], found: dict[Any, Any], refused: dict[Any, Refused]
) -> None:
    try:
        found.update({obj.pk: obj for obj in table.filter(pk__in=keys)})
    except Exception as error:
        raise_outage(source, error)
        if len(keys) == 1:
            refused[keys[0]] = refuse(source, keys[0], "the row cannot be read", error)
            return
        half = len(keys) // 2
        _read_halves(source, table, keys[:half], found, refused)
        _read_halves(source, table, keys[half:], found, refused)


def read_texts(source: ModelSync, texts: Iterable[str], table: QuerySet[Any]) -> dict[str, Asked[Any] | Refused | None]:
    """Return objects by the texts of their keys, with the relations of `prefetch`; None: there is no such object."""
    keys: dict[str, Any] = {}
    found: dict[str, Asked[Any] | Refused | None] = {}
    for text in texts:
        try:
            keys[text] = key_of(source.model, text)
        except UnreadableKey as error:
            found[text] = Refused(f"{source.label}:{text}: {error}."[:REASON_CHARACTERS], error)
    reading = read(source, table.filter(pk__in=list(keys.values())).order_by())
    known: dict[str, Asked[Any] | Refused] = {
        key_text(source.model, key): refused for key, refused in reading.refused.items()
    }
    for obj in reading.objects:
        known[key_text(source.model, obj.pk)] = Asked(obj)
    for obj, refused in prefetch(source, reading.objects):
        known[key_text(source.model, obj.pk)] = refused
    for text, key in keys.items():
        found[text] = known.get(key_text(source.model, key))
    return found


def prefetch(source: ModelSync, objects: Sequence[Any]) -> list[tuple[Any, Refused]]:
    """Read the relations of `prefetch` for all objects; returns the objects for which that raises."""
    if not source.prefetch or not objects:
        return []
    try:
        prefetch_related_objects(objects, *source.prefetch)
    except Exception as error:
        raise_outage(source, error)
        if len(objects) == 1:
            return [(objects[0], refuse(source, objects[0].pk, f"prefetch {tuple(source.prefetch)!r}", error))]
        return [one for obj in objects for one in prefetch(source, [obj])]
    return []


def _ask(source: ModelSync, obj: Any, what: str, call: Callable[[], T]) -> Answer[T]:
    try:
        return Asked(call())
    except Exception as error:  # the site's own code may raise anything
        raise_outage(source, error)
        return refuse(source, getattr(obj, "pk", None), what, error, obj)


def refuse(source: ModelSync, key: Any, what: str, error: Exception, obj: Any = None) -> Refused:
    """Log that an object is skipped, and return why, for people. `what`: the part of the ModelSync that raised."""
    label = obj._meta.label_lower if isinstance(obj, Model) else source.label
    text = f"{label}:{key}: {type(source).__name__}.{what} raised {words(error)}"
    if isinstance(error, ConfigurationError | ImproperlyConfigured):
        text = f"{label}:{key}: {error}"
    refused = Refused(redact(text)[:REASON_CHARACTERS], error)
    logger.error("%s", refused.reason, exc_info=error, extra={"source": source.label, "object_pk": str(key)})
    return refused


def raise_outage(source: ModelSync, error: Exception) -> None:
    """Raise `error` again if it is a database error that the object did not cause."""
    aliases = {record_db(), home_db(source.model)}
    if isinstance(error, DatabaseError) and any(_is_unusable(alias, error) for alias in aliases):
        raise error


def _is_unusable(alias: str, error: Exception) -> bool:
    connection = connections[alias]
    if connection.in_atomic_block or "locked" in str(error):
        return True
    try:
        connection.ensure_connection()
        return not connection.is_usable()
    except DatabaseError:
        return True

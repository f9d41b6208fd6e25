"""The registered models and their ModelSync classes: one per model, registered like a ModelAdmin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from django.apps import apps
from django.db import router
from django.db.models import Model
from django.utils.module_loading import module_has_submodule

from syncqueue.conf import get_settings
from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import Document, RemotePart
from syncqueue.models import Destination
from syncqueue.sources.registration import problems

S = TypeVar("S", bound="type[ModelSync]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationInfo:
    """A read-only description of a destination for `ModelSync.at`, without its secret."""

    id: int  # primary key of the Destination
    name: str  # for people
    service: str  # "telegram"
    owner: Any  # primary key of its owner; None: site-wide
    address: str  # the channel, account or table
    options: Mapping[str, Any]  # a copy


class ModelSync:
    """Describes how the objects of one model are synced. Subclass it and register the class with `register`.

    The methods run in web processes and in the worker. Their exceptions are logged, and the object is tried again.
    """

    # Name of the field with the creation time, which is compared with a destination's start: older objects are not
    # posted. A DateTimeField, a DateField (a day counts as its last moment) or a property. None: every object counts as
    # new. An object with an empty value counts as older than every destination.
    created_field: ClassVar[str | None] = None
    # Name of a DateTimeField that changes with each save (auto_now). With it, the sweep finds changes that sent no
    # signal. Index it. The sweep does not find objects with an empty value.
    changed_field: ClassVar[str | None] = None
    # When the copy appears and when it disappears: the name of a field, or a method that returns an aware datetime or
    # None (always). `is_live` must not depend on the clock, because it is not called again when the time comes.
    live_from: ClassVar[str | Callable[..., datetime | None] | None] = None
    live_until: ClassVar[str | Callable[..., datetime | None] | None] = None
    # Names of fields; a save(update_fields=...) with none of them is ignored. None: every save counts.
    watch: ClassVar[Iterable[str] | None] = None
    # Related models whose changes affect objects of this model: a function that returns the affected objects.
    affected_by: ClassVar[Mapping[type[Model], Callable[[Any], Iterable[Model]]]] = {}
    # Relations that document() uses ("tags"): they are read for all objects of a batch with one query each.
    prefetch: ClassVar[Iterable[str]] = ()
    # Additional columns of a search index by name: {"userid": "integer", "createdat": "timestamp"}. Their values come
    # from Document.fields. Types: text string integer bigint float boolean timestamp multi json.
    search_fields: ClassVar[Mapping[str, str]] = {}
    # Services whose destinations keep objects that are not live, such as an index for searching the trash:
    # ("manticore",). `document` and `at` are called for these objects too. Deleted objects are removed everywhere.
    keeps: ClassVar[Collection[str]] = ()

    def __init__(self, model: type[Model]) -> None:
        """`model`: the model for which the class is registered."""
        self.model = model
        self.label = model._meta.label_lower

    def document(self, obj: Any) -> Document:
        """Return the content of an object, for all services."""
        raise ConfigurationError(f"{type(self).__name__} must define document(self, obj).")

    def owner(self, obj: Any) -> Any:
        """Return the owner whose destinations are considered (a user or its key); None: the site-wide destinations.

        Copies at site-wide destinations stay up to date when it returns a user later. Use `owners` for several.
        """
        return None

    def owners(self, obj: Any) -> Iterable[Any]:
        """Return several owners, such as `[post.author, None]`; None stands for the site-wide destinations.

        The default: `owner`. Copies at destinations of owners that are no longer returned are removed, site-wide ones
        among them. It is called in each save, so it should not make a query.
        """
        return [self.owner(obj)]

    def is_live(self, obj: Any) -> bool:
        """Return False for objects that should have no copies: drafts, soft-deleted objects. See also `keeps`."""
        return True

    def at(self, obj: Any, destination: DestinationInfo, document: Document) -> Document | None:
        """Return the document for one destination; None: no copy there. The default: the same for all.

        An existing copy is changed or removed after the next save of the object. The method is called in attempts,
        `explain` and `preview`, never in a save. Change the document with `dataclasses.replace`. The result must not
        depend on the clock, as for `is_live`.
        """
        return document

    def existing_remote(
        self, obj: Any, destination: Destination
    ) -> str | int | RemotePart | Sequence[str | int | RemotePart] | None:
        """Return the remote id of a copy that existed before syncqueue; it is adopted instead of posted again.

        Return a `RemotePart` if the kind is known too, and a list if the copy has several parts; None or "" if there is
        no copy. It is called once for each object and destination, and before an object is deleted.
        """
        return None


_sources: dict[type[Model], ModelSync] = {}
_by_class: dict[type, ModelSync | None] = {}
_listeners: list[Callable[[], None]] = []


def register(*models: type[Model]) -> Callable[[S], S]:
    """Register the decorated ModelSync for models.

    Raises `ConfigurationError` if a model is registered already or the class has a wrong attribute.
    """
    if not models or not all(isinstance(model, type) and issubclass(model, Model) for model in models):
        raise ConfigurationError("syncqueue.register needs a model: @syncqueue.register(Note).")

    def decorate(sync_class: S) -> S:
        for model in models:
            _register(model, sync_class)
        return sync_class

    return decorate


def _register(model: type[Model], sync_class: type[ModelSync]) -> None:
    concrete = model._meta.concrete_model or model
    if concrete in _sources:
        raise ConfigurationError(
            f"{concrete._meta.label} is registered already, by {type(_sources[concrete]).__name__}; a model has one."
        )
    if found := list(problems(concrete, sync_class, ModelSync)):
        raise ConfigurationError("\n".join(found))
    _sources[concrete] = sync_class(concrete)
    _changed()


def _changed() -> None:
    _by_class.clear()
    for listener in _listeners:
        listener()


def on_change(listener: Callable[[], None]) -> None:
    """Call `listener` whenever a model is registered or unregistered, and once now."""
    if listener not in _listeners:
        _listeners.append(listener)
    listener()


def is_watched(source: ModelSync, update_fields: Iterable[str] | None) -> bool:
    """Return whether a save of these fields counts, in any spelling: "author" and "author_id", "pk" and "id"."""
    if source.watch is None or update_fields is None:
        return True
    saved = set(update_fields)
    for field in source.model._meta.concrete_fields:
        spellings = {field.name, field.attname} | ({"pk"} if field.primary_key else set())
        if spellings & saved:
            saved |= spellings
    return not saved.isdisjoint(source.watch)


def unregister(model: type[Model]) -> None:
    """Unregister a model; for tests, and for sites that replace another app's registration."""
    _sources.pop(model._meta.concrete_model or model, None)
    _changed()


def source_for(model: type) -> ModelSync | None:
    """Return the ModelSync of a model: its own, that of the proxied model, or that of a parent table."""
    if model not in _by_class:
        _by_class[model] = next((_sources[base] for base in model.__mro__ if base in _sources), None)
    return _by_class[model]


def source_by_label(label: str) -> ModelSync | None:
    """Return the ModelSync of "app.model", or None if the model is not registered (any more)."""
    model = model_by_label(label)
    return None if model is None else source_for(model)


def home_db(model: type[Model]) -> str:
    """Return the alias of the database to which the site's routers write a model's objects."""
    return router.db_for_write(model)


def model_by_label(label: str) -> type[Model] | None:
    """Return the model "app.model", or None if there is none (any more)."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def all_sources() -> Iterator[ModelSync]:
    """Return all registered sources."""
    return iter(tuple(_sources.values()))


def autodiscover() -> list[str]:
    """Import each app's module of sources, as the admin does with admin.py; returns the problems, for people.

    After a wrong registration, the rest of its module is skipped, but not other apps. Raises `ConfigurationError` if
    the settings are wrong; other exceptions of a module are not caught.
    """
    found: list[str] = []
    name = get_settings().sources_module
    for app in apps.get_app_configs():
        try:
            import_module(f"{app.name}.{name}")
        except ModuleNotFoundError:
            if module_has_submodule(app.module, name):  # it exists, but one of its imports does not
                raise
        except ConfigurationError as error:
            found.append(f"{app.name}.{name}: {error}")
    return found

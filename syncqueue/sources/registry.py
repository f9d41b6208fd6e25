"""Which models are synced, and how: one ModelSync a model, registered like a ModelAdmin."""

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
    """A destination as `ModelSync.at` is given it: to be read, without a secret, and bound to no database row."""

    id: int  # primary key of the Destination
    name: str  # for people
    service: str  # "telegram"
    owner: Any  # primary key of its owner; None: site-wide
    address: str  # the channel, account or table
    options: Mapping[str, Any]  # a copy


class ModelSync:
    """Says how objects of one model are synced. Subclass it and register the class with `register`.

    The methods run in web processes and in the worker; what they raise is logged, and the object is tried again.
    """

    # A field compared with a destination's start: older objects are left alone. Without it every object counts as new.
    # A DateTimeField, a DateField (a day counts as its last moment) or a property. An empty value counts as older than
    # every destination.
    created_field: ClassVar[str | None] = None
    # A DateTimeField that changes with each save (auto_now): lets the sweep find changes that no signal told of. Index
    # it. An object where it is empty is not found by the sweep.
    changed_field: ClassVar[str | None] = None
    # When the copy appears and when it disappears: a field's name, or a method that returns an aware datetime or None
    # (always). `is_live` must not look at the clock: nobody would ask it again in time.
    live_from: ClassVar[str | Callable[..., datetime | None] | None] = None
    live_until: ClassVar[str | Callable[..., datetime | None] | None] = None
    # Field names; a save(update_fields=...) that touches none of them is ignored. None: every save counts.
    watch: ClassVar[Iterable[str] | None] = None
    # Related models whose changes count: a function from the related object to the objects concerned.
    affected_by: ClassVar[Mapping[type[Model], Callable[[Any], Iterable[Model]]]] = {}
    # Relations that document() follows ("tags"): read for all objects of a batch with one query each.
    prefetch: ClassVar[Iterable[str]] = ()
    # Columns of a search index by name, beside those every row has: {"userid": "integer", "createdat": "timestamp"}.
    # The values come from Document.fields. Types: text string integer bigint float boolean timestamp multi json.
    search_fields: ClassVar[Mapping[str, str]] = {}
    # Services whose destinations keep objects that are not live, such as an index in which the trash is searched:
    # ("manticore",). `document` and `at` are asked there as for other objects. Deleted objects are removed everywhere.
    keeps: ClassVar[Collection[str]] = ()

    def __init__(self, model: type[Model]) -> None:
        """`model` is the one it is registered for."""
        self.model = model
        self.label = model._meta.label_lower

    def document(self, obj: Any) -> Document:
        """The content of an object, for all services."""
        raise ConfigurationError(f"{type(self).__name__} must define document(self, obj).")

    def owner(self, obj: Any) -> Any:
        """Whose destinations are considered (a user or a user's key); None: the site-wide ones.

        Copies at site-wide destinations stay up to date when it returns a user later; `owners` is for more.
        """
        return None

    def owners(self, obj: Any) -> Iterable[Any]:
        """All whose destinations are considered, where there are several: `[post.author, None]`, by default `owner`.

        None stands for the site-wide destinations. Copies at destinations of those who are no longer returned are
        removed, site-wide ones among them. Called in each save, so it should cost no query of its own.
        """
        return [self.owner(obj)]

    def is_live(self, obj: Any) -> bool:
        """False for what should not be out there: drafts, soft-deleted objects. Services in `keeps` have them still."""
        return True

    def at(self, obj: Any, destination: DestinationInfo, document: Document) -> Document | None:
        """The document for one destination, by default that for all; None: the object is not to be there.

        A copy that is there already is changed, or removed, once the object is saved. Called in attempts and where
        people ask (`explain`, `preview`), never in a save. Change the document with `dataclasses.replace`. It must not
        look at the clock, as `is_live` must not.
        """
        return document

    def existing_remote(
        self, obj: Any, destination: Destination
    ) -> str | int | RemotePart | Sequence[str | int | RemotePart] | None:
        """The remote id of a copy made before syncqueue: it is adopted and edited, or removed, not posted again.

        Return a `RemotePart` where the kind is known too, and a list where the copy has several parts. None or "" says
        that there is none. It is asked once for each object and destination, and before an object is deleted.
        """
        return None


_sources: dict[type[Model], ModelSync] = {}
_by_class: dict[type, ModelSync | None] = {}
_listeners: list[Callable[[], None]] = []


def register(*models: type[Model]) -> Callable[[S], S]:
    """Register the decorated ModelSync for models; `ConfigurationError` when one is taken or misnames a field."""
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
    """Whether a save of these fields counts, in any spelling: "author" and "author_id", "pk" and "id"."""
    if source.watch is None or update_fields is None:
        return True
    saved = set(update_fields)
    for field in source.model._meta.concrete_fields:
        spellings = {field.name, field.attname} | ({"pk"} if field.primary_key else set())
        if spellings & saved:
            saved |= spellings
    return not saved.isdisjoint(source.watch)


def unregister(model: type[Model]) -> None:
    """Forget a model; for tests and for sites that replace another app's registration."""
    _sources.pop(model._meta.concrete_model or model, None)
    _changed()


def source_for(model: type) -> ModelSync | None:
    """The ModelSync of a model: its own, its proxied model's, or that of a parent table."""
    if model not in _by_class:
        _by_class[model] = next((_sources[base] for base in model.__mro__ if base in _sources), None)
    return _by_class[model]


def source_by_label(label: str) -> ModelSync | None:
    """The ModelSync of "app.model", or None when the model is not registered (any more)."""
    model = model_by_label(label)
    return None if model is None else source_for(model)


def home_db(model: type[Model]) -> str:
    """The alias of the database that a model's objects are written to, as the site's routers say."""
    return router.db_for_write(model)


def model_by_label(label: str) -> type[Model] | None:
    """The model "app.model", or None when there is none (any more)."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def all_sources() -> Iterator[ModelSync]:
    """All registered sources."""
    return iter(tuple(_sources.values()))


def autodiscover() -> list[str]:
    """Import each app's module of sources, as the admin does with admin.py; returns what is wrong, in words.

    A registration that is refused leaves its app out from there on, and no other app. Raises `ConfigurationError`
    when the settings are wrong; what else a module raises at its import passes through.
    """
    found: list[str] = []
    name = get_settings().sources_module
    for app in apps.get_app_configs():
        try:
            import_module(f"{app.name}.{name}")
        except ModuleNotFoundError:
            if module_has_submodule(app.module, name):  # it is there, and what it imports is not
                raise
        except ConfigurationError as error:
            found.append(f"{app.name}.{name}: {error}")
    return found

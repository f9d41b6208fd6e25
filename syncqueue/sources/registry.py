"""Which models are synced, and how: one ModelSync a model, registered like a ModelAdmin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar, Literal, TypeVar

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from syncqueue.conf import get_settings
from syncqueue.core.errors import ConfigurationError
from syncqueue.handlers.base import Document, RemotePart
from syncqueue.handlers.search_fields import check_declaration
from syncqueue.models import Destination

S = TypeVar("S", bound="type[ModelSync]")


class ModelSync:
    """Says how objects of one model are synced. Subclass it and register the class with `register`.

    The methods run in web processes and in the worker; what they raise is logged, and the object is tried again.
    """

    # A field compared with a destination's start: older objects are left alone. Without it every object counts as new.
    created_field: ClassVar[str | None] = None
    # A field that changes with each save (auto_now): lets the sweep find changes that no signal told of. Index it.
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

    def __init__(self, model: type[Model]) -> None:
        """`model` is the one it is registered for."""
        self.model = model
        self.label = model._meta.label_lower

    def document(self, obj: Any) -> Document:
        """The content of an object, for all services."""
        raise ConfigurationError(f"{type(self).__name__} must define document(self, obj).")

    def owner(self, obj: Any) -> Any:
        """Whose destinations are considered (a user or a user's key); None: the site-wide ones."""
        return None

    def is_live(self, obj: Any) -> bool:
        """False for what should not be out there: drafts, soft-deleted objects."""
        return True

    def existing_remote(self, obj: Any, destination: Destination) -> str | RemotePart | None:
        """The remote id of a copy made before syncqueue: it is adopted and edited, or removed, not posted again.

        Return a `RemotePart` where the kind is known too. It is asked once for each object and destination.
        """
        return None

    def created_at(self, obj: Any) -> datetime | None:
        """When the object was created, as `created_field` says; None when it is not known."""
        return _moment(obj, self.created_field)

    def changed_at(self, obj: Any) -> datetime | None:
        """When the object was last changed, as `changed_field` says; None when it is not known."""
        return _moment(obj, self.changed_field)

    def moment(self, obj: Any, name: Literal["live_from", "live_until"]) -> datetime | None:
        """When the copy of an object appears or disappears; None: there is no such moment.

        Raises `ConfigurationError` for a value that is neither an aware datetime nor a date.
        """
        declared = getattr(self, name)
        value = getattr(obj, declared) if isinstance(declared, str) else declared(obj) if callable(declared) else None
        if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
            return value
        if isinstance(value, date) and not isinstance(value, datetime):  # the whole day, where the site is
            day = value if name == "live_from" else value + timedelta(days=1)
            return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
        raise ConfigurationError(
            f"{type(self).__name__}.{name} is {value!r} for {self.label}:{obj.pk}; expected an aware datetime, a date "
            "or None."
        )

    def owner_key(self, obj: Any) -> Any:
        """The primary key of the owner, or None."""
        owner = self.owner(obj)
        return owner.pk if isinstance(owner, Model) else owner

    @property
    def adopts(self) -> bool:
        """Whether `existing_remote` may know of copies made before."""
        return type(self).existing_remote is not ModelSync.existing_remote


def _moment(obj: Any, field: str | None) -> datetime | None:
    value = getattr(obj, field, None) if field else None
    # A database expression (Now()) stands there until the object is read again.
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


_sources: dict[type[Model], ModelSync] = {}
_by_class: dict[type, ModelSync | None] = {}


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
    for attribute in ("created_field", "changed_field"):
        if name := getattr(sync_class, attribute):
            _check_field(concrete, sync_class, attribute, name)
    for name, kind in sync_class.search_fields.items():
        if wrong := check_declaration(name, kind):
            raise ConfigurationError(f"{sync_class.__name__}.search_fields[{name!r}]: {wrong}.")
    _sources[concrete] = sync_class(concrete)
    _by_class.clear()


def _check_field(model: type[Model], sync_class: type[ModelSync], attribute: str, name: str) -> None:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        raise ConfigurationError(
            f"{sync_class.__name__}.{attribute} is {name!r}, but {model._meta.label} has no such field."
        ) from None


def unregister(model: type[Model]) -> None:
    """Forget a model; for tests and for sites that replace another app's registration."""
    _sources.pop(model._meta.concrete_model or model, None)
    _by_class.clear()


def source_for(model: type) -> ModelSync | None:
    """The ModelSync of a model: its own, its proxied model's, or that of a parent table."""
    if model not in _by_class:
        _by_class[model] = next((_sources[base] for base in model.__mro__ if base in _sources), None)
    return _by_class[model]


def source_by_label(label: str) -> ModelSync | None:
    """The ModelSync of "app.model", or None when the model is not registered (any more)."""
    try:
        return source_for(apps.get_model(label))
    except (LookupError, ValueError):
        return None


def all_sources() -> Iterator[ModelSync]:
    """All registered sources."""
    return iter(tuple(_sources.values()))


def autodiscover() -> None:
    """Import each app's module of sources, as the admin does with admin.py."""
    autodiscover_modules(get_settings().sources_module)

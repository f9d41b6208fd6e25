"""The models that concern registered ones, and the objects to which many-to-many relations lead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from syncqueue.sources.registry import all_sources, source_for


def synced_models() -> list[type[Model]]:
    """Return the registered models and their subclasses, proxies included: signals are sent for the exact class."""
    return [model for model in _all_models() if source_for(model) is not None]


def _all_models() -> Iterator[type[Model]]:
    # Not apps.get_models(), whose cache does not have a model that is being created.
    for config in apps.get_app_configs():
        yield from config.get_models(include_auto_created=True)


def affecting_models() -> list[type[Model]]:
    """Return the models of all `affected_by` and their subclasses."""
    named = tuple({model for source in all_sources() for model in source.affected_by})
    return [model for model in _all_models() if issubclass(model, named)]


def through_models() -> set[type[Model]]:
    """Return the through models of the many-to-many relations of registered models, whichever side declares them."""
    return {through for model in synced_models() for _field, through in _relations(model)}


def related_objects(model: type[Model], through: type[Model], instance: Model, using: str) -> QuerySet[Any] | None:
    """Return the objects of `model` that a relation connects to an instance now; None if it has no reverse name."""
    for field, one in _relations(model):
        if one is through and field.name and not field.name.endswith("+"):
            return model._base_manager.using(using).filter(**{field.name: instance})
    return None


def _relations(model: type[Model]) -> Iterator[tuple[Any, type[Model]]]:
    for field in model._meta.get_fields(include_hidden=True):
        if field.many_to_many:
            through = getattr(field, "through", None) or getattr(field.remote_field, "through", None)
            if through is not None:  # a generic relation has none
                yield field, through

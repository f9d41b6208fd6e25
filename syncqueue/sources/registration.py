"""Validation of a ModelSync for a model: as strict as the settings, with suggestions for misspelled names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateField, DateTimeField, Field, ForeignObject, Model, Prefetch, TextField

from syncqueue.handlers.search_fields import check_declaration
from syncqueue.sources.keys import MAX_CHARACTERS

# Minimum similarity of an unknown name to count as a misspelling of a known one. A site may have its own attributes and
# methods, so the name of a method must be nearly the same.
_ATTRIBUTE_LIKENESS = 0.7
_METHOD_LIKENESS = 0.85


def problems(model: type[Model], sync_class: type[Any], base: type[Any]) -> Iterator[str]:
    """Yield each problem as a sentence. `base` is ModelSync itself, whose public names are the known ones."""
    label, name = model._meta.label, sync_class.__name__
    if model._meta.abstract:
        yield f"{label} is abstract and has no table; register the models that inherit from it."
        return
    yield from _key(model)
    yield from _attributes(sync_class, base)
    yield from _created_field(model, sync_class)
    yield from _changed_field(model, sync_class)
    yield from _watch(model, sync_class)
    yield from _affected_by(sync_class)
    yield from _prefetch(model, sync_class)
    yield from _keeps(sync_class)
    for column, kind in sync_class.search_fields.items():
        if wrong := check_declaration(column, kind):
            yield f"{name}.search_fields[{column!r}]: {wrong}."


def _key(model: type[Model]) -> Iterator[str]:
    if len(model._meta.pk_fields) > 1:
        yield (
            f"{model._meta.label} has a composite primary key; syncqueue needs one column that names an object. Give "
            "the model such a key, or register another model."
        )
        return
    field: Any = model._meta.pk
    while isinstance(field, ForeignObject):
        field = field.target_field
    if isinstance(field, TextField) or (field.max_length or 0) > MAX_CHARACTERS:
        length = field.max_length or "any number of"
        yield (
            f"{model._meta.label} has a primary key of up to {length} characters; a record holds {MAX_CHARACTERS}. "
            f"Set max_length={MAX_CHARACTERS} or less."
        )


def _attributes(sync_class: type[Any], base: type[Any]) -> Iterator[str]:
    known = [name for name in dir(base) if not name.startswith("_")]
    names = {name for one in sync_class.__mro__ if one not in base.__mro__ for name in vars(one)}
    for name in sorted(names):
        if name.startswith("_") or name in known:
            continue
        is_method = callable(getattr(sync_class, name)) and not isinstance(getattr(sync_class, name), type)
        near = get_close_matches(name, known, 1, _METHOD_LIKENESS if is_method else _ATTRIBUTE_LIKENESS)
        if near:
            yield f"{sync_class.__name__}.{name} is nothing that syncqueue knows. Did you mean {near[0]!r}?"


def _created_field(model: type[Model], sync_class: type[Any]) -> Iterator[str]:
    name = sync_class.created_field
    if name is None:
        return
    if isinstance(name, str) and _field(model, name) is None and isinstance(getattr(model, name, None), property):
        return  # it is only read, so it may be a property
    yield from _time_field(model, sync_class, "created_field", DateField, "a DateTimeField, a DateField or a property")


def _changed_field(model: type[Model], sync_class: type[Any]) -> Iterator[str]:
    if sync_class.changed_field is not None:
        yield from _time_field(model, sync_class, "changed_field", DateTimeField, "a DateTimeField of its table")


def _time_field(
    model: type[Model], sync_class: type[Any], attribute: str, kind: type[Field[Any, Any]], wanted: str
) -> Iterator[str]:
    name, owner = getattr(sync_class, attribute), f"{sync_class.__name__}.{attribute}"
    field = _field(model, name) if isinstance(name, str) else None
    if field is None:
        yield f"{owner} is {name!r}, but {model._meta.label} has no such field.{_did_you_mean(model, name)}"
    elif not isinstance(field, kind):
        yield f"{owner} is {name!r}, which is a {type(field).__name__}; expected {wanted}."


def _watch(model: type[Model], sync_class: type[Any]) -> Iterator[str]:
    watch: Any = sync_class.watch
    if watch is None:
        return
    if isinstance(watch, str) or not isinstance(watch, Iterable):
        yield f"{sync_class.__name__}.watch: expected a tuple of field names, got {watch!r}."
        return
    for name in watch:
        if not isinstance(name, str) or (name != "pk" and _field(model, name) is None):
            owner = f"{sync_class.__name__}.watch"
            yield f"{owner} has {name!r}, but {model._meta.label} has no such field.{_did_you_mean(model, name)}"


def _affected_by(sync_class: type[Any]) -> Iterator[str]:
    value: Any = sync_class.affected_by
    owner = f"{sync_class.__name__}.affected_by"
    if not isinstance(value, Mapping):
        yield f"{owner}: expected a dict from models to functions, got {type(value).__name__}."
        return
    for model, function in value.items():
        if not (isinstance(model, type) and issubclass(model, Model)):
            yield f"{owner} has the key {model!r}; expected a model class."
        elif not callable(function):
            yield f"{owner}[{model.__name__}]: expected a function from a {model.__name__} to objects."


def _prefetch(model: type[Model], sync_class: type[Any]) -> Iterator[str]:
    value: Any = sync_class.prefetch
    owner = f"{sync_class.__name__}.prefetch"
    if isinstance(value, str) or not isinstance(value, Iterable):
        yield f"{owner}: expected a tuple of relations, got {value!r}."
        return
    for name in value:
        if isinstance(name, Prefetch):
            continue
        first = name.split("__")[0] if isinstance(name, str) else ""
        if not first or (_field(model, first) is None and not hasattr(model, first)):
            yield f"{owner} has {name!r}, but {model._meta.label} has no such relation.{_did_you_mean(model, name)}"


def _keeps(sync_class: type[Any]) -> Iterator[str]:
    value: Any = sync_class.keeps
    if isinstance(value, str) or not isinstance(value, Collection) or not all(isinstance(one, str) for one in value):
        yield f"{sync_class.__name__}.keeps: expected a tuple of names of services, got {value!r}."


def _field(model: type[Model], name: str) -> Any:
    """Return the field with a name or a column name ("author_id")."""
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return next((field for field in model._meta.concrete_fields if field.attname == name), None)


def _did_you_mean(model: type[Model], name: Any) -> str:
    names = [field.name for field in model._meta.get_fields()]
    near = get_close_matches(name, names, 1) if isinstance(name, str) else []
    return f" Did you mean {near[0]!r}?" if near else ""

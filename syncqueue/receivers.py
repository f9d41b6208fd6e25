"""Model signals in, changes out. Connected once, for all models; what is not registered costs a look into a dict."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_migrate, post_save, pre_delete

from syncqueue import services
from syncqueue.conf import get_settings
from syncqueue.core.chunks import chunks
from syncqueue.core.errors import ConfigurationError
from syncqueue.dispatch.dispatch import begin_request, end_request
from syncqueue.dispatch.gathering import note_changes
from syncqueue.models import Destination
from syncqueue.services import alerts
from syncqueue.signals import destination_broken, task_failed
from syncqueue.sources.intents import Change
from syncqueue.sources.registry import ModelSync, all_sources, source_for

logger = logging.getLogger("syncqueue.receivers")

CHUNK = 500
# Where the objects that a related object concerns are kept while it is being deleted.
_AFFECTED = "_syncqueue_affected"


def connect() -> None:
    """Connect everything; called once, when the app is ready."""
    post_save.connect(on_save, dispatch_uid="syncqueue.save")
    pre_delete.connect(before_delete, dispatch_uid="syncqueue.before_delete")
    post_delete.connect(on_delete, dispatch_uid="syncqueue.delete")
    m2m_changed.connect(on_m2m, dispatch_uid="syncqueue.m2m")
    post_save.connect(on_destination_save, sender=Destination, dispatch_uid="syncqueue.destination")
    request_started.connect(begin_request, dispatch_uid="syncqueue.request_started")
    request_finished.connect(end_request, dispatch_uid="syncqueue.request_finished")
    post_migrate.connect(services.after_migrate, dispatch_uid="syncqueue.migrate")
    task_failed.connect(alerts.on_task_failed, dispatch_uid="syncqueue.alerts")
    destination_broken.connect(alerts.on_destination_broken, dispatch_uid="syncqueue.alerts")


def on_save(
    sender: type[Model],
    instance: Model,
    raw: bool = False,
    using: str = DEFAULT_DB_ALIAS,
    update_fields: Iterable[str] | None = None,
    **_: Any,
) -> None:
    """An object was saved, or a related one."""
    source = source_for(sender)
    if source is not None and _is_watched(source, update_fields):
        note_changes(source, [Change(obj=instance, pk=str(instance.pk))], using, raw=raw)
    if not raw:
        for affected, objects in _affected(sender, instance):
            _note_objects(affected, objects, using)


def before_delete(sender: type[Model], instance: Model, **_: Any) -> None:
    """A related object is about to go: afterwards its relations cannot be followed any more."""
    found = [(source, _read(source, objects)) for source, objects in _affected(sender, instance)]
    if found:
        setattr(instance, _AFFECTED, found)


def _read(source: ModelSync, objects: Iterable[Model]) -> list[Model]:
    try:
        return list(objects)
    except Exception:  # a lazy queryset of the site's own may fail; the deletion stands
        logger.exception("Objects of %s could not be read; the sweep will find them", source.label)
        return []


def on_delete(sender: type[Model], instance: Model, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """An object was deleted, or a related one, or the owner of destinations."""
    source = source_for(sender)
    if source is not None:
        note_changes(source, [Change(obj=instance, pk=str(instance.pk), deleted=True)], using)
    for affected, objects in instance.__dict__.pop(_AFFECTED, []):
        _note_objects(affected, objects, using)
    if sender is get_user_model() and _is_enabled():
        _retire_of_owner(instance.pk, using)


def _retire_of_owner(owner_id: Any, using: str) -> None:
    try:
        transaction.on_commit(partial(services.retire_of_owner, owner_id), using=using, robust=True)
    except Exception:  # in autocommit the hook runs at once; the deletion stands
        logger.exception("The destinations of user %s could not be retired", owner_id)


def on_m2m(
    sender: type[Model],
    instance: Model,
    action: str,
    reverse: bool,
    model: type[Model],
    pk_set: set[Any] | None,
    using: str = DEFAULT_DB_ALIAS,
    **_: Any,
) -> None:
    """A many-to-many relation of registered objects changed, from either side."""
    if not reverse:
        source = source_for(type(instance))
        if source is not None and action in ("post_add", "post_remove", "post_clear"):
            _note_objects(source, [instance], using)
        return
    source = source_for(model)
    if source is None or not _is_enabled():
        return
    if action == "pre_clear":  # afterwards nobody knows who was related
        setattr(instance, _AFFECTED, [(source, _related(sender, instance, model, using))])
    elif action == "post_clear":
        for affected, objects in instance.__dict__.pop(_AFFECTED, []):
            _note_objects(affected, objects, using)
    elif action in ("post_add", "post_remove") and pk_set:
        _note_objects(source, model._base_manager.using(using).filter(pk__in=pk_set), using)


def _related(through: type[Model], instance: Model, model: type[Model], using: str) -> list[Model]:
    for field in model._meta.many_to_many:
        if field.remote_field.through is through:
            return list(model._base_manager.using(using).filter(**{field.name: instance}))
    return []


def _is_enabled() -> bool:
    try:
        return get_settings().enabled
    except ConfigurationError:  # the checks say it; saves must go on
        return False


def _is_watched(source: ModelSync, update_fields: Iterable[str] | None) -> bool:
    return source.watch is None or update_fields is None or bool(set(source.watch) & set(update_fields))


def _affected(sender: type[Model], instance: Model) -> Iterable[tuple[ModelSync, Iterable[Model]]]:
    """The registered objects that a related object concerns. What a site's function raises is logged."""
    for source in all_sources():
        for model, objects_of in source.affected_by.items():
            if issubclass(sender, model) and _is_enabled():
                try:
                    yield source, objects_of(instance)
                except Exception:  # the save of the related object stands
                    logger.exception("affected_by of %s failed for %s", type(source).__name__, model.__name__)


def _note_objects(source: ModelSync, objects: Iterable[Model], using: str) -> None:
    try:
        for piece in chunks(objects, CHUNK):
            note_changes(source, [Change(obj=obj, pk=str(obj.pk)) for obj in piece], using)
    except Exception:  # a lazy queryset of the site's own may fail here
        logger.exception("Objects of %s could not be read; the sweep will find them", source.label)


def on_destination_save(instance: Destination, created: bool, raw: bool = False, **_: Any) -> None:
    """A destination was made or changed: fill it with older objects where it takes them, let go what waited for it."""
    if not raw and _is_enabled():
        transaction.on_commit(lambda: services.after_destination_save(instance, created=created), robust=True)

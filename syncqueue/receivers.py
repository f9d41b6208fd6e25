"""Receivers of model signals: they turn saves and deletions into changes.

They are connected only for registered models and their subclasses, for the models in `affected_by`, and for the user
model. All other models of the site are saved and deleted as without this app: Django may still delete their rows
without reading them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started, setting_changed
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model, QuerySet
from django.db.models.signals import (
    class_prepared,
    m2m_changed,
    post_delete,
    post_migrate,
    post_save,
    pre_delete,
)
from django.dispatch import Signal

from syncqueue import services
from syncqueue.conf import SETTING, get_settings
from syncqueue.core.answer import Refused
from syncqueue.core.chunks import chunks
from syncqueue.core.errors import ConfigurationError
from syncqueue.dispatch.deletions import deletion_of
from syncqueue.dispatch.dispatch import begin_request, end_request
from syncqueue.dispatch.gathering import note_changes, note_walk
from syncqueue.models import Destination, WalkKind
from syncqueue.services import alerts
from syncqueue.signals import destination_broken, task_failed
from syncqueue.site import record_db
from syncqueue.sources import gate
from syncqueue.sources.gate import Affected
from syncqueue.sources.intents import Change, change_of
from syncqueue.sources.keys import UnreadableKey, key_text
from syncqueue.sources.registry import ModelSync, all_sources, home_db, is_watched, on_change, source_for
from syncqueue.sources.relations import affecting_models, related_objects, synced_models, through_models

logger = logging.getLogger("syncqueue.receivers")

# If a change affects more objects, one row requests a walk, and a worker processes them.
MOST_OBJECTS = 300
# The attribute with the affected objects, while a related object is deleted or its relation is cleared.
_AFFECTED = "_syncqueue_affected"

_connected: set[tuple[Signal, Callable[..., None], type[Model]]] = set()
_warned: set[tuple[str, str]] = set()


def connect() -> None:
    """Connect all receivers; called once, when the app is ready."""
    post_save.connect(on_destination_save, sender=Destination, dispatch_uid="syncqueue.destination")
    request_started.connect(begin_request, dispatch_uid="syncqueue.request_started")
    request_finished.connect(end_request, dispatch_uid="syncqueue.request_finished")
    post_migrate.connect(services.after_migrate, dispatch_uid="syncqueue.migrate")
    task_failed.connect(alerts.on_task_failed, dispatch_uid="syncqueue.alerts")
    destination_broken.connect(alerts.on_destination_broken, dispatch_uid="syncqueue.alerts")
    class_prepared.connect(_on_class, dispatch_uid="syncqueue.class")
    setting_changed.connect(_on_setting, dispatch_uid="syncqueue.receivers")
    on_change(connect_models)


def connect_models() -> None:
    """Connect the receivers of the models that are synced now, and disconnect those of other models."""
    wanted = _wanted() if _may_be_enabled() else set()
    for signal, receiver, sender in _connected - wanted:
        signal.disconnect(receiver, sender=sender)
    for signal, receiver, sender in wanted - _connected:
        signal.connect(receiver, sender=sender)
    _connected.clear()
    _connected.update(wanted)


def _wanted() -> set[tuple[Signal, Callable[..., None], type[Model]]]:
    found: set[tuple[Signal, Callable[..., None], type[Model]]] = set()
    synced, affecting = synced_models(), affecting_models()
    if not synced and not affecting:
        return found
    people = [model for model in apps.get_models() if issubclass(model, get_user_model())]
    for model in {*synced, *affecting}:
        found |= {(post_save, on_save, model), (pre_delete, before_delete, model)}
    for model in {*synced, *affecting, *people}:
        found.add((post_delete, on_delete, model))
    return found | {(m2m_changed, on_m2m, model) for model in through_models()}


def _on_class(sender: type[Model], **_: Any) -> None:
    """Connect a model that is created after the start, if it inherits from a synced one."""
    meta = sender._meta
    if meta.apps is not apps:  # the model state of a migration
        return
    apps.lazy_model_operation(lambda model: connect_models(), (meta.app_label, str(meta.model_name)))


def _on_setting(*, setting: str, **_: Any) -> None:
    if setting in (SETTING, "AUTH_USER_MODEL"):
        connect_models()


def _may_be_enabled() -> bool:
    try:
        return get_settings().enabled
    except ConfigurationError:  # each save logs what is wrong
        return True


def on_save(
    sender: type[Model],
    instance: Model,
    raw: bool = False,
    using: str = DEFAULT_DB_ALIAS,
    update_fields: Iterable[str] | None = None,
    **_: Any,
) -> None:
    """Note the save of an object, or of a related object."""
    source = source_for(sender)
    if source is not None and is_watched(source, update_fields) and _is_at_home(source, using):
        _note(source, [instance], using, raw=raw)
    if raw:
        return
    for affected in _affecting(sender):
        found = _found(affected, instance)
        if isinstance(found, Affected) and not found.more:
            _note(affected, found.objects, using)
        else:
            note_walk(affected, WalkKind.AFFECTED, using, related=_name_of(instance))


def _found(source: ModelSync, instance: Model) -> Affected | None:
    """Return the objects that a change of a related object affects; None if they cannot be read."""
    if not _is_enabled():
        return Affected(source, [], more=False)
    try:
        found = gate.affected(source, instance, MOST_OBJECTS)
    except Exception:  # a database error inside the site's transaction; the change itself succeeds
        logger.exception("The objects that %s affects could not be read; a walk is requested", _name_of(instance))
        return None
    return None if isinstance(found, Refused) else found.value


def before_delete(
    sender: type[Model], instance: Model, using: str = DEFAULT_DB_ALIAS, origin: Any = None, **_: Any
) -> None:
    """Read the affected objects before a deletion; afterwards its relations cannot be followed."""
    source = source_for(sender)
    if source is not None and origin is not None and (change := _change(instance, deleted=True)):
        _announce(source, change, using, origin)
    found = [(affected, _found(affected, instance)) for affected in _affecting(sender)]
    if found:
        setattr(instance, _AFFECTED, found)


def _announce(source: ModelSync, change: Change, using: str, origin: Any) -> None:
    if not _is_enabled() or not _is_at_home(source, using):
        return
    try:
        deletion_of(origin).announce(source, change, using)
    except Exception:  # a database error; the deletion itself succeeds
        logger.exception("The deletion of %s:%s could not be announced", source.label, change.pk)


def on_delete(
    sender: type[Model], instance: Model, using: str = DEFAULT_DB_ALIAS, origin: Any = None, **_: Any
) -> None:
    """Note the deletion of an object, of a related object, or of the owner of destinations."""
    source = source_for(sender)
    if source is not None and _is_at_home(source, using) and (change := _change(instance, deleted=True)):
        changes = list(deletion_of(origin).report(source, change))
        if len(changes) > MOST_OBJECTS:
            note_walk(source, WalkKind.GONE, using)
            changes = [
                change for change in changes if change.left
            ]  # these may have no record, so the walk cannot find them
        for piece in chunks(changes, MOST_OBJECTS):
            note_changes(source, list(piece), using)
    _note_kept(instance, using)
    if issubclass(sender, get_user_model()) and _is_enabled():
        _retire_of_owner(instance.pk, using)


def _note_kept(instance: Model, using: str) -> None:
    """Note the affected objects that were read before a deletion, or before a relation was cleared."""
    for source, found in instance.__dict__.pop(_AFFECTED, []):
        if isinstance(found, Affected) and not found.more:
            _note(source, found.objects, using)
        else:
            note_walk(source, WalkKind.AFFECTED, using)


def _retire_of_owner(owner_id: Any, using: str) -> None:
    def retire() -> None:
        try:
            services.retire_of_owner(owner_id)
        except Exception:  # must not stop the site's hooks that follow; a worker tries it again
            logger.exception("The destinations of user %s could not be retired", owner_id)

    transaction.on_commit(retire, using=using, robust=True)


def on_m2m(
    sender: type[Model],
    instance: Model,
    action: str,
    model: type[Model],
    pk_set: set[Any] | None,
    using: str = DEFAULT_DB_ALIAS,
    **_: Any,
) -> None:
    """Note a change of a many-to-many relation, from either side: it affects the objects at both ends."""
    near, far = source_for(type(instance)), source_for(model)
    if action == "pre_clear" and far is not None and _is_enabled():  # afterwards the related objects are unknown
        setattr(instance, _AFFECTED, [(far, _related(far, model, sender, instance, using))])
    if action not in ("post_add", "post_remove", "post_clear"):
        return
    if near is not None and _is_at_home(near, using):
        _note(near, [instance], using)
    if action == "post_clear":
        _note_kept(instance, using)
    elif far is not None and pk_set and _is_at_home(far, using):
        if len(pk_set) > MOST_OBJECTS:
            note_walk(far, WalkKind.AFFECTED, using)
        else:
            _note(far, model._base_manager.using(using).filter(pk__in=pk_set), using)


def _related(
    source: ModelSync, model: type[Model], through: type[Model], instance: Model, using: str
) -> Affected | None:
    rows = related_objects(model, through, instance, using)
    if rows is None:
        return None
    try:
        objects = gate.read(source, rows[: MOST_OBJECTS + 1]).objects
    except Exception:  # the change itself succeeds
        logger.exception("The objects that %s affects could not be read; a walk is requested", _name_of(instance))
        return None
    return Affected(source, objects, more=len(objects) > MOST_OBJECTS)


def _is_enabled() -> bool:
    try:
        return get_settings().enabled
    except ConfigurationError:  # the checks report it; saves must succeed
        return False


def _is_at_home(source: ModelSync, using: str) -> bool:
    """Return whether a change happened in the database that attempts read; logs a warning once if not."""
    home = home_db(source.model)
    if using != home and (source.label, using) not in _warned:
        _warned.add((source.label, using))
        logger.warning(
            "%s was changed in the database %r; it is not synced from there: syncqueue reads it from %r, as the site's "
            "routers say",
            source.label,
            using,
            home,
        )
    return using == home


def _affecting(sender: type[Model]) -> list[ModelSync]:
    """Return the sources whose objects a change of such an object affects."""
    return [source for source in all_sources() if any(issubclass(sender, model) for model in source.affected_by)]


def _name_of(instance: Model) -> str:
    try:
        return f"{instance._meta.label_lower}:{key_text(type(instance), instance.pk)}"
    except UnreadableKey:
        return f"{instance._meta.label_lower}:{instance.pk}"


def _change(obj: Model, *, deleted: bool = False) -> Change | None:
    try:
        return change_of(obj, deleted=deleted)
    except UnreadableKey as error:  # such as an expression; the sweep reads the key from the database
        logger.warning("A change was not noted: %s", error)
        return None


def _note(source: ModelSync, objects: Iterable[Model] | QuerySet[Any], using: str, *, raw: bool = False) -> None:
    if not _may_be_enabled():
        return
    try:
        rows = gate.read(source, objects).objects if isinstance(objects, QuerySet) else objects
    except Exception:  # a database error inside the site's transaction; the change itself succeeds
        logger.exception("Objects of %s could not be read; the sweep will find them", source.label)
        return
    note_changes(source, [change for obj in rows if (change := _change(obj))], using, raw=raw)


def on_destination_save(instance: Destination, created: bool, raw: bool = False, **_: Any) -> None:
    """Backfill a new destination that accepts older objects; release the tasks that waited for a changed one.

    What one that was switched off has not sent is left to others at its place.
    """
    if raw or not _is_enabled():
        return
    if created:
        services.fill_new(instance)
    elif instance.is_stopped:
        services.wake_resting(instance)
    else:
        transaction.on_commit(lambda: services.release(instance), using=record_db(), robust=True)

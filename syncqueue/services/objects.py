"""Syncing of objects and their records, and their status for people."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.db import router, transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from syncqueue.conf import get_settings
from syncqueue.core.answer import Asked, Refused
from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import ConfigurationError, QueueError
from syncqueue.core.hold import PAUSED
from syncqueue.dispatch import gathering
from syncqueue.dispatch.dispatch import dispatch, queued
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.handlers.base import RemotePart
from syncqueue.models import Destination, DestinationState, RecordState, SyncRecord
from syncqueue.presentation import commands
from syncqueue.presentation.reasons import in_words
from syncqueue.presentation.records import Sentence, describe
from syncqueue.queue.calls import CHUNK
from syncqueue.queue.inspect import HoldView
from syncqueue.services.progress import Progress, tell
from syncqueue.site import record_db
from syncqueue.sources import adopting, gate, refusals, resyncing, walk
from syncqueue.sources.destinations import owned_by
from syncqueue.sources.intents import (
    PendingRecord,
    change_of,
    pending_record,
    record_task_id,
    touch_records,
)
from syncqueue.sources.keys import key_text
from syncqueue.sources.missed import note_unread, record_many
from syncqueue.sources.records import note_orphans, read_parts
from syncqueue.sources.registry import ModelSync, all_sources, home_db, source_for

T = TypeVar("T", bound=Model)
logger = logging.getLogger("syncqueue.services")


def source_of(obj: Model) -> ModelSync:
    """Return the ModelSync of an object; raises `ConfigurationError`."""
    source = source_for(type(obj))
    if source is None:
        raise ConfigurationError(
            f"{type(obj)._meta.label} is not registered: write a ModelSync for it in sync_sources.py and decorate it "
            f"with @syncqueue.register({type(obj).__name__})."
        )
    return source


def sync(obj: Model) -> None:
    """Sync an object now, as a save would.

    Raises `ConfigurationError` if its model is not registered, or if the object is in another database than the
    site's routers return.
    """
    source = source_of(obj)
    if elsewhere := _elsewhere(obj):
        raise ConfigurationError(elsewhere)
    gathering.note_changes(source, [change_of(obj)], home_db(type(obj)))


def sync_now(obj: Model) -> None:
    """Sync an object at a person's request: as `sync`, and a worker soon tries it again if it is a refused object."""
    refusals.make_due(source_of(obj), [key_text(type(obj), obj.pk)])
    sync(obj)


def _elsewhere(obj: Model) -> str:
    """Return why attempts cannot find an object that is in another database; "" if they can."""
    model, db = type(obj), obj._state.db
    if db is None or db in (home_db(model), router.db_for_read(model)):
        return ""
    return _("%(object)s is in the database %(db)s; syncqueue reads %(model)s only from %(home)s.") % {
        "object": f"{model._meta.label_lower}:{obj.pk}",
        "db": db,
        "model": model._meta.label,
        "home": home_db(model),
    }


def sync_queryset(objects: QuerySet[Any], service: str | None = None) -> int:
    """Queue all objects of a queryset (bulk_create() and update() send no signals); returns how many records wait."""
    source = source_for(objects.model)
    if source is None:
        raise ConfigurationError(f"{objects.model._meta.label} is not registered with syncqueue.")
    only = None if service is None else {place.pk for place in resyncing.chosen_destinations([service])}
    count = 0
    for rows in _pieces(objects):
        reading = gate.read(source, rows)
        note_unread(source, reading)
        pending_records = record_many(source, [change_of(obj) for obj in reading.objects], only=only)
        count += len(pending_records)
        enqueue_pending(pending_records)
    return count


def _pieces(rows: QuerySet[T]) -> Iterator[QuerySet[T]]:
    """Yield the rows in chunks by primary key, oldest first, whatever the model's default ordering is.

    Not in one long query: on SQLite its connection cannot write any more once another process has written.
    """
    manager = rows.model._base_manager.using(rows.db).order_by("pk")
    for piece in chunks(sorted(rows.values_list("pk", flat=True)), CHUNK):
        yield manager.filter(pk__in=piece)


def enqueue_pending(pending_records: Sequence[PendingRecord]) -> None:
    """Enqueue records after the commit, because a worker must not read them before."""

    def enqueue() -> None:
        with queued():
            dispatch(pending_records)

    transaction.on_commit(enqueue, using=record_db(), robust=True)


def status(obj: Model) -> list[SyncRecord]:
    """Return the records of an object."""
    rows = SyncRecord.objects.using(record_db()).filter(
        source=source_of(obj).label, object_pk=key_text(type(obj), obj.pk)
    )
    return list(rows.select_related("destination").order_by("destination__name", "pk"))


def explain(obj: Model) -> list[Sentence]:
    """Return a sentence for each destination that is considered for an object."""
    source = source_of(obj)
    if elsewhere := _elsewhere(obj):
        return [_sentence_on(obj, elsewhere)]
    places, refused = considered(source, obj)
    holds = _holds_of([record for _place, record in places if record is not None])
    found = [describe(source, obj, place, record, holds.get(place.pk)) for place, record in places]
    if refused is not None:
        text = _("could not be read: %(error)s") % {"error": in_words(refused.reason)}
        return [_sentence_on(obj, text, commands.sync_object(source.label, key_text(type(obj), obj.pk))), *found]
    return found


def considered(source: ModelSync, obj: Model) -> tuple[list[tuple[Destination, SyncRecord | None]], Refused | None]:
    """Return the destinations that an object may go to or has a record at, by name; and why its owners are unknown."""
    owners = gate.owner_keys(source, obj)
    by_destination = {record.destination_id: record for record in (status(obj) if obj.pk is not None else ())}
    places = Destination.objects.none()
    if isinstance(owners, Asked):
        rows = Destination.objects.using(record_db())
        places = rows.filter(owned_by(owners.value), enabled=True, state=DestinationState.ACTIVE)
    known = {place.pk: place for place in places if place.service in get_settings().services}
    known |= {record.destination_id: record.destination for record in by_destination.values()}
    ordered = sorted(known.values(), key=lambda place: (place.name, place.pk))
    return [(place, by_destination.get(place.pk)) for place in ordered], owners if isinstance(owners, Refused) else None


def _sentence_on(obj: Model, text: str, command: str = "") -> Sentence:
    """Return a sentence about an object that is not about one destination."""
    return Sentence(destination=f"{obj._meta.label_lower}:{obj.pk}", text=text, state=None, command=command)


def _holds_of(rows: Sequence[SyncRecord]) -> Mapping[int, HoldView]:
    """Return the holds of waiting records' tasks by destination, as far as Redis is available."""
    found: dict[int, HoldView] = {}
    try:
        for record in rows:
            if record.state == RecordState.WAITING and (hold := _hold_of(record)) is not None:
                found[record.destination_id] = hold
    except (QueueError, ConfigurationError) as error:  # unavailable, or not enabled: the record's own reason is shown
        logger.debug("%s", error)
    return found


def _hold_of(record: SyncRecord) -> HoldView | None:
    queue = get_queue(record.service)
    view = queue.get(record_task_id(record.pk))
    if view is None:
        return None
    name = view.held_by or PAUSED.name  # the pause applies to all tasks that are in no lane
    return next((hold for hold in queue.holds() if hold.name == name and not hold.lifted), None)


def adopt(obj: Model, destination: Destination, remote_id: object, url: str = "", *, kind: str = "") -> SyncRecord:
    """Take over a copy that was posted before: the next edit of the object edits it. Nothing is sent now.

    The removal of an unwanted copy (of a draft or a soft-deleted object) is queued, and so is the update of a private
    object's copy, because its visibility is unknown.
    """
    source = source_of(obj)
    changed_at = gate.changed_at(source, obj)
    kind = kind or adopting.default_kind(destination.service)
    part = RemotePart(kind=kind, id=str(remote_id), url=url, address=destination.address)
    found = adopting.standing(source, obj, destination)
    # If the site's code raises, the record waits, and its attempt reports why.
    how = found.value if isinstance(found, Asked) else adopting.Standing(is_wanted=False)
    key: dict[str, Any] = {"source": source.label, "object_pk": key_text(type(obj), obj.pk), "destination": destination}
    before = SyncRecord.objects.using(record_db()).filter(**key).first()
    values = {
        "service": destination.service,
        "object_changed_at": changed_at.value if isinstance(changed_at, Asked) else None,
        **adopting.columns(how, [part]),
    }
    record, _created = SyncRecord.objects.using(record_db()).update_or_create(**key, defaults=values)
    # If there are two copies, the given one stays.
    others = [one for one in read_parts(before) if one.id != part.id] if before is not None else []
    if others:
        note_orphans(record, others)
    if (others or (record.state == RecordState.WAITING and record.due_at is None)) and destination.enabled:
        enqueue_pending([pending_record(record, destination)])
    return record


def adopt_all(
    destination: Destination, *, dry_run: bool, actor: str, progress: Progress | None = None
) -> Iterator[adopting.Adopted]:
    """Adopt the existing copies of all objects at a destination; yields the result of each chunk.

    Each chunk is committed before it is yielded, so the adoption may be stopped at any time and repeated.
    """
    count = 0
    for source in all_sources():
        if not gate.adopts(source):
            continue
        for reading in walk.objects(source):
            found = adopting.adopt_chunk(source, reading, destination, write=not dry_run)
            enqueue_pending(found.pending_records)
            count += found.count
            tell(progress, count)
            yield found
    if not dry_run:
        logger.info("Existing copies of %s objects at destination %s adopted by %s", count, destination.pk, actor)


def sync_records(rows: QuerySet[SyncRecord], *, actor: str) -> int:
    """Sync records again at a person's request, whatever their state is; returns how many wait now."""
    count = touch_and_queue(rows)
    logger.info("%s records synced anew by %s", count, actor)
    return count


def touch_and_queue(rows: QuerySet[SyncRecord]) -> int:
    """Give the records a new generation and queue them; returns how many wait."""
    count = 0
    for piece in _pieces(rows):
        pending_records = touch_records(piece.select_related("destination"), now=SYSTEM_CLOCK.now())
        enqueue_pending(pending_records)
        count += len(pending_records)
    return count


def resync(
    places: Sequence[Destination], *, force: bool, prune: bool, actor: str, progress: Progress | None = None
) -> int:
    """Queue all objects of these destinations, see `sources.resyncing`; returns how many records wait now."""
    count = 0
    for pending_records in resyncing.resync(places, force=force, prune=prune):
        enqueue_pending(pending_records)
        count += len(pending_records)
        tell(progress, count)
    logger.info("%s records of %s destinations resynced by %s", count, len(places), actor)
    return count

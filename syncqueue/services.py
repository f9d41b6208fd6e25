"""The service layer: the one door for admin, API, commands and receivers.

What changes state for a person takes `actor`, who it was, in words.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections, router, transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from syncqueue import cleared, gathering, policies, site
from syncqueue.conf import get_settings
from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import (
    ConfigurationError,
    QueueError,
    QueueUnavailable,
    TaskInProcessing,
    UnknownTask,
    WrongState,
)
from syncqueue.core.task import QueueStats, TaskState, TaskView, from_ms
from syncqueue.execution.dispatch import dispatch, queued
from syncqueue.execution.prepare import broken_hold, disabled_hold, place_of
from syncqueue.handlers.base import (
    Document,
    DocumentHandler,
    DocumentJob,
    JobStep,
    Place,
    PlaceChoice,
    RemotePart,
)
from syncqueue.handlers.registry import make_handler, posts
from syncqueue.models import (
    Clearing,
    Destination,
    DestinationState,
    RecordState,
    ServicePolicy,
    SiteStamp,
    SyncRecord,
    new_generation,
)
from syncqueue.queue import SyncQueue
from syncqueue.queue.calls import CHUNK, Measures
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.inspect import HoldView, Outage, PeriodCount
from syncqueue.queue.keys import workers_key
from syncqueue.queue.pages import TaskPage
from syncqueue.queue.steps import CLEARABLE
from syncqueue.queues import get_queue
from syncqueue.site import record_db
from syncqueue.sources import destinations, records, resyncing
from syncqueue.sources.intents import (
    Change,
    Intent,
    record_changes,
    record_id_of,
    record_of_task_id,
    record_task_id,
    touch_records,
)
from syncqueue.sources.registry import ModelSync, source_for
from syncqueue.sources.sentences import Sentence, describe
from syncqueue.sources.sweep import begin_filling

T = TypeVar("T", bound=Model)
logger = logging.getLogger("syncqueue.services")

# Is told how many tasks of long work are done.
Progress: TypeAlias = Callable[[int], None]

# A worker whose last heartbeat is older is not there any more (it beats every 10 seconds).
WORKER_SECONDS = 35.0
# Beyond this a queue whose worker is alive is in trouble all the same.
STALE_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker as people see it."""

    id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    services: tuple[str, ...]
    running: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """How one service's queue does."""

    name: str
    ok: bool
    workers: int
    oldest_pending_seconds: float | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How everything does."""

    ok: bool
    redis: bool
    services: Sequence[ServiceHealth]


# Objects


def _source_of(obj: Model) -> ModelSync:
    source = source_for(type(obj))
    if source is None:
        raise ConfigurationError(
            f"{type(obj)._meta.label} is not registered: write a ModelSync for it in sync_sources.py and decorate it "
            f"with @syncqueue.register({type(obj).__name__})."
        )
    return source


def sync(obj: Model) -> None:
    """Sync an object now, as a save would. Raises `ConfigurationError` when its model is not registered."""
    using = obj._state.db or router.db_for_write(type(obj))
    gathering.note_changes(_source_of(obj), [Change(obj=obj, pk=str(obj.pk))], using)


def sync_queryset(objects: QuerySet[Any], service: str | None = None) -> int:
    """Queue all objects of a queryset (bulk_create() and update() send no signals); answers how many records wait."""
    source = source_for(objects.model)
    if source is None:
        raise ConfigurationError(f"{objects.model._meta.label} is not registered with syncqueue.")
    only = None if service is None else {place.pk for place in resyncing.chosen_destinations([service])}
    count = 0
    for piece in _pieces(objects):
        with transaction.atomic(using=record_db()):
            intents = record_changes(source, [Change(obj=obj, pk=str(obj.pk)) for obj in piece], only=only)
        count += len(intents)
        _queue(intents)
    return count


def _pieces(rows: QuerySet[T], *related: str) -> Iterator[list[T]]:
    """The rows in chunks by their keys, oldest first, whatever order the model shows its rows in.

    Not by one long query: on SQLite nothing can be written beside one once another process has written.
    """
    manager = rows.model._base_manager.using(rows.db).order_by("pk")
    for piece in chunks(sorted(rows.values_list("pk", flat=True)), CHUNK):
        yield list(manager.filter(pk__in=piece).select_related(*related) if related else manager.filter(pk__in=piece))


def _queue(intents: Sequence[Intent]) -> None:
    """Put records into their queues once they are committed: a worker must not look before."""

    def enqueue() -> None:
        with queued():
            dispatch(intents)

    transaction.on_commit(enqueue, using=record_db(), robust=True)


def status(obj: Model) -> list[SyncRecord]:
    """The records of an object."""
    rows = SyncRecord.objects.using(record_db()).filter(source=_source_of(obj).label, object_pk=str(obj.pk))
    return list(rows.select_related("destination").order_by("destination__name", "pk"))


def explain(obj: Model) -> list[Sentence]:
    """One plain sentence for each destination that is considered for an object."""
    source = _source_of(obj)
    by_destination = {record.destination_id: record for record in status(obj)}
    places = Destination.objects.using(record_db()).filter(
        owner_id=source.owner_key(obj), enabled=True, state=DestinationState.ACTIVE
    )
    known = {place.pk: place for place in places if place.service in get_settings().services}
    known |= {record.destination_id: record.destination for record in by_destination.values()}
    ordered = sorted(known.values(), key=lambda place: (place.name, place.pk))
    holds = _holds_of(list(by_destination.values()))
    return [describe(source, obj, place, by_destination.get(place.pk), holds.get(place.pk)) for place in ordered]


def _holds_of(rows: Sequence[SyncRecord]) -> Mapping[int, HoldView]:
    """What holds the tasks of waiting records now, by destination; as much of it as Redis tells."""
    found: dict[int, HoldView] = {}
    try:
        for record in rows:
            if record.state == RecordState.WAITING and (hold := _hold_of(record)) is not None:
                found[record.destination_id] = hold
    except (QueueError, ConfigurationError) as error:  # away, or the service is off: the record's own words must do
        logger.debug("%s", error)
    return found


def _hold_of(record: SyncRecord) -> HoldView | None:
    queue = get_queue(record.service)
    view = queue.get(record_task_id(record.pk))
    if view is None:
        return None
    name = view.held_by or "pause"  # which holds all that are in no lane
    return next((hold for hold in queue.holds() if hold.name == name and not hold.lifted), None)


def adopt(obj: Model, destination: Destination, remote_id: object, url: str = "", *, kind: str = "") -> SyncRecord:
    """Take over a copy posted before: the next edit edits it. Nothing is sent now."""
    source = _source_of(obj)
    handler = make_handler(destination.service)
    kind = kind or (handler.default_kind if isinstance(handler, DocumentHandler) else "text")
    part = {"kind": kind, "id": str(remote_id), "url": url, "address": destination.address}
    generation = new_generation()
    record, _created = SyncRecord.objects.using(record_db()).update_or_create(
        source=source.label,
        object_pk=str(obj.pk),
        destination=destination,
        defaults={
            "service": destination.service,
            "state": RecordState.SYNCED,
            "generation": generation,
            "synced_generation": generation,
            "object_changed_at": source.changed_at(obj),
            "synced_at": SYSTEM_CLOCK.now(),
            "parts": [part],
            "content_hash": "",
            "error": "",
        },
    )
    return record


# Queues


def service_names() -> list[str]:
    """The services that are on."""
    return list(get_settings().services)


def stats(service: str) -> QueueStats:
    """The figures of a service's queue. Raises `QueueUnavailable` and `ConfigurationError`."""
    return get_queue(service).stats()


def measures(service: str) -> Measures:
    """The figures of a service's queue with those that only the metrics show. Raises as `stats`."""
    return get_queue(service).measures()


def history(service: str, count: int, minutes: int) -> Sequence[PeriodCount]:
    """What was counted in the last `count` periods of so many minutes each, oldest first."""
    return get_queue(service).history(count, minutes)


def outages(service: str) -> Sequence[Outage]:
    """The last outage of each endpoint of a service."""
    return get_queue(service).outages()


def holds(service: str) -> Sequence[HoldView]:
    """The holds of a service."""
    return get_queue(service).holds()


def _record_ids(views: Iterable[TaskView]) -> list[int]:
    found = []
    for view in views:
        if view.task is not None and (record_id := record_id_of(view.task)) is not None:
            found.append(record_id)
        elif (record_id := record_of_task_id(view.id)) is not None:
            found.append(record_id)  # the body cannot be read, but the id says which record it was
    return found


def retry_failed(service: str, *, actor: str, most: int | None = None, progress: Progress | None = None) -> int:
    """Bring all dead letters back that there are now, or the `most` oldest; answers how many.

    All: then also what `retry_failed_records` does. `progress` is told after each chunk.
    """
    queue = get_queue(service)
    total, left = 0, queue.stats().failed_count
    left = left if most is None else min(left, most)
    while left > 0 and (ids := queue.ids(TaskState.FAILED, min(left, CHUNK))):
        total += _bring_back(queue, ids)
        left -= len(ids)
        _tell(progress, total)
    if most is None:
        total += _touch_and_queue(_failed_records(service))
    logger.info("%s: %s failed tasks brought back by %s", service, total, actor)
    return total


def retry_failed_records(service: str, *, actor: str, after: int, most: int) -> tuple[int, int]:
    """Bring back failed and held records whose dead letters are gone, because Redis was emptied or has trimmed them.

    The `most` first ones whose key is above `after`. Answers how many wait now, and the key to go on after (0: none is
    left). Call it once the dead letters are back, whose records wait since then.
    """
    keys = list(_failed_records(service).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:most])
    count = _touch_and_queue(_failed_records(service).filter(pk__gt=after, pk__lte=keys[-1])) if keys else 0
    logger.info("%s: %s failed records brought back by %s", service, count, actor)
    return count, keys[-1] if len(keys) == most else 0


def failed_record_count(service: str, most: int | None = None) -> int:
    """How many records have failed or are held; with `most`, counting ends there."""
    return _failed_records(service).order_by()[:most].count()


def _failed_records(service: str) -> QuerySet[SyncRecord]:
    return records.records().filter(service=service, state__in=(RecordState.FAILED, RecordState.UNKNOWN))


def retry_tasks(service: str, ids: Sequence[str], *, actor: str) -> int:
    """Bring these dead letters back; answers how many there were."""
    total = sum(_bring_back(get_queue(service), piece) for piece in chunks(ids, CHUNK))
    logger.info("%s: %s tasks brought back by %s", service, total, actor)
    return total


def _bring_back(queue: SyncQueue, ids: Sequence[str]) -> int:
    _revive([found for id_ in ids if (found := record_of_task_id(id_)) is not None])
    return queue.requeue(ids)


def run_tasks_now(service: str, ids: Sequence[str], *, actor: str) -> int:
    """Let these delayed tasks go out at once; answers how many there were."""
    total = sum(get_queue(service).run_now(piece) for piece in chunks(ids, CHUNK))
    logger.info("%s: %s tasks run now by %s", service, total, actor)
    return total


def _tell(progress: Progress | None, done: int) -> None:
    if progress is not None:
        progress(done)


def _rows(record_ids: Sequence[int], states: Sequence[RecordState]) -> QuerySet[SyncRecord]:
    return records.records().filter(pk__in=record_ids, state__in=states)


def clear(
    service: str,
    *,
    states: Sequence[TaskState] = CLEARABLE,
    actor: str,
    clearing: Clearing | None = None,
    most: int | None = None,
    progress: Progress | None = None,
) -> dict[TaskState, int]:
    """Remove all tasks there are now in the states, or the `most` oldest; for a week they can be restored.

    `clearing`: the one to go on with, from `begin_clearing`. Raises `TaskInProcessing` for that state.
    """
    if TaskState.PROCESSING in states:
        raise TaskInProcessing("Tasks in processing are left alone; they end, or their lease runs out.")
    queue = get_queue(service)
    counts = state_counts(queue.stats())
    batch = clearing or begin_clearing(service, actor=actor)
    removed = {state: 0 for state in states}
    try:
        for state in states:
            left = counts[state] if most is None else min(counts[state], most - sum(removed.values()))
            while left > 0 and (ids := queue.ids(state, min(left, CHUNK))):
                removed[state] += cleared.take_out(queue, batch, state, ids)
                left -= len(ids)
                _tell(progress, sum(removed.values()))
    finally:
        if clearing is None:
            cleared.forget(batch)
    logger.info("%s: cleared %s by %s", service, removed, actor)
    return removed


def state_counts(figures: QueueStats) -> dict[TaskState, int]:
    """How many tasks are in each state."""
    return {
        TaskState.PENDING: figures.pending_count,
        TaskState.DELAYED: figures.delayed_count,
        TaskState.PROCESSING: figures.processing_count,
        TaskState.FAILED: figures.failed_count,
    }


def begin_clearing(service: str, *, actor: str) -> Clearing:
    """Note that a person takes tasks out, for `clear` and `delete_tasks` in several calls."""
    get_settings().service(service)
    return cleared.begin(service, actor=actor)


def delete_tasks(clearing: Clearing, state: TaskState, ids: Sequence[str], *, actor: str) -> int:
    """Take these tasks out of a state; answers how many there were. For a week they can be restored."""
    count = cleared.take_out(get_queue(clearing.service), clearing, state, ids)
    logger.info("%s: %s %s tasks deleted by %s", clearing.service, count, state, actor)
    return count


def restore(clearing: Clearing, *, actor: str, most: int) -> tuple[int, bool]:
    """Bring back what a clearing took out, about `most` tasks; answers how many, and whether more is left."""
    count, more = cleared.restore(get_queue(clearing.service), clearing, most)
    logger.info("%s: %s cleared tasks restored by %s", clearing.service, count, actor)
    return count, more


def restorable() -> QuerySet[Clearing]:
    """The clearings of the last 7 days that took something out, newest first."""
    return cleared.restorable()


def clearing(pk: int, service: str) -> Clearing | None:
    """A clearing of a service; None where there is none."""
    return Clearing.objects.using(record_db()).filter(pk=pk, service=service).first()


def recover(service: str, *, actor: str) -> int:
    """Take back tasks whose lease ran out; answers how many."""
    found = get_queue(service).recover_expired()
    fail_records(found.failed_ids)
    logger.info("%s: %s expired leases taken back by %s", service, found.count, actor)
    return found.count


def fail_records(task_ids: Sequence[str], error: str = "") -> None:
    """Mark the records of dead letters as failed, where they still wait."""
    ids = [found for id_ in task_ids if (found := record_of_task_id(id_)) is not None]
    text = error or _("It took down the worker several times while it was worked on.")
    _rows(ids, (RecordState.WAITING,)).update(
        state=RecordState.FAILED, error=text, error_at=SYSTEM_CLOCK.now(), next_attempt_at=None
    )


def task_page(
    service: str, state: TaskState, *, cursor: str = "", search: str = "", limit: int = 50, start: int = 0
) -> TaskPage:
    """A page of a state after a cursor, or from rank `start` on, oldest first. Raises `InvalidCursor`."""
    return get_queue(service).page(state, cursor=cursor, search=search, limit=limit, start=start)


def task(service: str, task_id: str) -> TaskView:
    """One task, in any state. Raises `UnknownTask`."""
    view = get_queue(service).get(task_id)
    if view is None:
        raise UnknownTask(_("There is no such task in the queue of %(service)s.") % {"service": service})
    return view


def delete_task(service: str, task_id: str, *, actor: str) -> None:
    """Remove one task; its record says who did it. Raises `UnknownTask` and `TaskInProcessing`."""
    view = task(service, task_id)
    if view.state is not TaskState.PROCESSING:
        cleared.abandon(_record_ids([view]), actor)
    get_queue(service).delete(task_id)
    logger.info("%s: %s deleted by %s", service, task_id, actor)


def retry_task(service: str, task_id: str, *, actor: str) -> None:
    """Bring one dead letter back. Raises `UnknownTask`, and `WrongState` for one that has not failed."""
    view = _task_in(service, task_id, TaskState.FAILED)
    _revive(_record_ids([view]))
    get_queue(service).requeue([task_id])
    logger.info("%s: %s brought back by %s", service, task_id, actor)


def run_task_now(service: str, task_id: str, *, actor: str) -> None:
    """Let a delayed task go out at once; a hold that still applies parks it again. Raises as `retry_task`."""
    _task_in(service, task_id, TaskState.DELAYED)
    get_queue(service).run_now([task_id])
    logger.info("%s: %s run now by %s", service, task_id, actor)


def _task_in(service: str, task_id: str, wanted: TaskState) -> TaskView:
    view = task(service, task_id)
    if view.state is not wanted:
        text = _("This is possible for %(wanted)s tasks; this one is %(state)s.")
        raise WrongState(text % {"wanted": wanted.value, "state": view.state.value})
    return view


def _revive(record_ids: Sequence[int]) -> None:
    _rows(record_ids, (RecordState.FAILED, RecordState.UNKNOWN)).update(
        state=RecordState.WAITING, changed_at=SYSTEM_CLOCK.now()
    )


def pause(service: str, *, actor: str) -> None:
    """Hold a service until it is resumed."""
    _set_paused(service, True)
    get_queue(service).hold("pause", None, _("Paused by %(actor)s.") % {"actor": actor})


def resume(service: str, *, actor: str) -> None:
    """Let a service go on that was paused, or whose own tasks were refused."""
    _set_paused(service, False)
    get_queue(service).lift("pause", f"broken:{service}")
    logger.info("%s: resumed by %s", service, actor)


def _set_paused(service: str, paused: bool) -> None:
    get_settings().service(service)
    ServicePolicy.objects.using(record_db()).update_or_create(service=service, defaults={"paused": paused})
    policies.forget()


def sync_records(rows: QuerySet[SyncRecord], *, actor: str) -> int:
    """Sync records anew because a person asked, whatever state they are in; answers how many wait now."""
    count = _touch_and_queue(rows)
    logger.info("%s records synced anew by %s", count, actor)
    return count


def _touch_and_queue(rows: QuerySet[SyncRecord]) -> int:
    count = 0
    for piece in _pieces(rows, "destination"):
        intents = touch_records(piece, now=SYSTEM_CLOCK.now())
        _queue(intents)
        count += len(intents)
    return count


def resync(
    places: Sequence[Destination], *, force: bool, prune: bool, actor: str, progress: Progress | None = None
) -> int:
    """Queue all objects of these destinations, as `sources.resyncing` says; answers how many records wait now."""
    count = 0
    for intents in resyncing.resync(places, force=force, prune=prune):
        _queue(intents)
        count += len(intents)
        _tell(progress, count)
    logger.info("%s records of %s destinations resynced by %s", count, len(places), actor)
    return count


# Destinations


def rotate_secrets(*, actor: str, dry_run: bool = False) -> destinations.Rotation:
    """Write every stored secret under the key that writes now; `dry_run` only tries whether that is possible."""
    found = destinations.rotate_secrets(dry_run=dry_run)
    if not dry_run:
        logger.info("%s secrets rewritten by %s", found.rewritten_count, actor)
    return found


def mend(destination: Destination, *, actor: str) -> None:
    """A destination was mended: what waits for it goes out, oldest first."""
    rows = Destination.objects.using(record_db()).filter(pk=destination.pk)
    rows.update(broken_reason="", broken_at=None)
    destination.broken_reason, destination.broken_at = "", None
    _lift(destination.service, broken_hold(destination.pk), f"rate:destination:{destination.pk}")
    logger.info("Destination %s mended by %s", destination.pk, actor)


def _lift(service: str, *names: str) -> None:
    try:
        get_queue(service).lift(*names)
    except (QueueError, ConfigurationError) as error:
        # Redis was away, and with it the hold; or the service is off. The record's attempt asks the database anyway.
        logger.warning("%s", error)


def after_destination_save(destination: Destination, *, created: bool) -> None:
    """What follows from a saved destination; called after the commit."""
    if destination.service not in get_settings().services:
        return
    takes_older = destination.start_at is None or destination.start_at < destination.created_at
    if created and takes_older and (not posts(destination.service) or destination.start_at is not None):
        begin_filling(destination)
    if not created and destination.enabled:
        held = [disabled_hold(destination.pk)] + ([] if destination.broken_reason else [broken_hold(destination.pk)])
        _lift(destination.service, *held)


def retire(destination: Destination, *, remove_remote: bool, actor: str) -> None:
    """Delete a destination: at once, leaving its remote copies, or once they have been removed."""
    left = destinations.begin_retirement(destination, remove_remote=remove_remote)
    logger.info("Destination %s retired by %s, %s copies to be removed", destination.pk, actor, len(left))
    for piece in chunks(left, CHUNK):
        _queue(touch_records(piece, now=SYSTEM_CLOCK.now()))


def retire_of_owner(owner_id: Any) -> None:
    """Retire the destinations of a user who was deleted; their remote copies stay."""
    for destination in Destination.objects.using(record_db()).filter(owner_id=owner_id):
        retire(destination, remove_remote=False, actor="the deletion of its owner")


def check_destination(destination: Destination) -> str:
    """Try a destination's address and credential without posting; answers a sentence. Raises `HandlerError`."""
    return asyncio.run(_check(destination))


async def _check(destination: Destination) -> str:
    handler = make_handler(destination.service)
    try:
        if not isinstance(handler, DocumentHandler):
            return _("There is nothing to check at this service.")
        return await handler.check(place_of(destination))
    finally:
        await handler.aclose()


def send_test(destination: Destination) -> str:
    """Post a line to a destination and take it away again; answers a sentence. Raises `HandlerError`.

    An index is only asked, as `check_destination` does: a row of no object would be found by searches.
    """
    return asyncio.run(_send_test(destination))


async def _send_test(destination: Destination) -> str:
    handler = make_handler(destination.service)
    try:
        if not isinstance(handler, DocumentHandler):
            return _("There is nothing to test at this service.")
        place = place_of(destination)
        if not handler.posts:
            return await handler.check(place)
        await handler.delete(_test_job(place, "delete", await handler.create(_test_job(place, "create", ()))))
        return _("A test was posted to %(name)s and taken away again.") % {"name": destination.name}
    finally:
        await handler.aclose()


def _test_job(place: Place, step: JobStep, parts: Sequence[RemotePart]) -> DocumentJob:
    async def next_key(parts: Sequence[RemotePart]) -> str:
        return new_generation()  # nothing is stored: the copy goes at once

    return DocumentJob(
        place=place,
        document=Document(text=_("A test: posts arrive here. This one goes away by itself.")),
        parts=parts,
        idempotency_key=new_generation(),
        uncertain=False,
        store=next_key,
        step=step,
        source="syncqueue.test",
        object_pk="1",
    )


def find_places(service: str, secret: Mapping[str, str]) -> Sequence[PlaceChoice]:
    """The places that a credential can post to; raises `HandlerError` and `ConfigurationError`."""
    return asyncio.run(_find_places(service, secret))


async def _find_places(service: str, secret: Mapping[str, str]) -> Sequence[PlaceChoice]:
    handler = make_handler(service)
    try:
        return await handler.places(secret) if isinstance(handler, DocumentHandler) else ()
    finally:
        await handler.aclose()


# The whole


def workers() -> Sequence[WorkerView]:
    """The workers that are alive. Raises `QueueUnavailable`."""
    names = service_names()
    if not names:
        return []
    client = get_queue(names[0]).client
    with redis_errors(names[0]):
        beats = cast(dict[str, str], client.hgetall(workers_key(get_settings().key_prefix)))
    found = [WorkerView(id=id_, **_worker(json.loads(text))) for id_, text in beats.items()]
    return sorted((w for w in found if time.time() - w.seen_at.timestamp() < WORKER_SECONDS), key=lambda w: w.id)


def _worker(beat: dict[str, Any]) -> dict[str, Any]:
    return {
        "host": str(beat["host"]),
        "pid": int(beat["pid"]),
        "started_at": from_ms(beat["started_at"]),
        "seen_at": from_ms(beat["seen_at"]),
        "services": tuple(beat["services"]),
        "running": int(beat["running"]),
    }


def health() -> Health:
    """Whether Redis answers, every service has a worker, and nothing waits for too long."""
    names = service_names()
    try:
        alive = workers()
        found = [_service_health(name, stats(name), alive) for name in names]
    except QueueUnavailable as error:
        down = [
            ServiceHealth(name=n, ok=False, workers=0, oldest_pending_seconds=None, problem=str(error)) for n in names
        ]
        return Health(ok=False, redis=False, services=down)
    return Health(ok=all(one.ok for one in found), redis=True, services=found)


def _service_health(name: str, figures: QueueStats, alive: Sequence[WorkerView]) -> ServiceHealth:
    count = sum(name in worker.services for worker in alive)
    oldest = figures.oldest_pending_seconds
    problem = ""
    if not count:
        problem = _("No worker is running: start manage.py runsyncworker.")
    elif oldest is not None and oldest > STALE_SECONDS and not figures.paused:
        problem = _("The oldest task has been waiting for %(minutes)d minutes.") % {"minutes": oldest // 60}
    return ServiceHealth(name=name, ok=not problem, workers=count, oldest_pending_seconds=oldest, problem=problem)


def adopt_queue() -> None:
    """Confirm that this database belongs to this environment, and take its queues over."""
    site.adopt()
    for name in service_names():
        get_queue(name).adopt()


def after_migrate(using: str = DEFAULT_DB_ALIAS, app_config: Any = None, **_: Any) -> None:
    """Give destinations declared in the settings their rows, when the tables are there."""
    if app_config is None or app_config.label != "syncqueue" or using != record_db():
        return
    if SiteStamp._meta.db_table not in connections[using].introspection.table_names():
        return  # migrated back: the app is about to be taken out
    try:
        if get_settings().enabled:
            site.stamp()
            destinations.ensure_declared()
    except ConfigurationError as error:  # the system check says it too; a migration must go through
        logger.warning("%s", error)

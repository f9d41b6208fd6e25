"""A queue and its tasks: figures, lists, and the operations of people."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from syncqueue.conf import get_settings
from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import ConfigurationError, QueueError, TaskInProcessing, UnknownTask, WrongState
from syncqueue.core.hold import PAUSED, resumed
from syncqueue.core.task import QueueStats, TaskState, TaskView
from syncqueue.dispatch.dispatch import endpoint_of
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.execution import policies
from syncqueue.handlers.base import DocumentHandler
from syncqueue.handlers.registry import shared_handler
from syncqueue.models import Clearing, Destination, RecordState, ServicePolicy, SyncRecord
from syncqueue.presentation.reasons import in_words
from syncqueue.queue import SyncQueue
from syncqueue.queue.calls import CHUNK, Measures
from syncqueue.queue.inspect import HoldView, Outage, PeriodCount
from syncqueue.queue.pages import TaskPage
from syncqueue.queue.steps import CLEARABLE
from syncqueue.services import cleared
from syncqueue.services.objects import touch_and_queue
from syncqueue.services.progress import Progress, tell
from syncqueue.site import record_db
from syncqueue.sources import records
from syncqueue.sources.intents import record_id_of, record_of_task_id

logger = logging.getLogger("syncqueue.services")


def service_names() -> list[str]:
    """Return the enabled services."""
    return list(get_settings().services)


def stats(service: str) -> QueueStats:
    """Return the figures of a service's queue. Raises `QueueUnavailable` and `ConfigurationError`."""
    return get_queue(service).stats()


def measures(service: str) -> Measures:
    """Return the figures of a service's queue, including those that only the metrics show. Raises as `stats`."""
    return get_queue(service).measures()


def unreadable_count(service: str) -> int:
    """Return how many values of a service's queue cannot be read; they are skipped everywhere."""
    return get_queue(service).unreadable_count()


def history(service: str, count: int, minutes: int) -> Sequence[PeriodCount]:
    """Return the counts of the last `count` periods of `minutes` each, oldest first."""
    return get_queue(service).history(count, minutes)


def outages(service: str) -> Sequence[Outage]:
    """Return the last outage of each endpoint of a service for which anything waited."""
    found = [replace(one, waiting_count=_waiting_messages(service, one)) for one in get_queue(service).outages()]
    return [one for one in found if one.until_at is None or one.waited_count]


# Maximum number of waiting tasks that are read: more would be too slow for a page that reloads every few seconds.
_COUNTED = 10_000


def _waiting_messages(service: str, outage: Outage) -> int:
    """Return how many objects wait for an endpoint.

    Objects are counted, not tasks: a destination whose rule does not accept an object also has a task, and only the
    attempt finds that it has nothing to send.
    """
    handler = shared_handler(service)
    if not outage.waiting_count or not isinstance(handler, DocumentHandler):
        return outage.waiting_count
    rows = Destination.objects.using(record_db()).filter(service=service)
    away = [row.pk for row in rows if endpoint_of(handler, row) == outage.endpoint]
    waiting = records.records().filter(service=service, state=RecordState.WAITING, destination__in=away)
    objects = waiting.order_by().values("source", "object_pk").distinct()[: _COUNTED + 1].count()
    return outage.waiting_count if objects > _COUNTED else min(objects, outage.waiting_count)


def holds(service: str) -> Sequence[HoldView]:
    """Return the holds of a service."""
    return get_queue(service).holds()


def _record_ids(views: Iterable[TaskView]) -> list[int]:
    found = []
    for view in views:
        if view.task is not None and (record_id := record_id_of(view.task)) is not None:
            found.append(record_id)
        elif (record_id := record_of_task_id(view.id)) is not None:
            found.append(record_id)  # the body cannot be read, but the id names the record
    return found


def retry_failed(service: str, *, actor: str, most: int | None = None, progress: Progress | None = None) -> int:
    """Requeue all present dead letters, or the `most` oldest; returns how many.

    Without `most` it also does what `retry_failed_records` does. `progress` is called after each chunk.
    """
    queue = get_queue(service)
    total, left = 0, queue.stats().failed_count
    left = left if most is None else min(left, most)
    while left > 0 and (ids := queue.ids(TaskState.FAILED, min(left, CHUNK))):
        total += _bring_back(queue, ids)
        left -= len(ids)
        tell(progress, total)
    if most is None:
        total += touch_and_queue(_failed_records(service))
    logger.info("%s: %s failed tasks brought back by %s", service, total, actor)
    return total


def retry_failed_records(service: str, *, actor: str, after: int, most: int) -> tuple[int, int]:
    """Sync failed and held records again whose dead letters are gone, because Redis was emptied or has trimmed them.

    Handles the first `most` records with a primary key above `after`. Returns how many wait now, and the primary key to
    pass as `after` next (0: none is left). Call it after the dead letters were requeued, so that their records wait.
    """
    keys = list(_failed_records(service).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:most])
    count = touch_and_queue(_failed_records(service).filter(pk__gt=after, pk__lte=keys[-1])) if keys else 0
    logger.info("%s: %s failed records brought back by %s", service, count, actor)
    return count, keys[-1] if len(keys) == most else 0


def failed_record_count(service: str, most: int | None = None) -> int:
    """Return how many records have failed or are held; `most`: stop counting there."""
    return _failed_records(service).order_by()[:most].count()


def _failed_records(service: str) -> QuerySet[SyncRecord]:
    return records.records().filter(service=service, state__in=(RecordState.FAILED, RecordState.UNKNOWN))


def retry_tasks(service: str, ids: Sequence[str], *, actor: str) -> int:
    """Requeue these dead letters; returns how many there were."""
    total = sum(_bring_back(get_queue(service), piece) for piece in chunks(ids, CHUNK))
    logger.info("%s: %s tasks brought back by %s", service, total, actor)
    return total


def _bring_back(queue: SyncQueue, ids: Sequence[str]) -> int:
    _revive([found for id_ in ids if (found := record_of_task_id(id_)) is not None])
    return queue.requeue(ids)


def run_tasks_now(service: str, ids: Sequence[str], *, actor: str) -> int:
    """Move these delayed tasks to pending, and end the rate limits that they wait for; returns how many there were."""
    total = sum(get_queue(service).run_now(piece) for piece in chunks(ids, CHUNK))
    logger.info("%s: %s tasks run now by %s", service, total, actor)
    return total


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
    """Remove all present tasks in the states, or the `most` oldest; they can be restored for a week.

    `clearing`: the one to continue, from `begin_clearing`. Raises `TaskInProcessing` if that state is among `states`.
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
                tell(progress, sum(removed.values()))
    finally:
        if clearing is None:
            cleared.forget(batch)
    logger.info("%s: cleared %s by %s", service, removed, actor)
    return removed


def state_counts(figures: QueueStats) -> dict[TaskState, int]:
    """Return the number of tasks in each state."""
    return {
        TaskState.PENDING: figures.pending_count,
        TaskState.DELAYED: figures.delayed_count,
        TaskState.PROCESSING: figures.processing_count,
        TaskState.FAILED: figures.failed_count,
    }


def begin_clearing(service: str, *, actor: str) -> Clearing:
    """Create a clearing for several calls of `clear` and `delete_tasks`."""
    get_settings().service(service)
    return cleared.begin(service, actor=actor)


def delete_tasks(clearing: Clearing, state: TaskState, ids: Sequence[str], *, actor: str) -> int:
    """Remove these tasks from a state; returns how many there were. They can be restored for a week."""
    count = cleared.take_out(get_queue(clearing.service), clearing, state, ids)
    logger.info("%s: %s %s tasks deleted by %s", clearing.service, count, state, actor)
    return count


def restore(clearing: Clearing, *, actor: str, most: int) -> tuple[int, bool]:
    """Restore about `most` tasks of a clearing; returns how many, and whether more are left."""
    count, more = cleared.restore(get_queue(clearing.service), clearing, most)
    logger.info("%s: %s cleared tasks restored by %s", clearing.service, count, actor)
    return count, more


def restorable() -> QuerySet[Clearing]:
    """Return the clearings of the last 7 days that removed something, newest first."""
    return cleared.restorable()


def clearing(pk: int, service: str) -> Clearing | None:
    """Return a clearing of a service; None if there is none."""
    return Clearing.objects.using(record_db()).filter(pk=pk, service=service).first()


def recover(service: str, *, actor: str) -> int:
    """Recover tasks whose lease has expired; returns how many."""
    found = get_queue(service).recover_expired()
    fail_records(found.failed_ids)
    logger.info("%s: %s expired leases taken back by %s", service, found.count, actor)
    return found.count


def fail_records(task_ids: Sequence[str], error: str = "") -> None:
    """Mark the records of dead letters as failed if they are still waiting."""
    ids = [found for id_ in task_ids if (found := record_of_task_id(id_)) is not None]
    text = error or "The worker crashed several times during its attempts."
    _rows(ids, (RecordState.WAITING,)).update(**records.failed(text, SYSTEM_CLOCK.now()))


def task_page(
    service: str, state: TaskState, *, cursor: str = "", search: str = "", limit: int = 50, start: int = 0
) -> TaskPage:
    """Return the page of a state after a cursor, or from rank `start`, oldest first. Raises `InvalidCursor`."""
    return get_queue(service).page(state, cursor=cursor, search=search, limit=limit, start=start)


def task(service: str, task_id: str) -> TaskView:
    """Return a task in any state. Raises `UnknownTask`."""
    view = get_queue(service).get(task_id)
    if view is None:
        raise UnknownTask(_("There is no such task in the queue of %(service)s.") % {"service": service})
    return view


def delete_task(service: str, task_id: str, *, actor: str) -> None:
    """Remove one task; its record names the actor. Raises `UnknownTask` and `TaskInProcessing`."""
    view = task(service, task_id)
    if view.state is not TaskState.PROCESSING:
        cleared.abandon(_record_ids([view]), actor)
    get_queue(service).delete(task_id)
    logger.info("%s: %s deleted by %s", service, task_id, actor)


def retry_task(service: str, task_id: str, *, actor: str) -> None:
    """Requeue a dead letter. Raises `UnknownTask`; `WrongState` if the task has not failed."""
    view = _task_in(service, task_id, TaskState.FAILED)
    _revive(_record_ids([view]))
    get_queue(service).requeue([task_id])
    logger.info("%s: %s brought back by %s", service, task_id, actor)


def run_task_now(service: str, task_id: str, *, actor: str) -> None:
    """Move a delayed task to pending, and end a rate limit that it waits for. Raises as `retry_task`.

    Any other hold that still applies parks the task again.
    """
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


def pause(service: str, *, actor: str) -> str:
    """Pause a service until it is resumed. Returns "", or a sentence if Redis could not be updated yet."""
    _set_paused(service, True)
    logger.info("%s: paused by %s", service, actor)
    return _tell(service, lambda queue: queue.hold(PAUSED.name, None, f"Paused by {actor}."))


def resume(service: str, *, actor: str) -> str:
    """Resume a service that was paused or rate-limited, or whose generic tasks were refused. Returns as `pause`."""
    _set_paused(service, False)
    logger.info("%s: resumed by %s", service, actor)
    return _tell(service, lambda queue: queue.lift(*resumed(service, [hold.name for hold in queue.holds()])))


def is_resumable(service: str) -> bool:
    """Return whether resuming a service would end a hold."""
    names = [hold.name for hold in holds(service) if not hold.lifted]
    return not set(names).isdisjoint(resumed(service, names))


def _tell(service: str, move: Callable[[SyncQueue], object]) -> str:
    """Update Redis after the database; if Redis is unavailable, the reconcilers do it later."""
    try:
        move(get_queue(service))
    except (QueueError, ConfigurationError) as error:
        logger.warning("%s: Redis is not updated yet: %s", service, error)
        return _("It is stored. Workers see it when Redis is available again: %s") % in_words(str(error))
    return ""


def _set_paused(service: str, paused: bool) -> None:
    get_settings().service(service)
    ServicePolicy.objects.using(record_db()).update_or_create(service=service, defaults={"paused": paused})
    policies.forget()

"""A queue and its tasks: figures, lists, and what people do to them."""

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
    """The services that are on."""
    return list(get_settings().services)


def stats(service: str) -> QueueStats:
    """The figures of a service's queue. Raises `QueueUnavailable` and `ConfigurationError`."""
    return get_queue(service).stats()


def measures(service: str) -> Measures:
    """The figures of a service's queue with those that only the metrics show. Raises as `stats`."""
    return get_queue(service).measures()


def unreadable_count(service: str) -> int:
    """How many values of a service's queue are of a form that cannot be read, and are left out everywhere."""
    return get_queue(service).unreadable_count()


def history(service: str, count: int, minutes: int) -> Sequence[PeriodCount]:
    """What was counted in the last `count` periods of so many minutes each, oldest first."""
    return get_queue(service).history(count, minutes)


def outages(service: str) -> Sequence[Outage]:
    """The last outage of each endpoint of a service that anything waited for."""
    found = [replace(one, waiting_count=_waiting_messages(service, one)) for one in get_queue(service).outages()]
    return [one for one in found if one.until_at is None or one.waited_count]


# Of the objects that wait; a count of more costs too much for a page that is asked for every few seconds.
_COUNTED = 10_000


def _waiting_messages(service: str, outage: Outage) -> int:
    """How many objects wait for an endpoint: of one object's tasks, those at destinations whose rule does not want it
    have nothing to send, and nobody knows before the attempt.
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
    """Bring all dead letters back that there are now, or the `most` oldest; returns how many.

    All: then also what `retry_failed_records` does. `progress` is told after each chunk.
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
    """Bring back failed and held records whose dead letters are gone, because Redis was emptied or has trimmed them.

    The `most` first ones whose key is above `after`. Answers how many wait now, and the key to go on after (0: none is
    left). Call it once the dead letters are back, whose records wait since then.
    """
    keys = list(_failed_records(service).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:most])
    count = touch_and_queue(_failed_records(service).filter(pk__gt=after, pk__lte=keys[-1])) if keys else 0
    logger.info("%s: %s failed records brought back by %s", service, count, actor)
    return count, keys[-1] if len(keys) == most else 0


def failed_record_count(service: str, most: int | None = None) -> int:
    """How many records have failed or are held; with `most`, counting ends there."""
    return _failed_records(service).order_by()[:most].count()


def _failed_records(service: str) -> QuerySet[SyncRecord]:
    return records.records().filter(service=service, state__in=(RecordState.FAILED, RecordState.UNKNOWN))


def retry_tasks(service: str, ids: Sequence[str], *, actor: str) -> int:
    """Bring these dead letters back; returns how many there were."""
    total = sum(_bring_back(get_queue(service), piece) for piece in chunks(ids, CHUNK))
    logger.info("%s: %s tasks brought back by %s", service, total, actor)
    return total


def _bring_back(queue: SyncQueue, ids: Sequence[str]) -> int:
    _revive([found for id_ in ids if (found := record_of_task_id(id_)) is not None])
    return queue.requeue(ids)


def run_tasks_now(service: str, ids: Sequence[str], *, actor: str) -> int:
    """Let these delayed tasks go out at once, and end rate limits they wait for; returns how many there were."""
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
                tell(progress, sum(removed.values()))
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
    """Take these tasks out of a state; returns how many there were. For a week they can be restored."""
    count = cleared.take_out(get_queue(clearing.service), clearing, state, ids)
    logger.info("%s: %s %s tasks deleted by %s", clearing.service, count, state, actor)
    return count


def restore(clearing: Clearing, *, actor: str, most: int) -> tuple[int, bool]:
    """Bring back what a clearing took out, about `most` tasks; returns how many, and whether more is left."""
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
    """Take back tasks whose lease ran out; returns how many."""
    found = get_queue(service).recover_expired()
    fail_records(found.failed_ids)
    logger.info("%s: %s expired leases taken back by %s", service, found.count, actor)
    return found.count


def fail_records(task_ids: Sequence[str], error: str = "") -> None:
    """Mark the records of dead letters as failed, where they still wait."""
    ids = [found for id_ in task_ids if (found := record_of_task_id(id_)) is not None]
    text = error or "It took down the worker several times while it was worked on."
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
    """Let a delayed task go out at once, and end a rate limit it waits for. Raises as `retry_task`.

    Any other hold that still applies parks it again.
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
    """Hold a service until it is resumed. Returns "", or a sentence where Redis could not be told yet."""
    _set_paused(service, True)
    logger.info("%s: paused by %s", service, actor)
    return _tell(service, lambda queue: queue.hold(PAUSED.name, None, f"Paused by {actor}."))


def resume(service: str, *, actor: str) -> str:
    """Let a service go on that was paused, rate limited, or whose own tasks were refused. Returns as `pause` does."""
    _set_paused(service, False)
    logger.info("%s: resumed by %s", service, actor)
    return _tell(service, lambda queue: queue.lift(*resumed(service, [hold.name for hold in queue.holds()])))


def is_resumable(service: str) -> bool:
    """Whether resuming a service would end a hold."""
    names = [hold.name for hold in holds(service) if not hold.lifted]
    return not set(names).isdisjoint(resumed(service, names))


def _tell(service: str, move: Callable[[SyncQueue], object]) -> str:
    """Mirror in Redis what the database has been told; the reconcilers do it again where Redis is away."""
    try:
        move(get_queue(service))
    except (QueueError, ConfigurationError) as error:
        logger.warning("%s: not told to Redis yet: %s", service, error)
        return _("It is stored. Workers see it once Redis can be told: %s") % in_words(str(error))
    return ""


def _set_paused(service: str, paused: bool) -> None:
    get_settings().service(service)
    ServicePolicy.objects.using(record_db()).update_or_create(service=service, defaults={"paused": paused})
    policies.forget()

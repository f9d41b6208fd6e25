"""Removal of tasks from a queue by a person, in bounded chunks, and their restoration within a week.

For the task of a record, the record in the database is abandoned and keeps the key of its clearing. Other tasks exist
in Redis only, so their bodies go to a trash that expires.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Case, F, QuerySet, TextField, Value, When
from django.db.models.functions import Concat, Replace, Trim

from syncqueue.core.chunks import chunks
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.task import TaskState
from syncqueue.models import Clearing, RecordState, SyncRecord
from syncqueue.queue import SyncQueue
from syncqueue.queue.calls import CHUNK, TRASH_MS
from syncqueue.site import record_db
from syncqueue.sources import records
from syncqueue.sources.intents import record_of_task_id, record_task

CLEARABLE_RECORDS = (RecordState.WAITING, RecordState.FAILED, RecordState.UNKNOWN)


def begin(service: str, *, actor: str) -> Clearing:
    """Create a clearing before a person removes tasks."""
    return Clearing.objects.using(record_db()).create(service=service, actor=actor[:200])


def forget(clearing: Clearing) -> None:
    """Delete a clearing that removed nothing."""
    Clearing.objects.using(record_db()).filter(pk=clearing.pk, task_count=0).delete()


def abandon(record_ids: Sequence[int], actor: str, clearing: int | None = None) -> None:
    """Abandon records until they are saved again, restored, or synced on request.

    Their error names the actor and, for failed records, the former reason. `clearing`: the mark of `_mark`.
    """
    rows = records.records().filter(pk__in=record_ids, state__in=CLEARABLE_RECORDS)
    rows.update(
        error=Case(
            When(state=RecordState.WAITING, then=Value(_cleared_by(actor))),
            default=Trim(Concat(Value(_cleared_by(actor) + " "), F("error"))),
            output_field=TextField(),
        ),
        state=RecordState.ABANDONED,
        error_at=SYSTEM_CLOCK.now(),
        next_attempt_at=None,
        clearing=clearing,
    )


def _cleared_by(actor: str) -> str:
    return f"Cleared by {actor}."


def _mark(clearing: Clearing, state: TaskState) -> int:
    """Return the mark of tasks that a clearing removed from a state: its key, negative for failed tasks.

    Records and the trash keep it, so that failed tasks are restored as failed.
    """
    return -clearing.pk if state is TaskState.FAILED else int(clearing.pk)


def take_out(queue: SyncQueue, clearing: Clearing, state: TaskState, ids: Sequence[str]) -> int:
    """Remove tasks from a state, so that `restore` can bring them back; returns how many. Raises `QueueUnavailable`."""
    total = 0
    for piece in chunks(ids, CHUNK):
        known = {id_: record for id_ in piece if (record := record_of_task_id(id_)) is not None}
        others = [id_ for id_ in piece if id_ not in known]
        # Before the tasks are removed, so that a worker that claims one in between finds nothing to do.
        abandon(list(known.values()), clearing.actor, _mark(clearing, state))
        gone = sum(queue.remove(state, list(known))) if known else 0
        gone += sum(queue.discard(state, others, _mark(clearing, state))) if others else 0
        Clearing.objects.using(record_db()).filter(pk=clearing.pk).update(task_count=F("task_count") + gone)
        total += gone
    return total


def restorable() -> QuerySet[Clearing]:
    """Return the clearings that can still be restored, newest first."""
    since = SYSTEM_CLOCK.now() - timedelta(milliseconds=TRASH_MS)
    rows = Clearing.objects.using(record_db()).filter(cleared_at__gte=since, task_count__gt=0)
    return rows.order_by("-pk")


_RESTORED = (TaskState.PENDING, TaskState.FAILED)  # the states that tasks come back to


def restore(queue: SyncQueue, clearing: Clearing, most: int) -> tuple[int, bool]:
    """Restore about `most` tasks; returns how many, and whether more are left. Raises `QueueUnavailable`.

    Failed tasks are restored as failed, because a person deleted them instead of retrying them.
    """
    total = 0
    for state in _RESTORED:
        while total < most:
            count = _restore_records(queue, clearing, state)
            total += count
            if count < CHUNK:
                break
        else:
            return total, True
    for state in _RESTORED:
        while total < most:
            found = queue.restore(_mark(clearing, state), CHUNK, state)
            total += found.count
            if not found.left_count:
                break
        else:
            return total, True
    now = SYSTEM_CLOCK.now()
    Clearing.objects.using(record_db()).filter(pk=clearing.pk, restored_at=None).update(restored_at=now)
    return total, False


def _restore_records(queue: SyncQueue, clearing: Clearing, state: TaskState) -> int:
    """Set a chunk of records to waiting, or to failed again, unless they have been saved since."""
    rows = SyncRecord.objects.using(record_db()).filter(clearing=_mark(clearing, state))
    found = list(rows.order_by("pk").values_list("pk", "state", "source", "object_pk")[:CHUNK])
    abandoned = [row for row in found if row[1] == RecordState.ABANDONED]
    resting = rows.filter(pk__in=[row[0] for row in abandoned], state=RecordState.ABANDONED)
    if state is TaskState.FAILED:
        error = Trim(Replace(F("error"), Value(_cleared_by(clearing.actor)), Value("")))
        resting.update(state=RecordState.FAILED, error=error)
    else:
        resting.update(state=RecordState.WAITING, changed_at=SYSTEM_CLOCK.now(), error="", error_at=None)
        queue.enqueue_many(
            record_task(clearing.service, pk, f"{source}:{object_pk}") for pk, _state, source, object_pk in abandoned
        )
    rows.filter(pk__in=[row[0] for row in found]).update(clearing=None)
    return len(found)

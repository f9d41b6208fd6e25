"""Taking tasks out of a queue for a person, in bounded pieces, and bringing them back within a week.

What a task of a record was about stays in the database: the record is abandoned with the key of its clearing. Other
tasks live in Redis alone, so their bodies go to a trash that expires.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

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
    """Write down that a person is about to take tasks out."""
    return Clearing.objects.using(record_db()).create(service=service, actor=actor[:200])


def forget(clearing: Clearing) -> None:
    """Take a clearing back that took nothing out."""
    Clearing.objects.using(record_db()).filter(pk=clearing.pk, task_count=0).delete()


def abandon(record_ids: Sequence[int], actor: str, clearing: Clearing | None = None) -> None:
    """Let records rest until they are saved again, restored, or synced on request; they say who did it."""
    rows = records.records().filter(pk__in=record_ids, state__in=CLEARABLE_RECORDS)
    rows.update(
        state=RecordState.ABANDONED,
        error=_("Cleared by %(actor)s.") % {"actor": actor},
        error_at=SYSTEM_CLOCK.now(),
        next_attempt_at=None,
        clearing=clearing.pk if clearing is not None else None,
    )


def take_out(queue: SyncQueue, clearing: Clearing, state: TaskState, ids: Sequence[str]) -> int:
    """Remove tasks from a state, so that `restore` can bring them back; answers how many. Raises `QueueUnavailable`."""
    total = 0
    for piece in chunks(ids, CHUNK):
        known = {id_: record for id_ in piece if (record := record_of_task_id(id_)) is not None}
        others = [id_ for id_ in piece if id_ not in known]
        # Before the tasks are removed: a worker that claims one in between finds nothing to do.
        abandon(list(known.values()), clearing.actor, clearing)
        gone = sum(queue.remove(state, list(known))) if known else 0
        gone += sum(queue.discard(state, others, clearing.pk)) if others else 0
        Clearing.objects.using(record_db()).filter(pk=clearing.pk).update(task_count=F("task_count") + gone)
        total += gone
    return total


def restorable() -> QuerySet[Clearing]:
    """What can still be brought back, newest first."""
    since = SYSTEM_CLOCK.now() - timedelta(milliseconds=TRASH_MS)
    rows = Clearing.objects.using(record_db()).filter(cleared_at__gte=since, task_count__gt=0)
    return rows.order_by("-pk")


def restore(queue: SyncQueue, clearing: Clearing, most: int) -> tuple[int, bool]:
    """Bring up to about `most` tasks back; answers how many, and whether more is left. Raises `QueueUnavailable`."""
    total = 0
    while total < most:
        count = _restore_records(queue, clearing)
        total += count
        if count < CHUNK:
            break
    else:
        return total, True
    while total < most:
        found = queue.restore(clearing.pk, CHUNK)
        total += found.count
        if not found.left_count:
            now = SYSTEM_CLOCK.now()
            Clearing.objects.using(record_db()).filter(pk=clearing.pk, restored_at=None).update(restored_at=now)
            return total, False
    return total, True


def _restore_records(queue: SyncQueue, clearing: Clearing) -> int:
    """Let a chunk of records wait again, unless they have been saved since."""
    rows = SyncRecord.objects.using(record_db()).filter(clearing=clearing.pk)
    found = list(rows.order_by("pk").values_list("pk", "state", "source", "object_pk")[:CHUNK])
    abandoned = [row for row in found if row[1] == RecordState.ABANDONED]
    waiting = rows.filter(pk__in=[row[0] for row in abandoned], state=RecordState.ABANDONED)
    waiting.update(state=RecordState.WAITING, changed_at=SYSTEM_CLOCK.now(), error="", error_at=None)
    queue.enqueue_many(
        record_task(clearing.service, pk, f"{source}:{object_pk}") for pk, _state, source, object_pk in abandoned
    )
    rows.filter(pk__in=[row[0] for row in found]).update(clearing=None)
    return len(found)

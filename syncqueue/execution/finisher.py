"""The end of an attempt in the queue: ack, retry, park or fail, and the effects on breaker, holds and signals.

If the queue cannot be reached, nothing is lost: the database has the remote parts, the lease expires, and the next
attempt finds what was done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import TypeAlias

from django.dispatch import Signal

from syncqueue import signals, tracing
from syncqueue.conf import BreakerSettings
from syncqueue.core.clock import Clock
from syncqueue.core.errors import LeaseLost, QueueError
from syncqueue.core.result import Outcome, SyncResult
from syncqueue.core.task import AttemptNote, ClaimedTask
from syncqueue.execution.batcher import Batcher
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.decision import Decision, Done, Fail, NeedsReview, Park, Retry
from syncqueue.execution.run import Run
from syncqueue.queue import AsyncSyncQueue
from syncqueue.queue.calls import EndpointFailure
from syncqueue.sources.intents import record_id_of

logger = logging.getLogger("syncqueue.execution")

# A finished task, the duration of its attempt in seconds, and the endpoint that responded or "".
_Ack: TypeAlias = tuple[ClaimedTask, float, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A running attempt."""

    run: Run
    claimed: ClaimedTask
    endpoint: str  # whose breaker counts failures; "" if the record was not prepared that far
    began: float  # monotonic seconds
    destination_id: int | None = None  # None: a generic task, or the record is gone

    @property
    def extra(self) -> dict[str, object]:
        """The fields of every log line about this attempt."""
        task = self.claimed.task
        return {
            "service": task.service,
            "task_id": task.id,
            "entity": task.entity,
            "attempt": self.claimed.attempt,
            "record_id": record_id_of(task),
            "destination_id": self.destination_id,
        }

    @property
    def limited_count(self) -> int:
        """The number of last attempts in a row that met a rate limit of more than the task."""
        notes = reversed(self.claimed.progress.history)
        return sum(1 for _ in takewhile(lambda note: note.outcome == Outcome.RATE_LIMITED, notes))

    def is_blamed(self, failure: EndpointFailure | None) -> bool:
        """Return whether the endpoint has responded to others since it last failed this task."""
        before = self.claimed.progress.answer_count
        return failure is not None and before is not None and failure.answer_count > before

    def with_outcome(self, result: SyncResult) -> dict[str, object]:
        """Return the fields of a log line about the end of this attempt."""
        return self.extra | {"outcome": result.outcome.value}


class Finisher:
    """Ends attempts at the tasks of one service."""

    def __init__(
        self, queue: AsyncSyncQueue, breaker: BreakerSettings, database: DatabaseThreads, clock: Clock
    ) -> None:
        """Create one for each queue and event loop."""
        self._queue = queue
        self._ack: Batcher[_Ack, bool] = Batcher(self._send_acks)
        self._breaker = breaker
        self._database = database
        self._clock = clock

    async def record_failure(self, attempt: Attempt, reason: str) -> EndpointFailure | None:
        """Count a failure of the endpoint. Returns None if it could not be counted."""
        if not attempt.run.leased:
            return None
        try:
            return await self._queue.record_failure(
                attempt.endpoint,
                failures=self._breaker.failures,
                open_seconds=self._breaker.open_seconds,
                token=f"{attempt.claimed.task.id}/{attempt.claimed.token}",
                reason=reason,
            )
        except QueueError as error:
            logger.warning("A failure of %s could not be counted: %s", attempt.endpoint, error, extra=attempt.extra)
            return None

    async def end(self, attempt: Attempt, result: SyncResult, decision: Decision, *, contacted: bool) -> None:
        """Carry out a decision in the queue. `contacted`: the service responded to a request of this attempt.

        The queue then closes the breaker of the endpoint. A probe that ends without a response is given back.
        """
        if tracing.IS_AVAILABLE:
            tracing.note("ended", **attempt.with_outcome(result))
        if not attempt.run.leased:
            await self._end_without_queue(attempt, result, decision)
            return
        try:
            await self._move(attempt, result, decision, attempt.endpoint if contacted else "")
        except LeaseLost as error:
            logger.warning("%s", error, extra=attempt.extra)
        except QueueError as error:
            logger.warning("The end of an attempt could not be stored in the queue: %s", error, extra=attempt.extra)

    async def done(self, attempts: Sequence[Attempt]) -> None:
        """Ack successful attempts in one call."""
        now = time.monotonic()
        try:
            valid = await self._queue.ack(
                *(one.claimed for one in attempts),
                seconds=[now - one.began for one in attempts],
                endpoints=[one.endpoint for one in attempts],
            )
        except QueueError as error:
            extra = {"service": attempts[0].claimed.task.service}
            logger.warning("The end of %s attempts could not be stored: %s", len(attempts), error, extra=extra)
            return
        for one, was_valid in zip(attempts, valid, strict=True):
            await self._report_done(one, was_valid)

    async def _send_acks(self, acks: Sequence[_Ack]) -> Sequence[bool]:
        """Return for each whether its lease was valid."""
        tasks, seconds, endpoints = zip(*acks, strict=True)
        return await self._queue.ack(*tasks, seconds=seconds, endpoints=endpoints)

    async def _report_done(self, attempt: Attempt, was_valid: bool) -> None:
        if not was_valid:
            logger.warning("The lease expired before the ack", extra=attempt.extra)
            return
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("Done", extra=attempt.with_outcome(SyncResult.success()))
        if signals.task_succeeded.receivers:
            await self._announce(signals.task_succeeded, attempt)

    async def _end_without_queue(self, attempt: Attempt, result: SyncResult, decision: Decision) -> None:
        if isinstance(decision, Done):
            await self._announce(signals.task_succeeded, attempt)
            return
        logger.warning("Waits for the reconciler: %s", decision.error, extra=attempt.with_outcome(result))
        if isinstance(decision, Fail | NeedsReview):
            await self._announce(signals.task_failed, attempt, error=decision.error)

    async def _move(self, attempt: Attempt, result: SyncResult, decision: Decision, endpoint: str) -> None:
        claimed = attempt.claimed
        match decision:
            case Done():
                seconds = time.monotonic() - attempt.began
                await self._report_done(attempt, await self._ack((claimed, seconds, endpoint)))
            case Retry():
                await self._retry(attempt, result, decision, endpoint)
            case Park():
                if not decision.is_set:
                    await self._queue.hold(decision.hold, decision.seconds, decision.error)
                await self._retry(attempt, result, decision, endpoint)
            case Fail() | NeedsReview():
                note = self._note(attempt, result, decision.error)
                await self._queue.fail(claimed, note, endpoint=endpoint)
                logger.error("Failed: %s", decision.error, extra=attempt.with_outcome(result))
                await self._announce(signals.task_failed, attempt, error=decision.error)

    async def _retry(self, attempt: Attempt, result: SyncResult, decision: Retry | Park, endpoint: str) -> None:
        hold = decision.hold if isinstance(decision, Park) else ""
        seconds = decision.after_seconds if isinstance(decision, Retry) else decision.seconds or 0.0
        due_at = self._clock.now() + timedelta(seconds=seconds)
        await self._queue.retry(
            attempt.claimed,
            timedelta(seconds=seconds),
            self._note(attempt, result, decision.error),
            counts=isinstance(decision, Retry) and decision.counts,
            hold=hold,
            endpoint=endpoint,
            answer_count=decision.answer_count,
        )
        logger.info("Will be retried: %s", decision.error, extra=attempt.with_outcome(result))
        due = None if hold else due_at
        await self._announce(signals.task_retried, attempt, error=decision.error, due_at=due)

    def _note(self, attempt: Attempt, result: SyncResult, error: str) -> AttemptNote:
        seconds = time.monotonic() - attempt.began
        return AttemptNote(
            at=self._clock.now() - timedelta(seconds=seconds),
            seconds=seconds,
            outcome=result.noted_outcome,
            error=error,
            traceback=result.traceback,
        )

    async def _announce(self, signal: Signal, attempt: Attempt, **more: object) -> None:
        await announce(
            self._database,
            signal,
            service=attempt.claimed.task.service,
            task=attempt.claimed.task,
            record_id=record_id_of(attempt.claimed.task),
            **more,
        )


async def announce(database: DatabaseThreads, signal: Signal, **named: object) -> None:
    """Send a signal from a thread that may use the database; Django logs what receivers raise."""
    if signal.receivers:
        await database.run(signal.send_robust, None, **named)

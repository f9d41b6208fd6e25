"""The second half of an attempt at a record: mark, call the handler, store what came of it.

The order is what makes it safe. The mark is committed before anything is sent; remote parts are stored before the task
is acked; what cannot be stored because another attempt has taken over is noted for removal.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError

from syncqueue.core.clock import Clock
from syncqueue.core.errors import LeaseLost
from syncqueue.core.result import Outcome, SyncResult
from syncqueue.execution.database import DatabaseThreads
from syncqueue.execution.decision import Decision, Move
from syncqueue.execution.prepare import Prepared
from syncqueue.handlers.base import Document, DocumentHandler, DocumentJob, RemotePart
from syncqueue.models import RecordState
from syncqueue.sources import records
from syncqueue.sources.planner import Reason, Step

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger("syncqueue.execution")

# How long after its timeout an attempt may still be storing before its mark counts as expired.
MARK_GRACE_SECONDS = 10.0
# A database that is away for a moment must not cost the id of what was just posted.
_STORE_DELAYS_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
_NOTHING = Document(text="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What came of the second half."""

    result: SyncResult
    contacted: bool = False  # the service was asked for something and answered
    fenced: bool = False  # another attempt has the record; nothing of this one's was stored


class Reconciliation:
    """One attempt at one prepared record."""

    def __init__(
        self,
        prepared: Prepared,
        handler: DocumentHandler,
        database: DatabaseThreads,
        clock: Clock,
        *,
        timeout_seconds: float,
    ) -> None:
        """`prepared` must be READY."""
        if prepared.record is None or prepared.plan is None or prepared.place is None:
            raise ValueError("only a record that is ready can be reconciled")
        self._prepared = prepared
        self._record = prepared.record
        self._plan = prepared.plan
        self._place = prepared.place
        self._handler = handler
        self._database = database
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._token = secrets.token_hex(16)
        self._stored = records.read_parts(self._record)  # what the record says is out there
        self._marked = False

    async def run(self) -> Reconciled:
        """Do it. Raises nothing but what a broken database raises."""
        if not self._prepared.sends:
            return await self._settle()
        if not await self._mark():
            return Reconciled(result=SyncResult.retry("Another attempt is working on this."), fenced=True)
        job = self._job()
        try:
            async with asyncio.timeout(self._timeout_seconds) as limit:
                parts = await self._send(job)
        except LeaseLost:
            return Reconciled(result=SyncResult.retry("Another attempt has taken over."), contacted=True, fenced=True)
        except Exception as error:  # a handler may raise anything; what it did not expect is a retry
            return self._explain(error, limit.expired())
        return await self._keep(parts)

    async def conclude(self, reconciled: Reconciled, decision: Decision) -> None:
        """Store on the record why it is not synced. Nothing to do after a success, or when fenced off."""
        if decision.move is Move.DONE or reconciled.fenced:
            return
        unsent = reconciled.result.outcome in (Outcome.UNREACHABLE, Outcome.RATE_LIMITED)
        await self._persist(
            records.store_trouble,
            self._record,
            self._token if self._marked else None,
            state=_STATES.get(decision.move, RecordState.WAITING),
            error=decision.error,
            now=self._clock.now(),
            next_attempt_at=self._next_attempt_at(decision),
            nothing_sent=unsent and self._stored == records.read_parts(self._record),
            uncertain=self._prepared.uncertain or self._may_have_created(reconciled.result),
        )

    def _next_attempt_at(self, decision: Decision) -> Any:
        timed = decision.move is Move.RETRY or (decision.move is Move.PARK and decision.hold_ends)
        return self._clock.now() + timedelta(seconds=decision.delay_seconds) if timed else None

    def _may_have_created(self, result: SyncResult) -> bool:
        return result.outcome is Outcome.UNKNOWN and not self._stored

    async def _settle(self) -> Reconciled:
        await self._persist(
            records.settle_unsent, self._record, fingerprint=self._record.content_hash, now=self._clock.now()
        )
        await self._drop_if_finished(self._stored)
        return Reconciled(result=SyncResult.success())

    async def _drop_if_finished(self, parts: Sequence[RemotePart]) -> None:
        if not parts and self._plan.reason in (Reason.GONE, Reason.RETIRING):
            await self._persist(records.drop_finished, self._record)

    async def _mark(self) -> bool:
        began = time.monotonic()
        seconds = self._timeout_seconds + MARK_GRACE_SECONDS
        self._marked = await self._persist(
            records.mark,
            self._record,
            token=self._token,
            step=self._plan.step,
            seconds=seconds,
            uncertain=self._prepared.uncertain,
        )
        # A process that stood still since then may send no more: its mark is about to expire.
        return self._marked and time.monotonic() - began < seconds - self._timeout_seconds

    def _job(self, parts: Sequence[RemotePart] | None = None) -> DocumentJob:
        return DocumentJob(
            place=self._place,
            document=self._prepared.document or _NOTHING,
            parts=self._plan.parts if parts is None else parts,
            idempotency_key=self._record.idempotency_key,
            uncertain=self._prepared.uncertain,
            store=self._checkpoint,
        )

    async def _checkpoint(self, parts: Sequence[RemotePart]) -> str:
        key: str | None = await self._persist(records.store_step, self._record, self._token, parts)
        if key is None:
            await self._note_strays(parts)
            raise LeaseLost("Another attempt has taken over.")
        self._stored = tuple(parts)
        return key

    async def _send(self, job: DocumentJob) -> Sequence[RemotePart]:
        if self._prepared.strays:
            await self._handler.delete(self._job(self._prepared.strays))
            await self._persist(records.forget_strays, self._record)
        match self._plan.step:
            case Step.CREATE:
                return await self._handler.create(job)
            case Step.UPDATE:
                return await self._handler.update(job)
            case Step.DELETE:
                await self._handler.delete(job)
                return ()
        return self._stored

    async def _keep(self, parts: Sequence[RemotePart]) -> Reconciled:
        kept = await self._persist(
            records.store_synced,
            self._record,
            self._token,
            parts,
            fingerprint=self._prepared.fingerprint,
            now=self._clock.now(),
        )
        if not kept:
            await self._note_strays(parts)
            return Reconciled(result=SyncResult.retry("Another attempt has taken over."), contacted=True, fenced=True)
        await self._drop_if_finished(parts)
        return Reconciled(result=SyncResult.success(), contacted=True)

    async def _note_strays(self, parts: Sequence[RemotePart]) -> None:
        new = [part for part in parts if part not in self._stored]
        await self._persist(records.note_strays, self._record, new)

    def _explain(self, error: Exception, timed_out: bool) -> Reconciled:
        if timed_out:
            text = f"No answer within {self._timeout_seconds:g} s; it is not known whether it was carried out."
            return Reconciled(result=SyncResult(outcome=Outcome.UNKNOWN, error=text))
        result = SyncResult.from_exception(error)
        return Reconciled(result=result, contacted=result.outcome not in (Outcome.UNREACHABLE, Outcome.UNKNOWN))

    async def _persist(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do database work, over a short outage of the database."""
        for delay in _STORE_DELAYS_SECONDS:
            try:
                return await self._database.run(work, *args, **kwargs)
            except (OperationalError, InterfaceError) as error:
                logger.warning("The database refused, trying again in %s s: %s", delay, error)
                await asyncio.sleep(delay)
        return await self._database.run(work, *args, **kwargs)


_STATES = {Move.FAIL: RecordState.FAILED, Move.HELD: RecordState.UNKNOWN}

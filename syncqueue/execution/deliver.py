"""The second half of an attempt at records of one destination: set send marks, call the handler, store the results.

The order makes it safe. The marks are committed before anything is sent, and the remote parts are stored before the
tasks are acked. If another attempt has taken over a record, the parts are stored as orphans and removed later.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import ParamSpec, TypeVar

from syncqueue.core.answer import Asked
from syncqueue.core.clock import Clock
from syncqueue.core.errors import (
    AddressMoved,
    DestinationBroken,
    HandlerError,
    LeaseLost,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    RetryLater,
    Unavailable,
    Unreachable,
)
from syncqueue.core.result import ENDPOINT_FAILURES, Outcome, SyncResult
from syncqueue.execution.beside import RecordsBeside
from syncqueue.execution.database import DatabaseThreads, retried
from syncqueue.execution.decision import Decision, Done, Fail, NeedsReview, Park, Retry, error_of
from syncqueue.execution.entry import Delivered, Entry
from syncqueue.execution.group_commit import GroupCommit
from syncqueue.execution.prepared import Ready
from syncqueue.execution.sending import Answer, masked, send
from syncqueue.handlers import gate
from syncqueue.handlers.base import TRACE, Document, DocumentHandler, DocumentJob, JobStep, Place, RemotePart
from syncqueue.models import RecordState
from syncqueue.sources import records
from syncqueue.sources.destinations import note_emptied
from syncqueue.sources.planner import Reason, Step
from syncqueue.sources.same_place import remember_identities

P = ParamSpec("P")
T = TypeVar("T")
logger = logging.getLogger("syncqueue.execution")

# Time after its timeout in which an attempt may still store its results before its marks expire.
MARK_GRACE_SECONDS = 10.0
_NOTHING = Document(text="")
_TAKEN_OVER = "Another attempt has taken over."
_LOST_COPY = (
    "A copy may be left at %(place)s: its id was never learned, and it is not wanted any more. Look there, remove "
    "it by hand, then delete this task."
)


class Delivery:
    """One attempt at prepared records of one destination. A handler without batches receives them one at a time."""

    def __init__(
        self,
        records_ready: Sequence[Ready],
        handler: DocumentHandler,
        database: DatabaseThreads,
        commits: GroupCommit,
        clock: Clock,
        *,
        timeout_seconds: float,
    ) -> None:
        """All of `records_ready` have the same destination. `commits` sets the marks and stores the results."""
        self._entries = [Entry(one) for one in records_ready]
        self._handler = handler
        self._database = database
        self._commits = commits
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._token = secrets.token_hex(16)

    async def run(self) -> list[Delivered]:
        """Deliver the records; returns the outcome of each, in order. Raises database errors only."""
        await self._finish_unsent([entry for entry in self._entries if not entry.ready.sends])
        if marked := await self._mark():
            began_at = self._clock.now()
            await self._attempt(marked)
            await self._warn_of_lost_place(marked[0].place, began_at)
        return [entry.ended for entry in self._entries]

    async def store_failures(self, decisions: Sequence[Decision]) -> None:
        """Store on the records why they are not synced, except on those that succeeded or were fenced."""
        failed = [
            (entry, self._failure(entry, decision))
            for entry, decision in zip(self._entries, decisions, strict=True)
            if not isinstance(decision, Done) and not entry.ended.fenced
        ]
        for token in (self._token, None):  # None: for records without a send mark
            if found := [failure for entry, failure in failed if entry.ready.sends == (token is not None)]:
                await self._persist(records.store_failures, found, token, now=self._clock.now())

    def _failure(self, entry: Entry, decision: Decision) -> records.Failure:
        outcome = entry.ended.result.outcome
        return records.Failure(
            record=entry.record,
            state=state_after(decision),
            error=error_of(decision),
            next_attempt_at=self._next_attempt_at(decision),
            uncertain=entry.ready.uncertain or (not entry.stored_here and self._may_have_created(entry, outcome)),
        )

    def _may_have_created(self, entry: Entry, outcome: Outcome) -> bool:
        # The error may come from a proxy although the service has acted. This matters only for handlers that can find
        # such a copy; for the others the suspicion would be of no use.
        if outcome not in (Outcome.RETRY, Outcome.UNAVAILABLE):
            return outcome is Outcome.UNKNOWN
        return self._can_find_lost(entry)

    def _can_find_lost(self, entry: Entry) -> bool:
        lost = gate.lost_part(self._handler, entry.place, entry.record.source, entry.record.object_pk)
        return isinstance(lost, Asked) and lost.value is not None

    def _next_attempt_at(self, decision: Decision) -> datetime | None:
        match decision:
            case Retry():
                return self._clock.now() + timedelta(seconds=decision.after_seconds)
            case Park(seconds=seconds) if seconds is not None:
                return self._clock.now() + timedelta(seconds=seconds)
        return None

    async def _finish_unsent(self, entries: Sequence[Entry]) -> None:
        lost = [entry for entry in entries if entry.may_have_left_a_copy]
        for entry in lost:
            entry.ended = Delivered(result=SyncResult.failure(_LOST_COPY % {"place": entry.where_lost}))
        if done := [entry for entry in entries if entry not in lost]:
            rows = {entry.record: entry.plan.next_at for entry in done}
            await self._persist(records.finish_unsent, rows, now=self._clock.now())
            await self._drop_finished([entry for entry in done if not entry.stored])

    async def _drop_finished(self, entries: Sequence[Entry]) -> None:
        """Delete the finished ones of these records. All of `entries` have no remote parts."""
        over = [entry.record for entry in entries if entry.plan.reason in (Reason.GONE, Reason.RETIRING)]
        if over:
            await self._persist(records.drop_finished, over)

    async def _mark(self) -> list[Entry]:
        """Set the send marks; returns the entries that no other attempt has marked."""
        sending = [entry for entry in self._entries if entry.ready.sends]
        if not sending:
            return []
        traced = await self._trace(sending)
        began = time.monotonic()
        lost_at = self._lost_at(sending)
        marks = [
            records.Mark(
                record=entry.record,
                step=entry.plan.step,
                token=self._token,
                seconds=self._timeout_seconds + MARK_GRACE_SECONDS,
                uncertain=entry.ready.uncertain,
                twin_possible=self._may_have_a_twin(entry),
                address=entry.place.address,
                lost_at=lost_at.get(entry.record.pk),
                parts=entry.stored if traced else None,
            )
            for entry in sending
        ]
        won = await retried(partial(self._commits.mark, marks))
        if time.monotonic() - began >= MARK_GRACE_SECONDS:
            won = set()  # the process was suspended meanwhile: its marks are about to expire, so it must not send
        for entry in sending:
            if entry.record.pk not in won:
                entry.fence("Another attempt is running.", contacted=False)
        return [entry for entry in sending if entry.record.pk in won]

    async def _trace(self, entries: Sequence[Entry]) -> bool:
        """Add the traces of the creates to the stored parts; returns whether the handler has given any."""
        if type(self._handler).trace is DocumentHandler.trace:
            return False
        for entry in entries:
            # If an earlier create has left no trace, a trace of this one would hide that.
            if entry.plan.step is Step.CREATE and not entry.ready.uncertain:
                answer = await gate.trace(self._handler, self._job(entry, (), Step.CREATE))
                if isinstance(answer, Asked) and answer.value is not None:
                    entry.trace = (answer.value,)
                    entry.stored = (*entry.trace, *entry.stored)
        return any(entry.trace for entry in entries)

    def _lost_at(self, entries: Sequence[Entry]) -> dict[int, list[str]]:
        """Return the former addresses where copies may be left, by record; empty if none has changed."""
        lost = {entry.record.pk: entry.former_addresses for entry in entries}
        return lost if any(lost[entry.record.pk] != entry.record.lost_at for entry in entries) else {}

    async def _attempt(self, entries: Sequence[Entry]) -> None:
        answers: Sequence[Answer]
        try:
            async with asyncio.timeout(self._timeout_seconds) as limit:
                answers = await self._send(entries)
        except Exception as error:  # a handler may raise anything; an unexpected exception becomes a retry
            answers = [self._explain_timeout() if limit.expired() else error for _ in entries]
        done: list[tuple[Entry, Sequence[RemotePart]]] = []
        for entry, answer in zip(entries, answers, strict=True):
            if isinstance(answer, Exception):
                self._explain(entry, answer)
            else:
                done.append((entry, answer))
        if done:
            await self._keep(done)

    async def _warn_of_lost_place(self, place: Place, began_at: datetime) -> None:
        """Warn if the handler had to create a place at which records have copies: those copies are gone."""
        if gate.was_made(self._handler, place) == Asked(True):
            count = await self._persist(records.count_synced, place.id, before=began_at)
            if count:
                await self._persist(note_emptied, place.id, began_at)
                logger.warning(
                    "%s was missing and has been created again: its %s copies are gone. "
                    "This command writes them again: manage.py syncqueue resync --destination %s --force",
                    place.name, count, place.id,
                    extra={"service": self._handler.config.service, "destination_id": place.id},
                )  # fmt: skip

    async def _send(self, entries: Sequence[Entry]) -> Sequence[Answer]:
        """Return the answer for each entry. Orphans are removed first, copies at former places last."""
        answers: dict[Entry, Answer] = {}
        for entry in entries:
            if (error := await self._alone(self._remove_orphans(entry))) is not None:
                answers[entry] = error
        left = [entry for entry in entries if entry not in answers]
        answers |= {entry: entry.stored_here for entry in left if entry.plan.step is Step.NOTHING}
        left = [entry for entry in left if entry not in answers]
        jobs = [self._job(entry, entry.trace or entry.plan.parts, entry.plan.step) for entry in left]
        for entry, job in zip(left, jobs, strict=True):
            entry.job = job
        answers |= zip(left, await self._answers(jobs), strict=True)
        for entry in entries:
            answer = answers[entry]
            if isinstance(answer, Exception):
                continue
            if (error := await self._alone(self._remove_the_rest(entry, answer))) is not None:
                answers[entry] = error
        return [answers[entry] for entry in entries]

    async def _answers(self, jobs: Sequence[DocumentJob]) -> Sequence[Answer]:
        """Send the jobs of the batch; an exception concerns them, not the other records of the attempt."""
        try:
            return await send(self._handler, jobs)
        except Exception as error:  # as in _attempt: a handler may raise anything
            return [error] * len(jobs)

    async def _alone(self, work: Awaitable[object]) -> Exception | None:
        """Do work whose failure concerns one record only; returns the exception, if any."""
        try:
            await work
        except Exception as error:  # as in _attempt: a handler may raise anything
            return error
        return None

    async def _remove_orphans(self, entry: Entry) -> None:
        if entry.ready.orphans:
            # Orphans are stored beside the parts of their record, which a checkpoint leaves as they are.
            await self._remove(entry, entry.ready.orphans, lambda left: self._checkpoint(entry, entry.stored_here))
            await self._persist(records.forget_orphans, entry.record)

    async def _remove_the_rest(self, entry: Entry, here: Sequence[RemotePart]) -> None:
        """Remove the copies at former places of the destination; each removed one is deleted from the record.

        Raises `PermanentError` if a second copy may be left: a person has to look for it.
        """
        has_twin = entry.has_lost_twin
        if entry.plan.removals or has_twin:
            await self._checkpoint(entry, here)
        for part in entry.plan.removals:
            await self._remove_from_away(entry, here, part)
        if has_twin:
            raise PermanentError(_LOST_COPY % {"place": entry.where_lost})

    async def _remove_from_away(self, entry: Entry, here: Sequence[RemotePart], part: RemotePart) -> None:
        """Remove a copy at a former place. Parts that are left of it there replace it; all other parts stay."""
        standing: tuple[RemotePart, ...] = (part,)

        async def store(left: Sequence[RemotePart]) -> str:
            nonlocal standing
            entry.away = (*(one for one in entry.away if one not in standing), *left)
            standing = tuple(left)
            return await self._checkpoint(entry, here)

        await self._remove(entry, [part], store)
        await store([])

    async def _remove(
        self, entry: Entry, parts: Sequence[RemotePart], store: Callable[[Sequence[RemotePart]], Awaitable[str]]
    ) -> None:
        """Delete parts at their own addresses. Raises `PermanentError`, with links, if that is not possible.

        `store` is called with the parts that are left, if another attempt can continue from there.
        """
        for address in dict.fromkeys(part.address for part in parts):
            there = [part for part in parts if part.address == address]
            job = self._job(entry, there, Step.DELETE, store)
            if address in ("", entry.place.address):
                await send(self._handler, [job])
                continue
            job.place = replace(entry.place, address=address)
            # A credential is sent only to the host for which it was entered.
            if gate.endpoint(self._handler, job.place) != Asked(entry.ready.endpoint):
                raise PermanentError(_elsewhere(there, "the credential is not for that host."))
            try:
                await send(self._handler, [job])
            except (PermanentError, DestinationBroken, AddressMoved) as error:
                raise PermanentError(_elsewhere(there, str(error))) from error
            except (Unreachable, Unavailable):  # concerns the endpoint, which the present place shares
                raise
            except RateLimited as error:  # about a former place: it must not set a hold on the present destination
                text = _elsewhere(there, str(error))
                raise RateLimited(text, after_seconds=error.after_seconds, scope="task") from error
            except HandlerError as error:
                raise RetryLater(_elsewhere(there, str(error))) from error

    def _job(
        self,
        entry: Entry,
        parts: Sequence[RemotePart],
        step: Step,
        store: Callable[[Sequence[RemotePart]], Awaitable[str]] | None = None,
    ) -> DocumentJob:
        steps: dict[Step, JobStep] = {Step.CREATE: "create", Step.UPDATE: "update", Step.DELETE: "delete"}
        return DocumentJob(
            place=entry.place,
            document=entry.ready.document or _NOTHING,
            parts=parts,
            idempotency_key=entry.record.idempotency_key,
            uncertain=entry.ready.uncertain,
            store=store or partial(self._checkpoint, entry),
            step=steps[step],
            source=entry.record.source,
            object_pk=entry.record.object_pk,
            others=RecordsBeside(entry.record, self._persist),
        )

    async def _checkpoint(self, entry: Entry, parts: Sequence[RemotePart]) -> str:
        storing = asyncio.ensure_future(self._store_step(entry, parts))
        try:
            return await asyncio.shield(storing)
        except asyncio.CancelledError:  # the attempt has no time left, but what it knows about copies is kept
            error = await self._alone(asyncio.shield(storing))
            if error is not None and not entry.was_fenced:
                logger.warning("What was sent could not be stored, because of a timeout and then: %s", error)
            raise

    async def _store_step(self, entry: Entry, parts: Sequence[RemotePart]) -> str:
        key = await self._persist(records.store_step, entry.record, self._token, [*parts, *entry.away])
        if key is None:
            entry.was_fenced = True
            await self._note_orphans(entry, parts)
            raise LeaseLost(_TAKEN_OVER)
        entry.stored = (*parts, *entry.away)
        return key

    async def _keep(self, done: Sequence[tuple[Entry, Sequence[RemotePart]]]) -> None:
        found = [
            records.Synced(
                record=entry.record,
                token=self._token,
                parts=[*parts, *entry.away],
                fingerprint="" if entry.plan.step is Step.DELETE else entry.ready.fingerprint,
                next_at=entry.plan.next_at,
                twin_possible=self._may_have_a_twin(entry),
            )
            for entry, parts in done
        ]
        kept = await retried(partial(self._commits.store_synced, found))
        for entry, parts in done:
            if entry.record.pk in kept:
                sent = entry.sent(parts)
                entry.ended = Delivered(result=SyncResult.success(), contacted=True, sent=sent)
            else:
                await self._note_orphans(entry, parts)
                entry.fence(_TAKEN_OVER, contacted=True)
        await self._drop_finished(
            [entry for entry, parts in done if not parts and not entry.away and entry.record.pk in kept]
        )
        await self._remember_identity([part for entry, parts in done for part in parts])

    def _may_have_a_twin(self, entry: Entry) -> bool:
        """Return whether a second copy may exist that the handler cannot find."""
        if entry.record.twin_possible or (entry.job is not None and entry.job.twin_possible):
            return True
        if not entry.ready.uncertain or entry.plan.step is not Step.CREATE:
            return False
        return entry.is_lost_elsewhere or not self._can_find_lost(entry)

    async def _remember_identity(self, parts: Sequence[RemotePart]) -> None:
        """Store the identity that the service returned for the place, so that other spellings are recognised."""
        place, known = self._entries[0].place, self._entries[0].record.destination.identities
        found = {part.address: part.identity for part in parts if part.identity and part.address == place.address}
        if not found.items() <= known.items():
            await self._persist(remember_identities, place.id, found)

    async def _note_orphans(self, entry: Entry, parts: Sequence[RemotePart]) -> None:
        # The attempt that has the record now looks for the copy behind a trace.
        new = [part for part in parts if part not in entry.stored and part.kind != TRACE]
        await self._persist(records.note_orphans, entry.record, new)

    def _explain(self, entry: Entry, error: Exception) -> None:
        if entry.was_fenced:
            entry.fence(_TAKEN_OVER, contacted=True)
            return
        if isinstance(error, LeaseLost):
            text = "Given up with another of its batch; it is not known whether this was carried out."
            result = SyncResult(outcome=Outcome.UNKNOWN, error=text)
        else:
            result = masked(error, entry.place.secret)
        contacted = result.outcome not in ENDPOINT_FAILURES and result.was_asked
        entry.ended = Delivered(result=result, contacted=contacted, sent=entry.sent_in_part())

    def _explain_timeout(self) -> Exception:
        text = f"No answer within {self._timeout_seconds:g} s; it is not known whether it was carried out."
        return OutcomeUnknown(text)

    async def _persist(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do database work in a thread; retries during a short outage of the database."""
        return await retried(lambda: self._database.run(work, *args, **kwargs))


def state_after(decision: Decision) -> RecordState:
    """Return the state of a record after a decision other than `Done`."""
    match decision:
        case Fail():
            return RecordState.FAILED
        case NeedsReview():
            return RecordState.UNKNOWN
    return RecordState.WAITING


def _elsewhere(parts: Sequence[RemotePart], reason: str) -> str:
    links = ", ".join("a copy whose answer was lost" if part.kind == TRACE else part.url or part.id for part in parts)
    return (
        f"A copy at {parts[0].address}, where it is not wanted any more, could not be removed: {reason} "
        f"Remove it by hand: {links}"
    )

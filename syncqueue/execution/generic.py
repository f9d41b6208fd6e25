"""Attempts at generic tasks, which the site enqueues itself: call the handler with one or many, then end each one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar, cast

from syncqueue import tracing
from syncqueue.conf import ServiceSettings, Settings
from syncqueue.core.errors import OutcomeUnknown
from syncqueue.core.hold import breaker_of, holds_of_service, rate_of_service, stopped_service
from syncqueue.core.result import OUTAGES, Outcome, SyncResult
from syncqueue.core.task import ClaimedTask
from syncqueue.execution.decision import decide
from syncqueue.execution.finisher import Attempt, Finisher
from syncqueue.execution.sending import check_count, uncancelled
from syncqueue.execution.side_by_side import Finished, SideBySide
from syncqueue.handlers.base import SyncHandler
from syncqueue.queue import AsyncSyncQueue
from syncqueue.queue.calls import AdmissionRequest, EndpointFailure

T = TypeVar("T")
U = TypeVar("U")
_One: TypeAlias = SyncResult | None
Broke: TypeAlias = Callable[[Sequence[ClaimedTask], Exception], Awaitable[None]]

# An upper bound only: threads start on demand, and the consumer limits the concurrent tasks by the policy, which may
# change at runtime, and by --concurrency.
_MOST_THREADS = 1000


class GenericRunner:
    """Makes attempts at one service's generic tasks, on one event loop. Their endpoint is the service."""

    def __init__(self, service: str, queue: AsyncSyncQueue, finisher: Finisher, settings: Settings) -> None:
        """`finisher` ends attempts in `queue`."""
        self._service = service
        self._queue = queue
        self._finisher = finisher
        self._settings = settings
        self._threads: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, group: Sequence[Attempt], handler: SyncHandler, policy: ServiceSettings) -> None:
        """Make the attempts of a group with one call of the handler."""
        admitted = await self.admitted(group)
        if not admitted:
            return
        results = await self._process(handler, [one.claimed for one in admitted], policy)
        failure = await self._record_failure(admitted, results)
        ended = list(zip(admitted, results, strict=True))
        more = await self._end_plain(ended)
        await asyncio.gather(*(self._end(one, result, policy, failure) for one, result in more))

    async def run_each(
        self, group: Sequence[Attempt], handler: SyncHandler, policy: ServiceSettings, broke: Broke
    ) -> None:
        """Make admitted attempts, each with a separate call of the handler.

        `Run.on_end` is called when an attempt ends, `broke` if its end could not be carried out.
        """

        async def end(ended: Sequence[Finished]) -> None:
            try:
                more = await self._end_plain(ended)
                await asyncio.gather(*(self._end_alone(one, result, policy) for one, result in more))
            except Exception as error:  # the other attempts must go on
                await broke([one.claimed for one, _ in ended], error)
            else:
                for one, _ in ended:
                    one.run.on_end(one.claimed)

        if inspect.iscoroutinefunction(handler.process):
            runs = SideBySide(handler.process, self._settings.processing.attempt_timeout_seconds)
        else:
            runs = SideBySide(lambda one: self._in_thread(handler.process, one), None)
        await runs.run(group, end)

    async def _end_plain(self, ended: Sequence[Finished]) -> list[Finished]:
        """Ack the successful attempts; returns the others."""
        plain: list[Finished] = []
        more: list[Finished] = []
        for one, result in ended:
            (plain if result.outcome is Outcome.SUCCESS and one.run.leased else more).append((one, result))
        if plain:
            await self._finisher.done([one for one, _ in plain])
        return more

    async def _end_alone(self, attempt: Attempt, result: SyncResult, policy: ServiceSettings) -> None:
        await self._end(attempt, result, policy, await self._record_failure([attempt], [result]))

    async def admitted(self, group: Sequence[Attempt]) -> Sequence[Attempt]:
        """Return the attempts that no hold applies to; the other tasks are parked."""
        if not any(one.run.holds_active for one in group):
            return group
        names = holds_of_service(self._service)
        admissions = await self._queue.admit([AdmissionRequest(claimed=one.claimed, holds=names) for one in group])
        return [one for one, admission in zip(group, admissions, strict=True) if admission.admitted]

    async def _record_failure(self, group: Sequence[Attempt], results: Sequence[SyncResult]) -> EndpointFailure | None:
        """Count the first endpoint failure; returns None if there is none."""
        for one, result in zip(group, results, strict=True):
            if result.outcome in OUTAGES:
                return await self._finisher.record_failure(one, result.error)
        return None

    async def _end(
        self, attempt: Attempt, result: SyncResult, policy: ServiceSettings, failure: EndpointFailure | None
    ) -> None:
        found = failure if result.outcome in OUTAGES else None
        # If a generic task is cut off, either the service or the task may be the cause, so the attempt counts.
        decision = decide(
            result,
            attempt=attempt.claimed.attempt,
            service=policy,
            breaker=self._settings.breaker,
            rate_hold=rate_of_service(self._service).name,
            stopped_hold=stopped_service(self._service).name,
            breaker_hold=breaker_of(attempt.endpoint).name,
            failure=found,
            limited_count=attempt.limited_count,
            blamed=result.outcome is Outcome.UNKNOWN or attempt.is_blamed(found),
        )
        await self._finisher.end(
            attempt, result, decision, contacted=result.outcome not in OUTAGES and result.was_asked
        )

    async def _process(
        self, handler: SyncHandler, claimed: Sequence[ClaimedTask], policy: ServiceSettings
    ) -> Sequence[SyncResult]:
        try:
            with tracing.span("send", "client", service=self._service, count=len(claimed)):
                answers = await self._answers(handler, claimed, policy)
        except Exception as error:  # a handler may raise anything
            return [SyncResult.from_exception(error)] * len(claimed)
        return [answer or SyncResult.success() for answer in answers]

    async def _answers(
        self, handler: SyncHandler, claimed: Sequence[ClaimedTask], policy: ServiceSettings
    ) -> Sequence[_One]:
        if len(claimed) == 1:
            return [await self._call(handler.process, claimed[0], policy)]
        answers = await self._call(handler.process_many, claimed, policy)
        check_count(answers, len(claimed), f"{type(handler).__name__}.process_many")
        return answers

    async def _call(self, work: Callable[[T], Awaitable[U] | U], given: T, policy: ServiceSettings) -> U:
        """Call the handler. A plain function runs in a thread, which cannot be cancelled and keeps its lease."""
        if not inspect.iscoroutinefunction(work):
            return cast("U", await uncancelled(self._in_thread(work, given)))
        timeout = self._settings.processing.attempt_timeout_seconds
        try:
            async with asyncio.timeout(timeout) as limit:
                return await uncancelled(cast("Awaitable[U]", work(given)))
        except TimeoutError as error:
            if not limit.expired():
                raise
            text = f"No answer within {timeout:g} s; it is not known whether it was carried out."
            raise OutcomeUnknown(text) from error

    def _in_thread(self, work: Callable[[T], Any], given: T) -> Awaitable[Any]:
        if self._threads is None:
            name = f"syncqueue-{self._service}"
            self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix=name)
        return asyncio.get_running_loop().run_in_executor(self._threads, work, given)

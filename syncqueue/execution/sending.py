"""Calls of a handler with one or many tasks or jobs; each of them gets a result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from syncqueue import tracing
from syncqueue.conf import ServiceSettings
from syncqueue.core.errors import OutcomeUnknown
from syncqueue.core.result import SyncResult
from syncqueue.handlers.base import DocumentHandler, DocumentJob, RemotePart, SyncHandler
from syncqueue.secrets import mask, scrub

T = TypeVar("T")
# The parts that exist after the job, or the exception of this job.
Answer: TypeAlias = Sequence[RemotePart] | Exception


def batch_limit(handler: SyncHandler, policy: ServiceSettings) -> int:
    """Return how many tasks the handler receives per call; 1 if it has no method for batches."""
    kind = type(handler)
    if issubclass(kind, DocumentHandler):
        can_batch = kind.apply_many is not DocumentHandler.apply_many
    else:
        can_batch = kind.process_many is not SyncHandler.process_many
    return (policy.batch_size or handler.batch_size) if can_batch else 1


async def uncancelled(work: Awaitable[T]) -> T:
    """Await a handler; raises `RuntimeError` if something inside it was cancelled, but not this task.

    A `CancelledError` would pass every `except Exception`, and the end of the attempt would be lost.
    """
    try:
        return await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("Something that the handler waited for was cancelled.") from error


async def send(handler: DocumentHandler, jobs: Sequence[DocumentJob]) -> Sequence[Answer]:
    """Do jobs of one destination, in a batch if the handler supports it. Raises what a handler may raise.

    The destination's secrets are removed from all exceptions, in case the service has echoed them.
    """
    secret = jobs[0].place.secret if jobs else {}
    try:
        answers = await _send(handler, jobs)
    except Exception as error:
        scrub(error, secret)
        raise
    for answer in answers:
        if isinstance(answer, Exception):
            scrub(answer, secret)
    return answers


async def _send(handler: DocumentHandler, jobs: Sequence[DocumentJob]) -> Sequence[Answer]:
    if len(jobs) > 1:
        with tracing.span("send", "client", service=handler.config.service, count=len(jobs)):
            answers = await uncancelled(handler.apply_many(jobs))
        check_count(answers, len(jobs), f"{type(handler).__name__}.apply_many")
        return [_checked(answer, handler) for answer in answers]
    return [_checked(await uncancelled(_send_one(handler, job)), handler) for job in jobs]


def masked(error: Exception, secret: Mapping[str, str]) -> SyncResult:
    """Convert an exception to a result without the secrets of the destination."""
    result = SyncResult.from_exception(error)
    return replace(
        result,
        error=mask(result.error, secret),
        traceback=mask(result.traceback, secret),
        new_address=mask(result.new_address, secret),
    )


async def _send_one(handler: DocumentHandler, job: DocumentJob) -> Sequence[RemotePart]:
    with tracing.span("send", "client", service=handler.config.service, step=job.step, destination_id=job.place.id):
        match job.step:
            case "create":
                return await handler.create(job)
            case "update":
                return await handler.update(job)
            case "delete":
                await handler.delete(job)
                return ()


def _checked(answer: Any, handler: DocumentHandler) -> Answer:
    """Return the answer, or an exception if it cannot be stored. Not raised, so the parts of other jobs are kept."""
    if isinstance(answer, Exception):
        return answer
    if not isinstance(answer, Sequence) or not all(isinstance(part, RemotePart) for part in answer):
        name = type(handler).__name__
        return OutcomeUnknown(f"{name} answered a {type(answer).__name__} where a list of RemotePart is expected.")
    return answer


def check_count(answers: Any, count: int, name: str) -> None:
    """Raise `OutcomeUnknown` unless there is one answer for each: it is unknown whose answer is missing."""
    got = len(answers) if isinstance(answers, Sequence) else type(answers).__name__
    if got != count:
        raise OutcomeUnknown(f"{name} must answer for each of the {count} it is given, in order; it answered {got}.")

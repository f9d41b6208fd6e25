"""Calling a handler with one task or job, or with many, and making sure that each has its answer."""

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
# The parts that are out there afterwards, or what this job alone ended with.
Answer: TypeAlias = Sequence[RemotePart] | Exception


def batch_limit(handler: SyncHandler, policy: ServiceSettings) -> int:
    """How many tasks the handler is given in one call: 1 where it does not say how to do many."""
    kind = type(handler)
    if issubclass(kind, DocumentHandler):
        can_batch = kind.apply_many is not DocumentHandler.apply_many
    else:
        can_batch = kind.process_many is not SyncHandler.process_many
    return (policy.batch_size or handler.batch_size) if can_batch else 1


async def uncancelled(work: Awaitable[T]) -> T:
    """What a handler answers; a cancellation that nobody asked for, from inside of it, is an error like any other.

    It would pass every `except Exception`, and nobody would hear how the attempt ended.
    """
    try:
        return await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("Something that the handler waited for was cancelled.") from error


async def send(handler: DocumentHandler, jobs: Sequence[DocumentJob]) -> Sequence[Answer]:
    """Do jobs of one destination: many at once where the handler can. Raises what a handler may raise.

    No error quotes the destination's secrets, whatever the service has echoed.
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
    """Return what an attempt ends with, without the secrets of its destination."""
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
    """An answer that can be stored, or why not: other jobs' parts must not be lost with it."""
    if isinstance(answer, Exception):
        return answer
    if not isinstance(answer, Sequence) or not all(isinstance(part, RemotePart) for part in answer):
        name = type(handler).__name__
        return OutcomeUnknown(f"{name} answered a {type(answer).__name__} where a list of RemotePart is expected.")
    return answer


def check_count(answers: Any, count: int, name: str) -> None:
    """Raise `OutcomeUnknown` unless there is an answer for each: nobody can tell whose is missing."""
    got = len(answers) if isinstance(answers, Sequence) else type(answers).__name__
    if got != count:
        raise OutcomeUnknown(f"{name} must answer for each of the {count} it is given, in order; it answered {got}.")

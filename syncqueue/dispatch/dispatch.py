"""After the commit: attempt the saved records immediately, or enqueue them. Never raises, and waits a limited time."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from itertools import groupby

from syncqueue import tracing
from syncqueue.conf import get_settings
from syncqueue.core.answer import Asked
from syncqueue.core.errors import ConfigurationError, QueueError, QueueFull, QueueUnavailable, UnconfirmedEnvironment
from syncqueue.core.hold import holds_of_destination
from syncqueue.core.task import NO_PROGRESS, ClaimedTask, SyncTask
from syncqueue.dispatch import site_queues as queues
from syncqueue.dispatch.immediate import immediate_loop, is_gevent
from syncqueue.dispatch.sending import is_sending
from syncqueue.execution.run import Run
from syncqueue.handlers import gate
from syncqueue.handlers.base import DocumentHandler, Place
from syncqueue.handlers.registry import shared_handler
from syncqueue.models import Destination
from syncqueue.queue.calls import Enqueued
from syncqueue.site import require_confirmed
from syncqueue.sources.intents import PendingRecord

logger = logging.getLogger("syncqueue.dispatch")


class Budget:
    """The total time that the saves of one request (outside requests: of one transaction) may wait."""

    def __init__(self, seconds: float) -> None:
        """`seconds`: the total."""
        self._seconds = seconds
        self._spent = 0.0

    def left(self) -> float:
        """Seconds left."""
        return max(self._seconds - self._spent, 0.0)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time spent inside the block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent += time.monotonic() - began


class _State(threading.local):
    """Per thread. Under ASGI too, the database work of a request and its request_started run on one thread."""

    budget: Budget | None = None
    queued: int = 0


_state = _State()


def begin_request(**_: object) -> None:
    """Create the budget for all saves of a request that starts."""
    try:
        _state.budget = Budget(get_settings().immediate.timeout_seconds)
    except ConfigurationError:  # the system checks report it; requests of the site must go on
        _state.budget = None


def end_request(**_: object) -> None:
    """Delete the budget of a request that has ended."""
    _state.budget = None


@contextmanager
def queued() -> Iterator[None]:
    """Inside, saves are put into the queue and not attempted at once."""
    _state.queued += 1
    try:
        yield
    finally:
        _state.queued -= 1


def dispatch(pending_records: Sequence[PendingRecord]) -> None:
    """Attempt or enqueue records. Errors are logged; the records then wait for the reconciler.

    Under a test runner nothing is sent unless the test uses `syncqueue.testing.sending`.
    """
    if not is_sending():
        logger.info("Nothing is sent under a test runner: %s records wait", len(pending_records))
        return
    with tracing.span("dispatch", "producer", count=len(pending_records)):
        _dispatch(pending_records)


def _dispatch(pending_records: Sequence[PendingRecord]) -> None:
    budget = _state.budget or Budget(get_settings().immediate.timeout_seconds)
    with budget.spending():
        try:
            require_confirmed()
            running = list(_start_all(pending_records, at_once=_at_once(pending_records, budget)))
        except UnconfirmedEnvironment as error:
            logger.error("%s", error)
            return
        except Exception:  # a save must never fail because of syncqueue
            logger.exception("%s records wait for the reconciler", len(pending_records))
            return
    with budget.spending():
        wait(running, timeout=budget.left())


def _at_once(pending_records: Sequence[PendingRecord], budget: Budget) -> bool:
    immediate = get_settings().immediate
    return (
        immediate.enabled
        and not _state.queued
        and len(pending_records) <= immediate.max_records
        and budget.left() > 0
        and not is_gevent()
        and immediate_loop().has_room(len(pending_records))
    )


def _start_all(pending_records: Sequence[PendingRecord], *, at_once: bool) -> Iterator[Future[None]]:
    ordered = sorted(pending_records, key=lambda one: one.service)
    for service, group in groupby(ordered, key=lambda one: one.service):
        yield from _start(service, list(group), at_once)


def _start(service: str, pending_records: list[PendingRecord], at_once: bool) -> Iterator[Future[None]]:
    tasks = [one.task() for one in pending_records]
    if not queues.is_down():
        try:
            yield from _enqueue_or_lease(service, pending_records, tasks, at_once)
            return
        except QueueUnavailable as error:
            queues.note_down()
            logger.warning("%s; the attempt is made without Redis", error)
        except QueueFull as error:
            logger.error("%s", error)
        except QueueError as error:  # a foreign queue: nothing may be sent from here
            logger.error("%s", error)
            return
    if at_once:  # without a lease; the send mark in the database is the fence
        token = secrets.token_hex(8)
        claimed = [ClaimedTask(task=task, token=token, progress=NO_PROGRESS) for task in tasks]
        yield immediate_loop().attempt(
            Run(service=service, claimed=claimed, holds_active=False, leased=False, small_only=True)
        )


def _enqueue_or_lease(
    service: str, pending_records: list[PendingRecord], tasks: list[SyncTask], at_once: bool
) -> Iterator[Future[None]]:
    queue = queues.get_queue(service)
    if not at_once:
        queue.enqueue_many(tasks)
        return
    token = secrets.token_hex(8)
    leased = queue.enqueue_leased(tasks, _holds(service, pending_records), token=token)
    claimed = [
        ClaimedTask(task=task, token=token, progress=NO_PROGRESS)
        for task, where in zip(tasks, leased.placed, strict=True)
        if where is Enqueued.LEASED
    ]
    if claimed:
        yield immediate_loop().attempt(
            Run(service=service, claimed=claimed, holds_active=leased.holds_active, small_only=True)
        )


def _holds(service: str, pending_records: Sequence[PendingRecord]) -> list[tuple[str, ...]]:
    """Return the holds that may apply, as far as they are known without the destination's secret."""
    try:
        handler = shared_handler(service)
    except ConfigurationError as error:
        logger.error("%s", error)
        return [() for _ in pending_records]
    if not isinstance(handler, DocumentHandler):
        return [() for _ in pending_records]
    found = [one.destination for one in pending_records]
    return [holds_of_destination(one.pk, endpoint_of(handler, one), owner=one.owner_id) for one in found]


def endpoint_of(handler: DocumentHandler, destination: Destination) -> str:
    """Return the endpoint of a destination as known without its secret; "" if it has none."""
    found = gate.endpoint(handler, _place_of(destination))
    return found.value if isinstance(found, Asked) else ""  # the attempt stores the error on the record


def _place_of(destination: Destination) -> Place:
    return Place(id=destination.pk, name=destination.name, address=destination.address, options=destination.options)

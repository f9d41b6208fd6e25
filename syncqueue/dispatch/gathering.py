"""From a save to its dispatch: the records are written immediately, and dispatched together after the commit."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from django.db import connections, transaction

from syncqueue.conf import get_settings
from syncqueue.core.errors import ConfigurationError
from syncqueue.dispatch.dispatch import dispatch, queued
from syncqueue.dispatch.immediate import immediate_loop, is_gevent
from syncqueue.dispatch.sending import is_sending
from syncqueue.models import WalkKind
from syncqueue.site import record_db
from syncqueue.sources import walks
from syncqueue.sources.destinations import ensure_declared
from syncqueue.sources.intents import Change, PendingRecord, record_changes
from syncqueue.sources.registry import ModelSync

logger = logging.getLogger("syncqueue.receivers")


class Batch:
    """The records that one transaction dispatches when it is committed."""

    def __init__(self) -> None:
        """Start empty; a record has one entry, the latest."""
        self._records: dict[int, PendingRecord] = {}

    def add(self, pending_records: Sequence[PendingRecord]) -> None:
        """Add records to dispatch."""
        self._records.update({one.record_id: one for one in pending_records})

    def dispatch(self) -> None:
        """Dispatch all records; the first hook that runs takes everything, the others find nothing."""
        pending_records, self._records = list(self._records.values()), {}
        if pending_records:
            dispatch(pending_records)


class _State(threading.local):
    """Per thread, as database connections are."""

    def __init__(self) -> None:
        # By database alias. Weak references, because only the commit hooks keep a batch alive: a rollback drops the
        # hooks and with them the batch.
        self.batches: dict[str, weakref.ref[Batch]] = {}
        self.muted = 0


_state = _State()
_captures: list[Callable[[Sequence[PendingRecord]], None]] = []  # syncqueue.testing


@contextmanager
def muted() -> Iterator[None]:
    """Do not sync saves inside the block. The sweep skips them; the next save of an object outside syncs all of it."""
    _state.muted += 1
    try:
        yield
    finally:
        _state.muted -= 1


@contextmanager
def captured(take: Callable[[Sequence[PendingRecord]], None]) -> Iterator[None]:
    """Pass records to `take` instead of dispatching them, inside the block."""
    _captures.append(take)
    try:
        yield
    finally:
        _captures.remove(take)


def note_changes(source: ModelSync, changes: Sequence[Change], using: str, *, raw: bool = False) -> None:
    """Write the records of changes and register their dispatch. Never raises; a failed write is tried again.

    `raw`: the objects come from a fixture and are not synced.
    """
    try:
        if changes and get_settings().enabled:
            _note(partial(_record, source, changes, using, muted=raw or _state.muted > 0), using)
    except ConfigurationError:  # trying again is of no use before the settings are fixed
        logger.exception("%s could not be recorded; the sweep will find them", _names(source, changes))
    except Exception:  # the save of the site's object must succeed in any case
        logger.exception("%s could not be recorded; tried again after the commit", _names(source, changes))
        _try_again(partial(_record_again, source, changes, using, muted=raw or _state.muted > 0), using)


def note_walk(source: ModelSync, kind: WalkKind, using: str, *, related: str = "") -> None:
    """Request a walk instead of recording very many changes. Never raises."""
    try:
        if get_settings().enabled and not _state.muted:
            _note(partial(_request, source, kind, related), using)
    except Exception:  # as in note_changes
        logger.exception("A walk over %s could not be requested; tried again after the commit", source.label)
        _try_again(partial(_request, source, kind, related), using)


def _note(write: Callable[[], None], using: str) -> None:
    """Write now, or after the commit of `using` if the records are in another database: it may be rolled back."""
    if using == record_db():
        write()
    else:
        _after_commit(write, using)


def _after_commit(work: Callable[[], None], using: str) -> None:
    """Do work after the commit. Exceptions are logged, because hooks of the site run after this one."""
    transaction.on_commit(partial(_logged, work), using=using)


def _logged(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # must not stop the hooks that follow
        logger.exception("A change could not be recorded; the sweep will find the objects")


def _try_again(work: Callable[[], None], using: str) -> None:
    """Try again after the commit: a sweep cannot find a deletion or the change of a related object.

    This runs in a database thread and enqueues the records: the cause of the failure, such as a lock, may persist, and
    the request must not wait for it.
    """

    def begin() -> None:
        immediate_loop().later(partial(_logged, partial(_queued, work)))

    if using == record_db() and is_sending() and not is_gevent():
        _after_commit(begin, using)


def _queued(work: Callable[[], None]) -> None:
    with queued():
        work()


def _request(source: ModelSync, kind: WalkKind, related: str) -> None:
    with savepoint(record_db()):
        walks.request(source, kind, related=related)


def _record_again(source: ModelSync, changes: Sequence[Change], using: str, *, muted: bool) -> None:
    """Try a second time in a separate transaction: all changes together, or each on its own if that fails."""
    try:
        _record(source, changes, using, muted=muted)
    except Exception:
        if len(changes) == 1:
            raise
        logger.exception("%s could not be recorded together; each is tried on its own", _names(source, changes))
        for change in changes:
            try:
                _record(source, [change], using, muted=muted)
            except Exception:  # the other changes must still be recorded
                logger.exception("%s could not be recorded; the sweep will find it", _names(source, [change]))


def _names(source: ModelSync, changes: Sequence[Change]) -> str:
    return f"{source.label} {[change.pk for change in changes[:10]]}"


def _record(source: ModelSync, changes: Sequence[Change], using: str, *, muted: bool) -> None:
    with savepoint(record_db()):
        ensure_declared()
        pending_records = record_changes(source, changes, muted=muted)
    if not pending_records:
        return
    if _captures:
        _captures[-1](pending_records)
        return
    batch = _batch(using)
    batch.add(pending_records)
    # Each save registers a separate hook, because the rollback of a savepoint drops the hooks inside it.
    transaction.on_commit(batch.dispatch, using=using, robust=True)


def savepoint(using: str) -> AbstractContextManager[object]:
    """Return a savepoint if a transaction is open, so that an error here does not break it; otherwise do nothing."""
    return transaction.atomic(using=using) if connections[using].in_atomic_block else nullcontext()


def _batch(using: str) -> Batch:
    known = _state.batches.get(using)
    batch = known() if known is not None else None
    if batch is None:
        batch = Batch()
        _state.batches[using] = weakref.ref(batch)
    return batch

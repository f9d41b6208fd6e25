"""From a save to its dispatch: the record is written at once, the rest happens after the commit, gathered."""

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
    """What one transaction has to dispatch when it is committed."""

    def __init__(self) -> None:
        """Empty; one entry a record, the last one counts."""
        self._records: dict[int, PendingRecord] = {}

    def add(self, pending_records: Sequence[PendingRecord]) -> None:
        """Remember records to be dispatched."""
        self._records.update({one.record_id: one for one in pending_records})

    def dispatch(self) -> None:
        """Dispatch all there is; the first hook to run takes everything, the others find nothing."""
        pending_records, self._records = list(self._records.values()), {}
        if pending_records:
            dispatch(pending_records)


class _State(threading.local):
    """Of this thread, as database connections are."""

    def __init__(self) -> None:
        # By database alias. Weak, because the hooks alone keep a batch alive: a rollback drops the hooks, and with
        # them what was gathered.
        self.batches: dict[str, weakref.ref[Batch]] = {}
        self.muted = 0


_state = _State()
_captures: list[Callable[[Sequence[PendingRecord]], None]] = []  # syncqueue.testing


@contextmanager
def muted() -> Iterator[None]:
    """Inside, saves are not synced; the sweep passes them by, and the next save of an object syncs it whole."""
    _state.muted += 1
    try:
        yield
    finally:
        _state.muted -= 1


@contextmanager
def captured(take: Callable[[Sequence[PendingRecord]], None]) -> Iterator[None]:
    """Inside, what would be dispatched is given to `take` instead."""
    _captures.append(take)
    try:
        yield
    finally:
        _captures.remove(take)


def note_changes(source: ModelSync, changes: Sequence[Change], using: str, *, raw: bool = False) -> None:
    """Write the records of changes and see to their dispatch. Never raises: what failed is tried again.

    `raw`: the objects come from a fixture, and are not synced.
    """
    try:
        if changes and get_settings().enabled:
            _note(partial(_record, source, changes, using, muted=raw or _state.muted > 0), using)
    except ConfigurationError:  # it stays so until somebody mends the settings
        logger.exception("%s could not be recorded; the sweep will find them", _names(source, changes))
    except Exception:  # the save of the user's object stands, whatever happens here
        logger.exception("%s could not be recorded; tried again after the commit", _names(source, changes))
        _try_again(partial(_record_again, source, changes, using, muted=raw or _state.muted > 0), using)


def note_walk(source: ModelSync, kind: WalkKind, using: str, *, related: str = "") -> None:
    """Request a walk in place of very many changes. Never raises."""
    try:
        if get_settings().enabled and not _state.muted:
            _note(partial(_request, source, kind, related), using)
    except Exception:  # as in note_changes
        logger.exception("A walk over %s could not be requested; tried again after the commit", source.label)
        _try_again(partial(_request, source, kind, related), using)


def _note(write: Callable[[], None], using: str) -> None:
    """Write now; after a commit where it is another database's: what that rolls back must not be recorded."""
    if using == record_db():
        write()
    else:
        _after_commit(write, using)


def _after_commit(work: Callable[[], None], using: str) -> None:
    """Do something after the commit. What it raises is logged: the hooks of the site's own come after this one."""
    transaction.on_commit(partial(_logged, work), using=using)


def _logged(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # there is nobody to tell
        logger.exception("A change could not be recorded; the sweep will find the objects")


def _try_again(work: Callable[[], None], using: str) -> None:
    """Try once more after the commit: a deletion, and a related object's change, leave nothing for a sweep.

    In a thread of its own, and into the queue: what refused the first try may hold its lock still, and a request does
    not wait for it.
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
    """The second try, in a transaction of its own: all of them together, or else each by itself."""
    try:
        _record(source, changes, using, muted=muted)
    except Exception:
        if len(changes) == 1:
            raise
        logger.exception("%s could not be recorded together; each is tried by itself", _names(source, changes))
        for change in changes:
            try:
                _record(source, [change], using, muted=muted)
            except Exception:  # the others must not go with it
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
    # Each save registers a hook of its own, because a savepoint that is rolled back drops the hooks inside it.
    transaction.on_commit(batch.dispatch, using=using, robust=True)


def savepoint(using: str) -> AbstractContextManager[object]:
    """Inside a transaction a savepoint, which keeps an error of ours from spoiling it; outside nothing."""
    return transaction.atomic(using=using) if connections[using].in_atomic_block else nullcontext()


def _batch(using: str) -> Batch:
    known = _state.batches.get(using)
    batch = known() if known is not None else None
    if batch is None:
        batch = Batch()
        _state.batches[using] = weakref.ref(batch)
    return batch

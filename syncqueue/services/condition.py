"""The condition of the installation: workers, health, the environment stamp of this database."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone
from django.utils.translation import gettext as _

from syncqueue import site
from syncqueue.conf import get_settings
from syncqueue.core.duty import DutyState
from syncqueue.core.errors import ConfigurationError, QueueError, QueueUnavailable, UnknownWorker
from syncqueue.core.foreign import Readable, json_object, read_each
from syncqueue.core.task import from_ms
from syncqueue.core.worker_state import WorkerRequest, WorkerState
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.models import SiteStamp
from syncqueue.presentation.duties import failing_words
from syncqueue.presentation.reasons import in_words
from syncqueue.queue import server_time
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.keys import worker_request_key, workers_key
from syncqueue.services.tasks import service_names, stats
from syncqueue.site import record_db
from syncqueue.sources import destinations

logger = logging.getLogger("syncqueue.services")

# A worker whose last heartbeat is older counts as gone (it beats every 10 seconds).
WORKER_SECONDS = 35.0
# Lifetime of a request: many heartbeats, because a worker may be cut off from Redis for a while.
_REQUEST_SECONDS = 300
# After this time, a waiting task or a failing duty is a problem although the worker is alive.
STALE_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker, for people."""

    id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    services: tuple[str, ...]
    running: int
    duties: tuple[DutyState, ...] = ()  # the failing ones
    state: WorkerState = WorkerState.WORKING

    def data(self) -> dict[str, object]:
        """Return it as values for JSON, without the duties."""
        return {
            "id": self.id,
            "host": self.host,
            "pid": self.pid,
            "started_at": self.started_at,
            "seen_at": self.seen_at,
            "services": list(self.services),
            "running": self.running,
            "state": self.state.value,
        }

    def takes(self, service: str) -> bool:
        """Return whether it takes new work of a service."""
        return self.state is WorkerState.WORKING and service in self.services


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """The condition of one service's queue."""

    name: str
    ok: bool
    workers: int
    oldest_pending_seconds: float | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingDuty:
    """A failing duty of a worker."""

    host: str
    pid: int
    name: str  # "sweep notes.note"
    since: datetime
    error: str
    problem: str  # a sentence with all of this


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The condition of Redis, services and workers."""

    ok: bool
    redis: bool
    services: Sequence[ServiceHealth]
    duties: Sequence[FailingDuty] = ()  # the failing ones; not ok if one fails for longer than STALE_SECONDS
    unreadable_heartbeats: int = 0  # written by another version, or not by a worker


def workers() -> Sequence[WorkerView]:
    """Return the live workers whose heartbeat can be read. Raises `QueueUnavailable`."""
    return heartbeats().values


def heartbeats() -> Readable[WorkerView]:
    """Return the live workers, and the number of unreadable heartbeats. Raises `QueueUnavailable`."""
    names = service_names()
    if not names:
        return Readable(values=(), unreadable_count=0)
    client, key = get_queue(names[0]).client, workers_key(get_settings().key_prefix)
    try:
        with redis_errors(names[0]):
            beats = cast(dict[str, str], client.hgetall(key))
            now_ms = server_time.to_ms(client.eval(server_time.SCRIPT, 1, key))
    except QueueUnavailable:
        raise
    except QueueError as error:  # the key holds another type
        logger.warning("%s: the workers' heartbeats cannot be read: %s", key, error)
        return Readable(values=(), unreadable_count=1)
    # The times are of the Redis clock.
    oldest = from_ms(now_ms - WORKER_SECONDS * 1000)
    found = read_each(_worker, beats.items())
    alive = sorted((worker for worker in found if worker.seen_at > oldest), key=lambda worker: worker.id)
    return Readable(values=tuple(alive), unreadable_count=found.unreadable_count)


def ask_worker(worker_id: str, request: WorkerRequest, *, actor: str) -> WorkerView:
    """Ask a worker to take no new work, or to stop; it does so within a heartbeat (10 seconds).

    Raises `UnknownWorker` if it is not alive, and `QueueUnavailable`.
    """
    names = service_names()
    worker = next((one for one in workers() if one.id == worker_id), None)
    if worker is None:
        raise UnknownWorker(_("There is no worker %s; it has stopped, or was restarted.") % worker_id)
    key = worker_request_key(get_settings().key_prefix, worker_id)
    with redis_errors(names[0]):
        get_queue(names[0]).client.set(key, request.value, ex=_REQUEST_SECONDS)
    logger.info("Worker %s was asked to %s by %s", worker_id, request, actor)
    return worker


def _worker(beat: tuple[str, str]) -> WorkerView:
    """Parse an id and its heartbeat. Raises one of `core.foreign.UNREADABLE`."""
    id_, text = beat
    given = json_object(text)
    duties = given.get("duties")
    if not isinstance(given["services"], list):
        raise TypeError("A heartbeat names its services in a list.")
    return WorkerView(
        id=id_,
        host=str(given["host"]),
        pid=int(given["pid"]),
        started_at=from_ms(given["started_at"]),
        seen_at=from_ms(given["seen_at"]),
        services=tuple(map(str, given["services"])),
        running=int(given["running"]),
        # A live worker is shown even if another version writes its failing duties in another form.
        duties=read_each(DutyState.from_json, duties if isinstance(duties, list) else ()).values,
        state=next((one for one in WorkerState if one == given.get("state")), WorkerState.WORKING),
    )


def health() -> Health:
    """Return whether Redis is available, every service has a worker, and no task waits and no duty fails for long."""
    names = service_names()
    try:
        alive = heartbeats()
        found = [_service_health(name, alive.values) for name in names]
    except QueueUnavailable as error:
        down = [
            ServiceHealth(name=n, ok=False, workers=0, oldest_pending_seconds=None, problem=in_words(str(error)))
            for n in names
        ]
        return Health(ok=False, redis=False, services=down)
    duties = [_failing(worker, duty) for worker in alive for duty in worker.duties]
    long_ago = timezone.now() - timedelta(seconds=STALE_SECONDS)
    is_ok = all(one.ok for one in found) and all(one.since > long_ago for one in duties)
    return Health(ok=is_ok, redis=True, services=found, duties=duties, unreadable_heartbeats=alive.unreadable_count)


def _failing(worker: WorkerView, duty: DutyState) -> FailingDuty:
    return FailingDuty(
        host=worker.host,
        pid=worker.pid,
        name=duty.name,
        since=duty.since,
        error=in_words(duty.error),
        problem=failing_words(duty),
    )


def _service_health(name: str, alive: Sequence[WorkerView]) -> ServiceHealth:
    count = sum(worker.takes(name) for worker in alive)
    try:
        figures = stats(name)
    except QueueUnavailable:
        raise
    except QueueError as error:  # concerns this queue only, such as one that another database has stamped
        return ServiceHealth(
            name=name, ok=False, workers=count, oldest_pending_seconds=None, problem=in_words(str(error))
        )
    oldest = figures.oldest_pending_seconds
    problem = ""
    if not count:
        problem = _("No worker is running: start manage.py runsyncworker.")
    elif oldest is not None and oldest > STALE_SECONDS and not figures.paused:
        problem = _("The oldest task has been waiting for %(minutes)d minutes.") % {"minutes": oldest // 60}
    return ServiceHealth(name=name, ok=not problem, workers=count, oldest_pending_seconds=oldest, problem=problem)


def adopt_queue() -> None:
    """Confirm that this database belongs to this environment, and take over its queues."""
    site.adopt()
    for name in service_names():
        get_queue(name).adopt()


def after_migrate(using: str = DEFAULT_DB_ALIAS, app_config: Any = None, **_: Any) -> None:
    """Create the rows of declared destinations, if the tables exist."""
    if app_config is None or app_config.label != "syncqueue" or using != record_db():
        return
    if SiteStamp._meta.db_table not in connections[using].introspection.table_names():
        return  # migrated backwards: the app is being removed
    try:
        if get_settings().enabled:
            # `flush` sends this signal too: the tables are empty now, so caches of them are outdated.
            site.forget()
            destinations.forget_declared()
            site.stamp()
            destinations.ensure_declared()
    except ConfigurationError as error:  # the system check reports it too; the migration must succeed
        logger.warning("%s", error)

"""How everything does: workers, health, the stamp of this database."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.translation import gettext as _

from syncqueue import site
from syncqueue.conf import get_settings
from syncqueue.core.duty import DutyState
from syncqueue.core.errors import ConfigurationError, QueueUnavailable
from syncqueue.core.task import QueueStats, from_ms
from syncqueue.dispatch.site_queues import get_queue
from syncqueue.models import SiteStamp
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.keys import workers_key
from syncqueue.services.tasks import service_names, stats
from syncqueue.site import record_db
from syncqueue.sources import destinations

logger = logging.getLogger("syncqueue.services")

# A worker whose last heartbeat is older is not there any more (it beats every 10 seconds).
WORKER_SECONDS = 35.0
# Beyond this a queue whose worker is alive is in trouble all the same.
STALE_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker as people see it."""

    id: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    services: tuple[str, ...]
    running: int
    duties: tuple[DutyState, ...] = ()  # those that fail now


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceHealth:
    """How one service's queue does."""

    name: str
    ok: bool
    workers: int
    oldest_pending_seconds: float | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How everything does."""

    ok: bool
    redis: bool
    services: Sequence[ServiceHealth]


def workers() -> Sequence[WorkerView]:
    """The workers that are alive. Raises `QueueUnavailable`."""
    names = service_names()
    if not names:
        return []
    client = get_queue(names[0]).client
    with redis_errors(names[0]):
        beats = cast(dict[str, str], client.hgetall(workers_key(get_settings().key_prefix)))
    found = [WorkerView(id=id_, **_worker(json.loads(text))) for id_, text in beats.items()]
    return sorted((w for w in found if time.time() - w.seen_at.timestamp() < WORKER_SECONDS), key=lambda w: w.id)


def _worker(beat: dict[str, Any]) -> dict[str, Any]:
    return {
        "host": str(beat["host"]),
        "pid": int(beat["pid"]),
        "started_at": from_ms(beat["started_at"]),
        "seen_at": from_ms(beat["seen_at"]),
        "services": tuple(beat["services"]),
        "running": int(beat["running"]),
        "duties": tuple(DutyState.from_json(duty) for duty in beat.get("duties", ())),
    }


def health() -> Health:
    """Whether Redis answers, every service has a worker, and nothing waits for too long."""
    names = service_names()
    try:
        alive = workers()
        found = [_service_health(name, stats(name), alive) for name in names]
    except QueueUnavailable as error:
        down = [
            ServiceHealth(name=n, ok=False, workers=0, oldest_pending_seconds=None, problem=str(error)) for n in names
        ]
        return Health(ok=False, redis=False, services=down)
    return Health(ok=all(one.ok for one in found), redis=True, services=found)


def _service_health(name: str, figures: QueueStats, alive: Sequence[WorkerView]) -> ServiceHealth:
    count = sum(name in worker.services for worker in alive)
    oldest = figures.oldest_pending_seconds
    problem = ""
    if not count:
        problem = _("No worker is running: start manage.py runsyncworker.")
    elif oldest is not None and oldest > STALE_SECONDS and not figures.paused:
        problem = _("The oldest task has been waiting for %(minutes)d minutes.") % {"minutes": oldest // 60}
    return ServiceHealth(name=name, ok=not problem, workers=count, oldest_pending_seconds=oldest, problem=problem)


def adopt_queue() -> None:
    """Confirm that this database belongs to this environment, and take its queues over."""
    site.adopt()
    for name in service_names():
        get_queue(name).adopt()


def after_migrate(using: str = DEFAULT_DB_ALIAS, app_config: Any = None, **_: Any) -> None:
    """Give destinations declared in the settings their rows, when the tables are there."""
    if app_config is None or app_config.label != "syncqueue" or using != record_db():
        return
    if SiteStamp._meta.db_table not in connections[using].introspection.table_names():
        return  # migrated back: the app is about to be taken out
    try:
        if get_settings().enabled:
            site.stamp()
            destinations.ensure_declared()
    except ConfigurationError as error:  # the system check says it too; a migration must go through
        logger.warning("%s", error)

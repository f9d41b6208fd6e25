"""The doctor's tests of Redis and the workers."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncqueue import services, site
from syncqueue.conf import get_settings
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import ConfigurationError, QueueError
from syncqueue.doctor.finding import Finding, advise, ok, wrong
from syncqueue.presentation.reasons import in_words
from syncqueue.queue.connection import sync_client
from syncqueue.queue.keys import workers_key
from syncqueue.queue.server_checks import RedisFacts, probe

OLDEST_REDIS = (6, 2)
SLOW_SECONDS = 0.05  # each save waits for two or three round trips
CLOCK_SECONDS = 5.0  # times compared across machines have a resolution of seconds
_TIMEOUT_SECONDS = 3.0

REDIS = "redis"


def examine_redis() -> Iterator[Finding]:
    """Yield findings on Redis and the workers; raises `django.db.Error` if the database is down."""
    settings = get_settings()
    client = None
    try:
        client = sync_client(settings.redis, _TIMEOUT_SECONDS)
        facts = probe(client, settings.key_prefix, list(settings.services))
    except (QueueError, ConfigurationError) as error:
        text = _("Saves are not affected: unsent changes wait in the database.")
        advice = _("Start Redis, or correct SYNCQUEUE['REDIS'].")
        yield wrong(REDIS, f"{in_words(str(error))} {text}", advice)
        return
    finally:
        if client is not None:
            client.close()
    yield _latency(facts)
    yield from _fitness(facts)
    yield from _stamps(facts)
    yield from _unreadable(facts)
    yield from _workers()


def _latency(facts: RedisFacts) -> Finding:
    text = _("%(name)s responds in %(ms).1f ms.") % {"name": facts.name, "ms": facts.latency_seconds * 1000}
    if facts.latency_seconds > SLOW_SECONDS:
        advice = _("Each save makes two or three round trips to Redis: move Redis closer to the web servers.")
        return advise(REDIS, text, advice, facts.latency_seconds)
    return ok(REDIS, text, facts.latency_seconds)


def _fitness(facts: RedisFacts) -> Iterator[Finding]:
    if facts.version is not None and facts.version < OLDEST_REDIS:
        yield wrong(REDIS, _("%s is too old.") % facts.name, _("Use Redis 6.2 or newer, or Valkey 7.2 or newer."))
    if facts.policy not in (None, "noeviction"):
        text = _("Redis may evict tasks when it is full: its maxmemory-policy is %s.") % facts.policy
        yield wrong(REDIS, text, _("Set maxmemory-policy noeviction on the Redis server of the queues."))
    if facts.broker_key is not None:
        text = _("A Celery broker uses the same Redis database (it contains the key %s).") % facts.broker_key
        yield advise(REDIS, text, _("Use another database number for one of them: emptying one would empty the other."))
    if facts.is_durable is False:
        text = _("Redis has no append-only file: tasks are lost when it restarts.")
        advice = _(
            "Set appendonly yes. Without it, a restart loses the tasks that your own code has queued; synced objects "
            "are queued again from the database."
        )
        yield advise(REDIS, text, advice)
    difference = abs((facts.now - SYSTEM_CLOCK.now()).total_seconds())
    if difference > CLOCK_SECONDS:
        text = _("The clocks of the Redis server and this machine differ by %.0f seconds.") % difference
        yield advise(REDIS, text, _("Synchronise the clocks of both machines with NTP."))


def _stamps(facts: RedisFacts) -> Iterator[Finding]:
    ours = site.site_id()
    for service, stamp in facts.stamps.items():
        if stamp not in (None, ours):
            text = _("The queue of %(service)s belongs to another database (site %(stamp)s; this is site %(ours)s).")
            advice = _(
                "Use a separate SYNCQUEUE['KEY_PREFIX'] (now %r) or Redis database for each site. If this database "
                "should take over the queue, run: manage.py syncqueue adopt-queue"
            )
            values = {"service": service, "stamp": stamp, "ours": ours}
            yield wrong(REDIS, text % values, advice % get_settings().key_prefix)


def _unreadable(facts: RedisFacts) -> Iterator[Finding]:
    """Yield findings on unreadable values in this site's queues, written by another version or a person."""
    ours = site.site_id()
    for service, stamp in facts.stamps.items():
        try:
            count = services.unreadable_count(service) if stamp in (None, ours) else 0
        except QueueError as error:  # a key of this queue has another type
            yield wrong(service, in_words(str(error)), _("Delete foreign values from the keys of the queue."))
            continue
        if count:
            text = ngettext(
                "%d value of the queue's figures cannot be read and is left out.",
                "%d values of the queue's figures cannot be read and are left out.",
                count,
            )
            advice = _("Check whether a worker of another version is running, or who else writes to this Redis.")
            yield advise(service, text % count, advice)


def _workers() -> Iterator[Finding]:
    alive = services.heartbeats()
    if count := alive.unreadable_count:
        text = ngettext("%d heartbeat cannot be read.", "%d heartbeats cannot be read.", count) % count
        advice = _("Check whether a worker of another version is running; otherwise delete them: HDEL %s.")
        yield advise("workers", text, advice % workers_key(get_settings().key_prefix))
    for name in services.service_names():
        count = sum(worker.takes(name) for worker in alive)
        if count:
            text = ngettext("%d worker serves %s.", "%d workers serve %s.", count) % (count, name)
            yield ok("workers", text)
        else:
            text = _("No worker serves %s: tasks that cannot be sent immediately wait.") % name
            yield wrong("workers", text, _("Start one: manage.py runsyncworker"))

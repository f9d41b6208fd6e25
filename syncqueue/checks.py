"""System checks: the settings, the handlers, and changes that the registered models do not cover.

E001 SYNCQUEUE or a required key is missing    E002 unknown key    E003 wrong type or value
E004 a handler cannot be used                  E005 Redis shared with a cache    E006 inconsistent times
E007 a model cannot be synced as registered    E008 USE_TZ is off
E009 the address of Redis cannot be used
E010 a declared destination cannot work        W010 the same, and it has no secret here
W001 the sweep cannot cover a model            W002 gevent         W003 evicting maxmemory-policy (--deploy)
W004 attempts are too short for a service      W005 a small pool of database connections
W006 Redis database shared with Celery (--deploy)
W007 ALLOWED_PRIVATE_HOSTS opens all ports of a host (--deploy)
W008 a model keeps objects at a service that is not enabled
I001 Redis does not report its maxmemory-policy (--deploy)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import connections

from syncqueue.conf import SETTING, Settings, get_settings, problems
from syncqueue.core.answer import Refused
from syncqueue.core.errors import ConfigurationError, QueueError
from syncqueue.dispatch.immediate import is_gevent
from syncqueue.execution.database import THREAD_COUNT, pool_size
from syncqueue.handlers import gate
from syncqueue.handlers.base import DocumentHandler
from syncqueue.handlers.registry import BUILT_IN, handler_class, make_handler
from syncqueue.queue.connection import address_of, database_of, redis_errors, sync_client
from syncqueue.queue.server_checks import celery_key, eviction_policy
from syncqueue.site import record_db
from syncqueue.sources.registry import ModelSync, all_sources, home_db

_KINDS = {"missing": "syncqueue.E001", "unknown": "syncqueue.E002", "type": "syncqueue.E003"}

# Problems of one service's handler, or of one destination; the others work.
ONE_HANDLER = "syncqueue.E004"
ONE_DESTINATION = "syncqueue.E010"

startup_problem = ""  # the error of autodiscovery, if any
registration_problems: list[str] = []  # what autodiscovery has found


def register_checks() -> None:
    """Register the checks with Django."""
    register(check_settings, "syncqueue")
    register(check_sources, "syncqueue")
    register(check_pools, "syncqueue")
    register(check_redis, Tags.security, deploy=True)
    register(check_private_hosts, Tags.security, deploy=True)


def check_settings(**_: Any) -> list[CheckMessage]:
    """Return the problems of SYNCQUEUE."""
    found = problems(getattr(django_settings, SETTING, None))
    if found:
        return [Error(problem.text, id=_KINDS[problem.kind]) for problem in found]
    settings = get_settings()
    messages: list[CheckMessage] = [
        *_address(settings),
        *_handlers(settings),
        *_declared(settings),
        *_shared_redis(settings),
        *_times(settings),
        *_short_attempts(settings),
    ]
    if startup_problem:
        messages.append(Error(startup_problem, id="syncqueue.E004"))
    return messages


def _address(settings: Settings) -> Iterator[CheckMessage]:
    """Report an invalid REDIS; connects to nothing."""
    try:
        address_of(settings.redis)
    except ConfigurationError as error:
        yield Error(str(error), id="syncqueue.E009")


def _handlers(settings: Settings) -> Iterator[CheckMessage]:
    """Report handlers that cannot be created; a handler connects to nothing before it is used."""
    for service in settings.services:
        try:
            make_handler(service, settings)
        except ConfigurationError as error:
            yield Error(str(error), id=ONE_HANDLER)


def _declared(settings: Settings) -> Iterator[CheckMessage]:
    """Report entries of SYNCQUEUE['DESTINATIONS'] that their handlers refuse."""
    for name, entry in settings.destinations.items():
        secret = entry.get("SECRET", {})
        try:
            handler = make_handler(entry["SERVICE"], settings)
        except ConfigurationError:
            continue  # the service is disabled, or its handler cannot be used, which E004 reports
        if not isinstance(handler, DocumentHandler):
            continue
        found = gate.clean(handler, entry.get("ADDRESS", ""), entry.get("OPTIONS", {}), secret)
        if isinstance(found, Refused):
            text = f"SYNCQUEUE['DESTINATIONS'][{name!r}]: {found.reason}"
            # A build, or a machine of CI, has the settings and no secrets.
            has_secret = any(secret.values())
            yield Error(text, id=ONE_DESTINATION) if has_secret else Warning(text, id="syncqueue.W010")


def _shared_redis(settings: Settings) -> Iterator[CheckMessage]:
    """Report caches on the database of the queues: cache.clear() is a FLUSHDB and would empty the queues."""
    caches, ours = django_settings.CACHES, settings.redis
    if not isinstance(ours, str):
        return
    own = [database_of(ours)] if "://" in ours else _databases(caches.get(ours, {}))
    for alias, cache in caches.items():
        if alias != ours and {one for one in own if one} & set(_databases(cache)):
            yield Error(
                f"SYNCQUEUE['REDIS'] and the cache {alias!r} share a Redis database; cache.clear() would delete "
                f"the queues.",
                hint="Use another database number for one of them, such as redis://127.0.0.1:6379/1.",
                id="syncqueue.E005",
            )


def _databases(cache: Mapping[str, Any]) -> list[tuple[str, int] | None]:
    """Return the Redis databases of a cache; None for a location that is not Redis."""
    location = cache.get("LOCATION")
    return [database_of(one) for one in (location if isinstance(location, list | tuple) else [location])]


def _times(settings: Settings) -> Iterator[CheckMessage]:
    times = settings.processing
    if not times.attempt_timeout_seconds < times.shutdown_seconds < times.lease_seconds:
        yield Error(
            f"SYNCQUEUE['PROCESSING'] must have ATTEMPT_TIMEOUT_SECONDS ({times.attempt_timeout_seconds:g}) < "
            f"SHUTDOWN_SECONDS ({times.shutdown_seconds:g}) < LEASE_SECONDS ({times.lease_seconds:g}).",
            hint="Otherwise a worker is stopped in the middle of an attempt, or continues after its lease has expired.",
            id="syncqueue.E006",
        )


def _short_attempts(settings: Settings) -> Iterator[CheckMessage]:
    """Warn of short attempts: a response that arrives after the timeout is a lost response."""
    seconds = settings.processing.attempt_timeout_seconds
    for service in settings.services.values():
        try:
            least = handler_class(service).least_attempt_seconds
        except ConfigurationError:
            continue  # reported as E004
        if seconds < least:
            yield Warning(
                f"SYNCQUEUE['PROCESSING']['ATTEMPT_TIMEOUT_SECONDS'] is {seconds:g}; {service.name} may take "
                f"longer to respond, and the outcome then counts as unknown.",
                hint=f"Set it to {least:g} or more.",
                id="syncqueue.W004",
            )


def check_sources(**_: Any) -> list[CheckMessage]:
    """Return problems of the registered models, and changes that the sweep cannot find."""
    found: list[CheckMessage] = [
        Error(text, hint="The app is not synced until this is fixed.", id="syncqueue.E007")
        for text in registration_problems
    ]
    if not django_settings.USE_TZ:
        text = "USE_TZ is False: times without a zone cannot be compared, so nothing is swept."
        found.append(Error(text, hint="Set USE_TZ = True.", id="syncqueue.E008"))
    for source in all_sources():
        name = type(source).__name__
        if source.changed_field is None:
            text = (
                f"{name} has no changed_field: the sweep cannot find changes by update() or bulk_create(), nor saves "
                f"whose record was lost in a crash."
            )
            found.append(Warning(text, hint="Set it to an indexed auto_now field.", id="syncqueue.W001"))
        elif source.model._meta.get_field(source.changed_field).null:
            text = (
                f"{name}.changed_field is {source.changed_field!r}, which may be empty: the sweep does not find "
                "objects without a value."
            )
            found.append(Warning(text, hint="Let every save fill it (auto_now).", id="syncqueue.W001"))
        if home_db(source.model) != record_db():
            text = (
                f"{source.label} and the tables of syncqueue are in different databases: saves are recorded after "
                f"their commit, and the sweep finds those that a crash in between left out."
            )
            found.append(Warning(text, id="syncqueue.W001"))
        found += _unknown_services(source)
    if is_gevent():
        text = "gevent has patched threads: saves go directly to the queue, without an immediate attempt."
        found.append(Warning(text, id="syncqueue.W002"))
    return found


def _unknown_services(source: ModelSync) -> Iterator[CheckMessage]:
    """Warn of unknown names: a misspelled one would remove objects from an index that should stay there."""
    known = {*get_settings().services, *BUILT_IN} if source.keeps else set()
    for service in source.keeps:
        if service not in known:
            near = get_close_matches(service, known, 1)
            yield Warning(
                f"{type(source).__name__}.keeps names {service!r}, which is not a service of this site.",
                hint=f"Did you mean {near[0]!r}?" if near else "Write the name of a service of HANDLERS.",
                id="syncqueue.W008",
            )


def check_pools(**_: Any) -> list[CheckMessage]:
    """Warn of a pool of database connections (Django's `"OPTIONS": {"pool": ...}`) that is too small."""
    found: list[CheckMessage] = []
    for alias, database in connections.settings.items():
        size = pool_size(database)
        if size is not None and size <= THREAD_COUNT:
            text = (
                f"DATABASES[{alias!r}] has a pool of {size} connections. syncqueue uses {THREAD_COUNT} threads "
                f"in each process; each needs a connection while it reads or writes, in addition to the requests."
            )
            hint = (
                f"Set max_size to {THREAD_COUNT} more than the process has threads for requests, such as "
                f'"pool": {{"min_size": 2, "max_size": {THREAD_COUNT + 8}}}. With a smaller pool, saves are sent later.'
            )
            found.append(Warning(text, hint=hint, id="syncqueue.W005"))
    return found


def check_redis(**_: Any) -> list[CheckMessage]:
    """Return warnings if Redis may evict tasks when it is full, or shares its database with a Celery broker."""
    if problems(getattr(django_settings, SETTING, None)):
        return []
    try:
        client = sync_client(get_settings().redis, timeout_seconds=2.0)
    except ConfigurationError:  # reported as E009
        return []
    try:
        with redis_errors("any service"):
            return [*_eviction(eviction_policy(client)), *_neighbour(celery_key(client))]
    except QueueError as error:
        return [Warning(str(error), id="syncqueue.W003")]
    finally:
        client.close()


def check_private_hosts(**_: Any) -> list[CheckMessage]:
    """Return a warning for each host of ALLOWED_PRIVATE_HOSTS without a port: users reach all services on it."""
    if problems(getattr(django_settings, SETTING, None)):
        return []
    return [
        Warning(
            f"SYNCQUEUE['ALLOWED_PRIVATE_HOSTS'] names {entry!r} without a port: destinations of users can reach every "
            f"port of it.",
            hint="Name the port that they need, such as 'example.internal:443' or '[fd00::1]:443'.",
            id="syncqueue.W007",
        )
        for entry in get_settings().allowed_private_hosts
        if not _has_port(entry.strip())
    ]


def _has_port(entry: str) -> bool:
    host, _colon, port = entry.rpartition(":")
    return port.isdecimal() and (host.startswith("[") or bool(host) and ":" not in host)


def _eviction(policy: str | None) -> Iterator[CheckMessage]:
    if policy is None:
        yield Info(
            "Redis does not report its maxmemory-policy to this user.",
            hint="Check the configuration of the server: it must be noeviction.",
            id="syncqueue.I001",
        )
    elif policy != "noeviction":
        yield Warning(
            f"Redis may evict tasks: its maxmemory-policy is {policy}.",
            hint="Set maxmemory-policy noeviction on the Redis server of the queues.",
            id="syncqueue.W003",
        )


def _neighbour(key: str | None) -> Iterator[CheckMessage]:
    if key is not None:
        yield Warning(
            f"A Celery broker uses the Redis database of the queues (it contains the key {key!r}).",
            hint="Use another database number for one of them, such as redis://127.0.0.1:6379/1: emptying one would "
            "empty the other.",
            id="syncqueue.W006",
        )

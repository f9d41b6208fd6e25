"""System checks: the settings, the handlers, and what the registered models leave uncovered.

E001 SYNCQUEUE or a required key is missing    E002 unknown key    E003 wrong type or value
E004 a handler cannot be used                  E005 Redis shared with a cache    E006 the times do not fit
E007 a model cannot be synced as registered    E008 USE_TZ is off
W001 the sweep cannot cover a model            W002 gevent         W003 evicting maxmemory-policy (--deploy)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from syncqueue.conf import SETTING, Settings, get_settings, problems
from syncqueue.core.errors import ConfigurationError, QueueUnavailable
from syncqueue.dispatch.immediate import is_gevent
from syncqueue.handlers.registry import make_handler
from syncqueue.queue.connection import place_of, redis_errors, sync_client
from syncqueue.site import record_db
from syncqueue.sources.registry import all_sources, home_db

_KINDS = {"missing": "syncqueue.E001", "unknown": "syncqueue.E002", "type": "syncqueue.E003"}

startup_problem = ""  # why autodiscovery was not done
registration_problems: list[str] = []  # what autodiscovery has found


def register_checks() -> None:
    """Make Django run them."""
    register(check_settings, "syncqueue")
    register(check_sources, "syncqueue")
    register(check_redis, Tags.security, deploy=True)


def check_settings(**_: Any) -> list[CheckMessage]:
    """What is wrong with SYNCQUEUE."""
    found = problems(getattr(django_settings, SETTING, None))
    if found:
        return [Error(problem.text, id=_KINDS[problem.kind]) for problem in found]
    settings = get_settings()
    messages: list[CheckMessage] = [*_handlers(settings), *_shared_redis(settings), *_times(settings)]
    if startup_problem:
        messages.append(Error(startup_problem, id="syncqueue.E004"))
    return messages


def _handlers(settings: Settings) -> Iterator[CheckMessage]:
    for service in settings.services.values():
        try:
            make_handler(service.name, settings)
        except ConfigurationError as error:
            yield Error(str(error), id="syncqueue.E004")


def _shared_redis(settings: Settings) -> Iterator[CheckMessage]:
    """A cache's clear() is a FLUSHDB: it would empty the queues."""
    caches, ours = django_settings.CACHES, settings.redis
    if not isinstance(ours, str):
        return
    own = [place_of(ours)] if "://" in ours else _places(caches.get(ours, {}))
    for alias, cache in caches.items():
        if alias != ours and {place for place in own if place} & set(_places(cache)):
            yield Error(
                f"SYNCQUEUE['REDIS'] and the cache {alias!r} share one Redis database; cache.clear() would delete "
                f"the queues.",
                hint="Give one of them another database number, such as redis://127.0.0.1:6379/1.",
                id="syncqueue.E005",
            )


def _places(cache: Mapping[str, Any]) -> list[tuple[str, int] | None]:
    """Where a cache keeps its data; None for what is no Redis."""
    location = cache.get("LOCATION")
    return [place_of(one) for one in (location if isinstance(location, list | tuple) else [location])]


def _times(settings: Settings) -> Iterator[CheckMessage]:
    times = settings.processing
    if not times.attempt_timeout_seconds < times.shutdown_seconds < times.lease_seconds:
        yield Error(
            f"SYNCQUEUE['PROCESSING'] must have ATTEMPT_TIMEOUT_SECONDS ({times.attempt_timeout_seconds:g}) < "
            f"SHUTDOWN_SECONDS ({times.shutdown_seconds:g}) < LEASE_SECONDS ({times.lease_seconds:g}).",
            hint="Otherwise a worker is stopped in the middle of an attempt, or works on after its lease.",
            id="syncqueue.E006",
        )


def check_sources(**_: Any) -> list[CheckMessage]:
    """What the registered models leave uncovered."""
    found: list[CheckMessage] = [
        Error(text, hint="Its app is not synced until this is mended.", id="syncqueue.E007")
        for text in registration_problems
    ]
    if not django_settings.USE_TZ:
        text = "USE_TZ is False: times without a zone cannot be compared with a destination's start, nor swept."
        found.append(Error(text, hint="Set USE_TZ = True.", id="syncqueue.E008"))
    for source in all_sources():
        name = type(source).__name__
        if source.changed_field is None:
            text = (
                f"{name} has no changed_field: what update(), bulk_create() or a crash between a save and its record "
                f"leave out is not found by the sweep."
            )
            found.append(Warning(text, hint="Name an indexed auto_now field.", id="syncqueue.W001"))
        elif source.model._meta.get_field(source.changed_field).null:
            text = (
                f"{name}.changed_field is {source.changed_field!r}, which may be empty: the sweep does not find the "
                "objects where it is."
            )
            found.append(Warning(text, hint="Let every save fill it (auto_now).", id="syncqueue.W001"))
        if home_db(source.model) != record_db():
            text = (
                f"{source.label} is written to another database than syncqueue's tables: its saves are recorded after "
                f"their commit, and a crash in between is left to the sweep."
            )
            found.append(Warning(text, id="syncqueue.W001"))
    if is_gevent():
        text = "Threads are gevent's: saves go straight to the queue, without an immediate attempt."
        found.append(Warning(text, id="syncqueue.W002"))
    return found


def check_redis(**_: Any) -> list[CheckMessage]:
    """Whether Redis may throw tasks away when it is full."""
    if problems(getattr(django_settings, SETTING, None)):
        return []
    client = sync_client(get_settings().redis, timeout_seconds=2.0)
    try:
        with redis_errors("any service"):
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except QueueUnavailable as error:
        return [Warning(str(error), id="syncqueue.W003")]
    finally:
        client.close()
    if policy == "noeviction":
        return []
    return [
        Warning(
            f"Redis may evict tasks: its maxmemory-policy is {policy}.",
            hint="Set maxmemory-policy noeviction on the server of the queues.",
            id="syncqueue.W003",
        )
    ]

"""Clients for the Redis that the settings name, sync for web processes and async for the worker.

No client retries by itself: a retry re-sends, and whether that is right is known here, not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import redis
import redis.asyncio
from django.conf import settings as django_settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.utils import str_if_bytes

from syncqueue.core.errors import ConfigurationError, ForeignQueue, QueueError, QueueFull, QueueUnavailable
from syncqueue.queue.cluster import ERRORS as CLUSTER_ERRORS
from syncqueue.queue.cluster import async_cluster, is_cluster, sync_cluster

# For those who pass a client on without talking to Redis themselves.
SyncClient: TypeAlias = redis.Redis
AsyncClient: TypeAlias = redis.asyncio.Redis

# A save must not wait long for a Redis that hangs; two of these and the budget of a request still holds.
WEB_TIMEOUT_SECONDS = 0.5
# A worker has time, and must not take a slow line for an outage. Longer than its longest blocking pop.
WORKER_TIMEOUT_SECONDS = 15.0
# redis-py's own 100 is an error once it is reached, and a worker waits for each of its services on a connection.
_MAX_CONNECTIONS = 10_000
# Answers of a server that cannot serve now and may later.
_AWAY = (redis.exceptions.ClusterDownError, redis.exceptions.TryAgainError)
# What a pool may be told besides where its server is; anything else in an alias's pool is its own affair.
_TAKEN_FROM_ALIAS = (
    "host", "port", "db", "username", "password", "path", "client_name",
    "ssl_keyfile", "ssl_certfile", "ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_check_hostname",
)  # fmt: skip


def _url_of_alias(alias: str) -> str:
    """The URL of a cache alias, for messages; its pool's settings are taken by `_alias_options`."""
    caches = django_settings.CACHES
    if alias not in caches:
        raise ConfigurationError(
            f"SYNCQUEUE['REDIS'] is {alias!r}, which is neither a redis://, rediss:// or unix:// URL nor an alias in "
            f"CACHES (there: {', '.join(caches)})."
        )
    return str(caches[alias].get("LOCATION", ""))


def _options(timeout_seconds: float) -> dict[str, Any]:
    return {
        "decode_responses": True,
        # A body that is not UTF-8 must become a failed task that can be shown, not an error on reading.
        # "replace" would turn it into other, readable text; \xff is no JSON.
        "encoding_errors": "backslashreplace",
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": min(timeout_seconds, 5.0),
        "socket_keepalive": True,
        "health_check_interval": 0,
        "max_connections": _MAX_CONNECTIONS,
    }


def _alias_options(alias: str) -> dict[str, Any]:
    # Imported here: optional for sites that give a URL.
    from django_redis import get_redis_connection  # type: ignore[import-untyped]

    _url_of_alias(alias)
    given = get_redis_connection(alias).connection_pool.connection_kwargs
    return {name: given[name] for name in _TAKEN_FROM_ALIAS if given.get(name) is not None}


def _is_url(where: str) -> bool:
    return where.startswith(("redis://", "rediss://", "unix://"))


def place_of(location: object) -> tuple[str, int] | None:
    """Server and number of the database that a URL names, however it is written; None for anything else."""
    if not isinstance(location, str) or not _is_url(location):
        return None
    try:
        found: dict[str, Any] = dict(redis.connection.parse_url(location))  # type: ignore[no-untyped-call]
    except ValueError:
        return None
    host = found.get("host", "localhost")
    server = found.get("path") or f"{'127.0.0.1' if host == 'localhost' else host}:{found.get('port', 6379)}"
    return str(server), int(found.get("db", 0))


class _Master(redis.Redis):
    """A client of the master that the sentinels name; closing it closes the connections to them too."""

    def close(self) -> None:
        super().close()
        for sentinel in self.connection_pool.sentinel_manager.sentinels:  # type: ignore[attr-defined]
            sentinel.close()


class _AsyncMaster(redis.asyncio.Redis):
    """A client of the master that the sentinels name; closing it closes the connections to them too."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        for sentinel in self.connection_pool.sentinel_manager.sentinels:  # type: ignore[attr-defined]
            await sentinel.aclose()


def sync_client(where: str | Mapping[str, Any], timeout_seconds: float = WEB_TIMEOUT_SECONDS) -> redis.Redis:
    """A client for web processes and commands; connects when first used. Raises `ConfigurationError`."""
    options: dict[str, Any] = {**_options(timeout_seconds), "retry": Retry(NoBackoff(), 0)}
    if isinstance(where, Mapping):
        if is_cluster(where):
            return sync_cluster(where, options)
        name, nodes, more = _sentinel(where)
        sentinel = redis.Sentinel(nodes, sentinel_kwargs=more, **options)  # type: ignore[no-untyped-call]
        master: redis.Redis = sentinel.master_for(name, redis_class=_Master)  # type: ignore[no-untyped-call]
        return master
    if _is_url(where):
        return redis.Redis.from_url(where, **options)
    return redis.Redis(**_with_alias(where, options))


def async_client(
    where: str | Mapping[str, Any], timeout_seconds: float = WORKER_TIMEOUT_SECONDS
) -> redis.asyncio.Redis:
    """A client for the event loop it is first used on. Raises `ConfigurationError`."""
    options: dict[str, Any] = {
        **_options(timeout_seconds),
        "retry": redis.asyncio.retry.Retry(NoBackoff(), 0),
    }
    if isinstance(where, Mapping):
        if is_cluster(where):
            return async_cluster(where, options)
        name, nodes, more = _sentinel(where)
        sentinel = redis.asyncio.Sentinel(nodes, sentinel_kwargs=more, **options)  # type: ignore[no-untyped-call]
        master: redis.asyncio.Redis = sentinel.master_for(name, redis_class=_AsyncMaster)
        return master
    if _is_url(where):
        return redis.asyncio.Redis.from_url(where, **options)
    return redis.asyncio.Redis(**_with_alias(where, options))


def _with_alias(alias: str, options: dict[str, Any]) -> dict[str, Any]:
    found = {**_alias_options(alias), **options}
    if "path" in found:
        found["unix_socket_path"] = found.pop("path")
    if any(name.startswith("ssl_") for name in found):
        found["ssl"] = True
    return found


def _sentinel(where: Mapping[str, Any]) -> tuple[str, list[tuple[str, int]], dict[str, Any]]:
    if "SENTINELS" not in where or "MASTER" not in where:
        raise ConfigurationError(
            "SYNCQUEUE['REDIS'] as a dict needs SENTINELS (a list of (host, port)) and MASTER (its name), "
            "or for a Redis Cluster NODES (a list of (host, port))."
        )
    return str(where["MASTER"]), [(str(h), int(p)) for h, p in where["SENTINELS"]], dict(where.get("OPTIONS", {}))


@contextmanager
def redis_errors(service: str) -> Iterator[None]:
    """Turn what redis raises into our errors: redis's own do not leave this package."""
    try:
        yield
    except redis.OutOfMemoryError as error:
        raise QueueFull(f"Redis is full (maxmemory): the queue of {service!r} cannot take more.") from error
    except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, *CLUSTER_ERRORS, OSError) as error:
        raise QueueUnavailable(f"Redis does not answer for the queue of {service!r}: {error}") from error
    except redis.ResponseError as error:
        text = _without_script(str_if_bytes(str(error)))
        if "FOREIGNQUEUE" in text:
            raise ForeignQueue(text.partition("FOREIGNQUEUE")[2].split()[0].strip("',.")) from error
        if text.startswith("OOM "):
            raise QueueFull(f"Redis is full (maxmemory): the queue of {service!r} cannot take more.") from error
        if isinstance(error, _AWAY) or text.startswith(("BUSY ", "MISCONF ", "NOREPLICAS ", "READONLY ")):
            raise QueueUnavailable(f"Redis does not answer for the queue of {service!r}: {text}") from error
        raise QueueError(f"Redis refused an operation on the queue of {service!r}: {text}") from error


def _without_script(text: str) -> str:
    """What a command in a script was refused with.

    Redis before 7.0 wraps it: "Error running script (call to f_12ab): @user_script:27: @user_script: 27: -READONLY You
    can't write against a read only replica." Later ones answer as for the command alone.
    """
    wrapped, found, refusal = text.partition(": -")
    return refusal if found and "Error running script" in wrapped else text

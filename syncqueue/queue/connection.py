"""Clients for the configured Redis: sync for web processes, async for the worker.

No client retries by itself: only the caller knows whether a command may be sent again.
"""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.utils import str_if_bytes

from syncqueue.core.errors import ConfigurationError, ForeignQueue, QueueError, QueueFull, QueueUnavailable
from syncqueue.queue.address import RedisAddress, address_of_dict, address_of_url, is_url
from syncqueue.queue.alias import address_of_alias
from syncqueue.queue.cluster import ERRORS as CLUSTER_ERRORS
from syncqueue.queue.cluster import async_cluster, sync_cluster

# For modules that pass a client on but do not talk to Redis themselves.
SyncClient: TypeAlias = redis.Redis
AsyncClient: TypeAlias = redis.asyncio.Redis

# A save must not wait long for a Redis that hangs; two timeouts still fit into the time limit of a request.
WEB_TIMEOUT_SECONDS = 0.5
# A worker must not take a slow connection for an outage. Longer than its longest blocking pop.
WORKER_TIMEOUT_SECONDS = 15.0
# redis-py raises an error at its default of 100, and a worker blocks on one connection per service.
_MAX_CONNECTIONS = 10_000
# Errors of a server that is unavailable for a while.
_AWAY = (redis.exceptions.ClusterDownError, redis.exceptions.TryAgainError)
# Load balancers silently drop a connection that is idle for some minutes (Azure: four); the operating system sends its
# first keepalive probe after two hours.
_KEEPALIVE = {
    getattr(socket, name): seconds
    for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
}


def address_of(where: str | Mapping[str, Any]) -> RedisAddress:
    """Parse SYNCQUEUE["REDIS"]. Raises `ConfigurationError`, which shows no part of a URL or password."""
    if isinstance(where, Mapping):
        address = address_of_dict(where)
    else:
        address = address_of_url(where) if is_url(where) else address_of_alias(where)
    _try_to_make(address)
    return address


def _try_to_make(address: RedisAddress) -> None:
    """Create one connection, so that redis-py reports what our rules do not cover, such as conflicting options."""
    for package in (redis, redis.asyncio):
        kind = package.SSLConnection if address.is_tls else package.Connection
        words = {name: value for name, value in address.options.items() if name != "path"}
        try:
            kind(**words)
        except Exception as error:  # its text may show a value
            raise ConfigurationError(
                f"SYNCQUEUE['REDIS']: redis-py does not accept these options ({type(error).__name__}); see its "
                f"documentation of {kind.__name__}."
            ) from None
    if address.is_cluster:
        known = inspect.signature(redis.asyncio.RedisCluster.__init__).parameters
        for name in address.options:
            if name not in known or name == "db":
                raise ConfigurationError(f"SYNCQUEUE['REDIS']['OPTIONS']: a Redis Cluster takes no {name}.")


def database_of(location: object) -> tuple[str, int] | None:
    """Return server and database number of a URL in any spelling; None for other values."""
    if not isinstance(location, str) or not is_url(location):
        return None
    try:
        return address_of_url(location).database
    except ConfigurationError:
        return None


def _no_notifications() -> dict[str, Any]:
    """Return the option that disables maintenance notifications (redis-py 7.0 and later; RESP3 enables them).

    With notifications enabled, a pool assumes that a readable connection has a notification to read. So it hands out
    connections that the server or a proxy has closed: redis-py 8.1.0, asyncio/connection.py, `ensure_connection`.
    """
    try:
        from redis.maint_notifications import MaintNotificationsConfig
    except ImportError:
        return {}
    return {"maint_notifications_config": MaintNotificationsConfig(enabled=False)}


_NO_NOTIFICATIONS = _no_notifications()


def _options(address: RedisAddress, timeout_seconds: float, retry: object) -> dict[str, Any]:
    return {
        **address.options,
        "decode_responses": True,
        # A body that is not UTF-8 must become a failed task that can be shown, not an error on reading.
        # "replace" might turn it into valid JSON of another content; \xff is never valid JSON.
        "encoding_errors": "backslashreplace",
        "health_check_interval": 0,
        "retry": retry,
        **_timeouts(timeout_seconds),
        **({} if "path" in address.options else _keepalive(address.options)),
        **_NO_NOTIFICATIONS,
    }


def _timeouts(seconds: float) -> dict[str, Any]:
    return {"socket_timeout": seconds, "socket_connect_timeout": min(seconds, 5.0)}


def _keepalive(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "socket_keepalive": True,
        "socket_keepalive_options": {**_KEEPALIVE, **options.get("socket_keepalive_options", {})},
    }


def _sentinel_options(address: RedisAddress, timeout_seconds: float) -> dict[str, Any]:
    # A sentinel that hangs must not delay a save either.
    return {**address.sentinel_options, **_timeouts(timeout_seconds), **_keepalive({}), **_NO_NOTIFICATIONS}


class _Master(redis.Redis):
    """A client of the master behind sentinels; closing it also closes the connections to the sentinels."""

    def close(self) -> None:
        super().close()
        for sentinel in self.connection_pool.sentinel_manager.sentinels:  # type: ignore[attr-defined]
            sentinel.close()


class _AsyncMaster(redis.asyncio.Redis):
    """A client of the master behind sentinels; closing it also closes the connections to the sentinels."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        for sentinel in self.connection_pool.sentinel_manager.sentinels:  # type: ignore[attr-defined]
            await sentinel.aclose()


def sync_client(where: str | Mapping[str, Any], timeout_seconds: float = WEB_TIMEOUT_SECONDS) -> redis.Redis:
    """Return a client for web processes and commands; it connects at first use. Raises `ConfigurationError`."""
    address = address_of(where)
    options = _options(address, timeout_seconds, Retry(NoBackoff(), 0))
    if address.is_cluster:
        return sync_cluster(address, options)
    if address.is_sentinel:
        more = _sentinel_options(address, timeout_seconds)
        sentinel = redis.Sentinel(address.nodes, sentinel_kwargs=more, ssl=address.is_tls, **options)  # type: ignore[no-untyped-call]
        master: redis.Redis = sentinel.master_for(address.master, redis_class=_Master)  # type: ignore[no-untyped-call]
        return master
    kind: type[redis.Connection | redis.UnixDomainSocketConnection] = redis.Connection
    if "path" in address.options:
        kind = redis.UnixDomainSocketConnection
    elif address.is_tls:
        kind = redis.SSLConnection
    return redis.Redis.from_pool(redis.ConnectionPool(kind, max_connections=_MAX_CONNECTIONS, **options))


def async_client(
    where: str | Mapping[str, Any], timeout_seconds: float = WORKER_TIMEOUT_SECONDS
) -> redis.asyncio.Redis:
    """Return a client for the event loop on which it is first used. Raises `ConfigurationError`."""
    address = address_of(where)
    options = _options(address, timeout_seconds, redis.asyncio.retry.Retry(NoBackoff(), 0))
    if address.is_cluster:
        return async_cluster(address, options)
    if address.is_sentinel:
        more = _sentinel_options(address, timeout_seconds)
        sentinel = redis.asyncio.Sentinel(address.nodes, sentinel_kwargs=more, ssl=address.is_tls, **options)  # type: ignore[no-untyped-call]
        master: redis.asyncio.Redis = sentinel.master_for(address.master, redis_class=_AsyncMaster)
        return master
    kind: type[redis.asyncio.Connection | redis.asyncio.UnixDomainSocketConnection] = redis.asyncio.Connection
    if "path" in address.options:
        kind = redis.asyncio.UnixDomainSocketConnection
    elif address.is_tls:
        kind = redis.asyncio.SSLConnection
    return redis.asyncio.Redis.from_pool(
        redis.asyncio.ConnectionPool(kind, max_connections=_MAX_CONNECTIONS, **options)
    )


@contextmanager
def redis_errors(service: str) -> Iterator[None]:
    """Convert exceptions of redis-py into `QueueError`s; redis-py's own do not leave this package."""
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
    """Return the error of the command inside the script.

    Redis before 7.0 wraps it: "Error running script (call to f_12ab): @user_script:27: @user_script: 27: -READONLY You
    can't write against a read only replica." Later versions return the error of the command as it is.
    """
    wrapped, found, refusal = text.partition(": -")
    return refusal if found and "Error running script" in wrapped else text

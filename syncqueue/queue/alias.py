"""SYNCQUEUE["REDIS"] as the alias of a cache: the queues use its connection options, or a message says why they cannot.

Two backends are supported: django-redis, whose connection factory creates the pool (Sentinel included), and Django's
own RedisCache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import redis
import redis.sentinel
from django.conf import settings as django_settings
from django.core.cache import BaseCache, caches
from django.core.cache.backends.redis import RedisCache

from syncqueue.core.errors import ConfigurationError
from syncqueue.queue.address import SETTING, RedisAddress, address_of_pool, address_of_url

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,50}")
_TLS = (redis.SSLConnection, redis.sentinel.SentinelManagedSSLConnection)
# A connection class of the site may do anything when it connects, and it has no asyncio counterpart.
_CONNECTIONS = (
    redis.Connection,
    redis.UnixDomainSocketConnection,
    redis.sentinel.SentinelManagedConnection,
    *_TLS,
)


def address_of_alias(alias: str) -> RedisAddress:
    """Return the address of a cache's server. Raises `ConfigurationError`, which shows no part of URL or password."""
    if alias not in django_settings.CACHES:
        # A URL without its scheme gets here too, including its password.
        shown = repr(alias) if _NAME.fullmatch(alias) else "a text"
        raise ConfigurationError(
            f"{SETTING} is {shown}, which is neither a redis://, rediss:// or unix:// URL nor an alias in "
            f"CACHES (there: {', '.join(django_settings.CACHES)})."
        )
    setting = f"CACHES[{alias!r}]"
    for url in _urls(django_settings.CACHES[alias].get("LOCATION")):
        address_of_url(url, f"{setting}['LOCATION']")
    try:
        pool = _pool(alias, setting)
    except ConfigurationError:
        raise
    except Exception as error:  # the text of a backend's exception may show its options
        raise ConfigurationError(
            f"{SETTING} names {setting}, which cannot be used ({type(error).__name__}); give the URL instead."
        ) from None
    return _address(pool, setting)


def _urls(location: Any) -> Iterator[str]:
    parts = re.split("[;,]", location) if isinstance(location, str) else location or []
    yield from (part for part in parts if isinstance(part, str))


def _pool(alias: str, setting: str) -> redis.ConnectionPool:
    """Return a pool as the backend creates it for the server that it writes to; it is not connected."""
    backend = caches[alias]
    if isinstance(backend, RedisCache):
        made: redis.ConnectionPool = backend._cache.get_client(None, write=True).connection_pool
        return made
    return _pool_of_django_redis(backend, setting)


def _pool_of_django_redis(backend: BaseCache, setting: str) -> redis.ConnectionPool:
    # Imported here because django-redis is needed only for such a cache.
    from django_redis.client import DefaultClient  # type: ignore[import-untyped]

    client = getattr(backend, "client", None)
    if not isinstance(client, DefaultClient) or hasattr(client, "_ring"):
        raise ConfigurationError(
            f"{SETTING} names {setting}, which is not one Redis server of django-redis or of Django's RedisCache; give "
            f"a URL, or a dict for Sentinel or Cluster."
        )
    factory: Any = client.connection_factory
    if not issubclass(factory.redis_client_cls, redis.Redis):
        raise ConfigurationError(
            f"{SETTING} names {setting}, whose REDIS_CLIENT_CLASS is not redis.Redis; for a cluster give "
            f'{{"NODES": [(host, port), ...]}} instead.'
        )
    # Not the client's own pool: django-redis shares one per URL, with the options of whichever alias came first.
    pool: redis.ConnectionPool = factory.get_connection_pool(factory.make_connection_params(client._server[0]))
    return pool


def _address(pool: redis.ConnectionPool, setting: str) -> RedisAddress:
    kind, options = pool.connection_class, pool.connection_kwargs
    if kind not in _CONNECTIONS or options.get("redis_connect_func") is not None:
        raise ConfigurationError(
            f"{SETTING} names {setting}, whose connections are made by code of the site ({kind.__name__}); give the "
            f"URL instead."
        )
    if not isinstance(pool, redis.sentinel.SentinelConnectionPool):
        return address_of_pool(options, is_tls=kind in _TLS, setting=setting)
    manager = pool.sentinel_manager
    kept = [one.connection_pool.connection_kwargs for one in manager.sentinels]
    first = manager.sentinels[0].connection_pool
    told = address_of_pool(first.connection_kwargs, is_tls=first.connection_class in _TLS, setting=setting)
    to_sentinels = {name: value for name, value in told.options.items() if name not in ("host", "port", "db")}
    return replace(
        # The sentinels report the address of the master.
        address_of_pool(
            {name: value for name, value in options.items() if name not in ("host", "port", "path")},
            is_tls=kind in _TLS,
            setting=setting,
        ),
        master=str(pool.service_name),
        nodes=tuple((str(one["host"]), int(one["port"])) for one in kept),
        sentinel_options={**to_sentinels, **({"ssl": True} if told.is_tls else {})},
    )

"""Facts about the Redis server for the doctor and the system checks. Read-only."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import redis

from syncqueue.core.task import from_ms
from syncqueue.queue.cluster import is_cluster_client
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.keys import QueueKeys

_PINGS = 5
# Keys of kombu, Celery's transport (kombu/transport/redis.py): its bindings stay, a queue exists while it has messages.
# Queues may have any name, so a bounded scan looks for bindings too.
_BROKER_KEYS = ("celery", "_kombu.binding.celery", "_kombu.binding.celery.pidbox", "_kombu.binding.celeryev", "unacked")
_BROKER_PATTERN = "_kombu.*"
_SCANS = 20
_SCAN_COUNT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """A server as it describes itself. None: it does not say, as managed services hide some of this."""

    name: str  # "Redis 7.4.1", "Valkey 9.1.2"
    version: tuple[int, ...] | None  # the version of Redis, which Valkey reports too
    latency_seconds: float  # the median of a few pings
    now: datetime  # the server's clock
    policy: str | None  # maxmemory-policy
    broker_key: str | None  # a key of a Celery broker in the same database
    is_durable: bool | None  # whether it writes an append-only file
    stamps: Mapping[str, str | None]  # service -> site id with which its queue is stamped


def probe(client: redis.Redis, prefix: str, services: Sequence[str]) -> RedisFacts:
    """Read the facts of a server. Raises `QueueUnavailable`."""
    with redis_errors("any service"):
        latency = sorted(_ping(client) for _ in range(_PINGS))[_PINGS // 2]
        seconds, microseconds = client.time()
        stamps = {name: cast(str | None, client.get(QueueKeys(prefix, name)["site"])) for name in services}
        about = _info(client)
        policy = eviction_policy(client)
        broker_key = celery_key(client)
    return RedisFacts(
        name=_name(about),
        version=_version(about),
        latency_seconds=latency,
        now=from_ms(seconds * 1000 + microseconds / 1000),
        policy=policy,
        broker_key=broker_key,
        is_durable=bool(about["aof_enabled"]) if "aof_enabled" in about else None,
        stamps=stamps,
    )


def _ping(client: redis.Redis) -> float:
    began = time.monotonic()
    client.ping()
    return time.monotonic() - began


def _info(client: redis.Redis, *sections: str) -> dict[str, Any]:
    try:
        return client.info(*sections)
    except redis.ResponseError:  # this user may not use INFO
        return {}


def eviction_policy(client: redis.Redis) -> str | None:
    """Return the server's maxmemory-policy; None if this user may not read it. Raises redis-py's connection errors."""
    told = _info(client, "memory").get("maxmemory_policy")
    if told is None:  # Redis has it in INFO; some compatible servers do not
        try:
            told = client.config_get("maxmemory-policy").get("maxmemory-policy")
        except redis.ResponseError:  # renamed, or forbidden for this user, as on managed services
            return None
    return None if told is None else str(told)


def celery_key(client: redis.Redis) -> str | None:
    """Return a key of a Celery broker in this database, or None. Raises redis-py's connection errors."""
    try:
        for name in _BROKER_KEYS:
            if client.exists(name):
                return name
        cursor = 0
        for _ in range(0 if is_cluster_client(client) else _SCANS):
            cursor, found = client.scan(cursor, match=_BROKER_PATTERN, count=_SCAN_COUNT)
            if found:
                return str(found[0])
            if not cursor:
                break
    except redis.ResponseError:  # this user may read our keys only
        return None
    return None


def _name(about: Mapping[str, Any]) -> str:
    if "valkey_version" in about:
        return f"Valkey {about['valkey_version']}"
    return f"Redis {about.get('redis_version', '?')}"


def _version(about: Mapping[str, Any]) -> tuple[int, ...] | None:
    parts = str(about.get("redis_version", "")).split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else None

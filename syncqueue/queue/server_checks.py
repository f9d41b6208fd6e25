"""What the doctor and the checks ask Redis about itself. Never changes anything."""

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
# What kombu, Celery's transport, keeps in Redis (kombu/transport/redis.py): its bindings stay, a queue is there while
# it holds messages. Queues may have any name, so bindings are looked for too, in a bounded part of the database.
_BROKER_KEYS = ("celery", "_kombu.binding.celery", "_kombu.binding.celery.pidbox", "_kombu.binding.celeryev", "unacked")
_BROKER_PATTERN = "_kombu.*"
_SCANS = 20
_SCAN_COUNT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """A server as it describes itself. What it does not tell (managed services hide some of it) is None."""

    name: str  # "Redis 7.4.1", "Valkey 9.1.2"
    version: tuple[int, ...] | None  # of Redis, which Valkey names too
    latency_seconds: float  # the median of a few pings
    now: datetime  # its clock
    policy: str | None  # maxmemory-policy
    broker_key: str | None  # a key of a Celery broker in the same database
    is_durable: bool | None  # keeps an append-only file
    stamps: Mapping[str, str | None]  # service -> site id its queue is stamped with


def probe(client: redis.Redis, prefix: str, services: Sequence[str]) -> RedisFacts:
    """Ask a server. Raises `QueueUnavailable`."""
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
    except redis.ResponseError:  # a user without the right to ask
        return {}


def eviction_policy(client: redis.Redis) -> str | None:
    """The server's maxmemory-policy; None where it does not tell this user. Raises redis's errors of a server away."""
    told = _info(client, "memory").get("maxmemory_policy")
    if told is None:  # Redis has it in INFO; some that speak like it have not
        try:
            told = client.config_get("maxmemory-policy").get("maxmemory-policy")
        except redis.ResponseError:  # renamed, or not this user's: managed services allow no CONFIG
            return None
    return None if told is None else str(told)


def celery_key(client: redis.Redis) -> str | None:
    """A key of a Celery broker in this database, or None. Raises redis's errors of a server that is away."""
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
    except redis.ResponseError:  # this user sees our keys alone
        return None
    return None


def _name(about: Mapping[str, Any]) -> str:
    if "valkey_version" in about:
        return f"Valkey {about['valkey_version']}"
    return f"Redis {about.get('redis_version', '?')}"


def _version(about: Mapping[str, Any]) -> tuple[int, ...] | None:
    parts = str(about.get("redis_version", "")).split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else None

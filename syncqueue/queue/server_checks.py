"""What the doctor asks Redis about itself. Never changes anything."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import redis

from syncqueue.core.task import from_ms
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.keys import QueueKeys

_PINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """A server as it describes itself. What it does not tell (managed services hide some of it) is None."""

    name: str  # "Redis 7.4.1", "Valkey 9.1.2"
    version: tuple[int, ...] | None  # of Redis, which Valkey names too
    latency_seconds: float  # the median of a few pings
    now: datetime  # its clock
    policy: str | None  # maxmemory-policy
    is_durable: bool | None  # keeps an append-only file
    stamps: Mapping[str, str | None]  # service -> site id its queue is stamped with


def probe(client: redis.Redis, prefix: str, services: Sequence[str]) -> RedisFacts:
    """Ask a server. Raises `QueueUnavailable`."""
    with redis_errors("any service"):
        latency = sorted(_ping(client) for _ in range(_PINGS))[_PINGS // 2]
        seconds, microseconds = client.time()
        stamps = {name: cast(str | None, client.get(QueueKeys(prefix, name)["site"])) for name in services}
        about = _info(client)
    return RedisFacts(
        name=_name(about),
        version=_version(about),
        latency_seconds=latency,
        now=from_ms(seconds * 1000 + microseconds / 1000),
        policy=about.get("maxmemory_policy"),
        is_durable=bool(about["aof_enabled"]) if "aof_enabled" in about else None,
        stamps=stamps,
    )


def _ping(client: redis.Redis) -> float:
    began = time.monotonic()
    client.ping()
    return time.monotonic() - began


def _info(client: redis.Redis) -> dict[str, Any]:
    try:
        return client.info()
    except redis.ResponseError:  # a user without the right to ask
        return {}


def _name(about: Mapping[str, Any]) -> str:
    if "valkey_version" in about:
        return f"Valkey {about['valkey_version']}"
    return f"Redis {about.get('redis_version', '?')}"


def _version(about: Mapping[str, Any]) -> tuple[int, ...] | None:
    parts = str(about.get("redis_version", "")).split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else None

"""Clients of a Redis Cluster. All keys of a service share a hash tag, so a service lives on one node, whole.

A service's scripts run on its node alone; services spread over the nodes by their names. What belongs to no service
(the workers' heartbeats) is one key of its own, on whichever node that falls to.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.cluster import ClusterNode

from syncqueue.core.errors import ConfigurationError

# The topology is not known, or does not hold: nothing of a client's own doing, and it passes.
ERRORS = (redis.exceptions.RedisClusterException, redis.exceptions.ClusterError)


def is_cluster(where: Mapping[str, Any]) -> bool:
    """Whether SYNCQUEUE["REDIS"] names a cluster."""
    return "NODES" in where


def _nodes(where: Mapping[str, Any]) -> list[tuple[str, int]]:
    try:
        nodes = [(str(host), int(port)) for host, port in where["NODES"]]
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            "SYNCQUEUE['REDIS']['NODES'] is a list of (host, port), such as [('10.0.0.1', 6379)]: some nodes of the "
            "cluster, from which the others are learned."
        ) from error
    if not nodes:
        raise ConfigurationError("SYNCQUEUE['REDIS']['NODES'] names no node.")
    return nodes


class _Cluster:
    """A cluster's client for synchronous code, made when first used: redis's own connects while it is made."""

    def __init__(self, nodes: Sequence[tuple[str, int]], options: Mapping[str, Any]) -> None:
        self._nodes = nodes
        self._options = options
        self._lock = threading.Lock()
        self._made: redis.RedisCluster | None = None

    def _client(self) -> redis.RedisCluster:
        with self._lock:
            if self._made is None:
                nodes = [ClusterNode(host, port) for host, port in self._nodes]  # type: ignore[no-untyped-call]
                self._made = redis.RedisCluster(startup_nodes=nodes, **self._options)
            return self._made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client(), name)

    def _of_one(self, command: str, *args: Any) -> Any:
        """What is asked of a server, and not of a key, is asked of one node."""
        client = self._client()
        node = client.get_default_node()  # type: ignore[no-untyped-call]
        return getattr(client, command)(*args, target_nodes=node)

    def ping(self) -> Any:
        return self._of_one("ping")

    def time(self) -> Any:
        return self._of_one("time")

    def info(self, *sections: str) -> Any:
        return self._of_one("info", *sections)

    def config_get(self, *patterns: str) -> Any:
        return self._of_one("config_get", *patterns)

    def __enter__(self) -> _Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            if self._made is not None:
                self._made.close()
                self._made = None


def sync_cluster(where: Mapping[str, Any], options: Mapping[str, Any]) -> redis.Redis:
    """A client for web processes and commands; connects when first used. Raises `ConfigurationError`."""
    # It has every method that is used of a client.
    return cast("redis.Redis", _Cluster(_nodes(where), {**where.get("OPTIONS", {}), **options}))


def async_cluster(where: Mapping[str, Any], options: Mapping[str, Any]) -> redis.asyncio.Redis:
    """A client for the event loop it is first used on. Raises `ConfigurationError`."""
    nodes = [AsyncClusterNode(host, port) for host, port in _nodes(where)]
    made = redis.asyncio.RedisCluster(startup_nodes=nodes, **where.get("OPTIONS", {}), **options)
    return cast("redis.asyncio.Redis", made)

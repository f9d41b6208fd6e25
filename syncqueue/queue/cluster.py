"""Clients of a Redis Cluster. All keys of a service share a hash tag, so a service lives on one node, whole.

A service's scripts run on its node alone; services spread over the nodes by their names. What belongs to no service
(the workers' heartbeats) is one key of its own, on whichever node that falls to.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.connection import Connection as AsyncConnection
from redis.asyncio.connection import SSLConnection as AsyncSSLConnection
from redis.cluster import ClusterNode

from syncqueue.queue.address import RedisAddress

# The topology is not known, or does not hold: nothing of a client's own doing, and it passes.
ERRORS = (redis.exceptions.RedisClusterException, redis.exceptions.ClusterError)


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


def is_cluster_client(client: object) -> bool:
    """Whether a client that `sync_cluster` may have made is one of a cluster."""
    return isinstance(client, _Cluster)


def sync_cluster(address: RedisAddress, options: Mapping[str, Any]) -> redis.Redis:
    """A client for web processes and commands; connects when first used. `options`: for every connection."""
    # It has every method that is used of a client.
    return cast("redis.Redis", _Cluster(address.nodes, {"ssl": address.is_tls, **options}))


class _Lively(AsyncConnection):
    """A connection that is made anew when the server has closed it: a cluster's pool hands out whatever it holds."""

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        if self.is_connected and self._reader is not None and self._reader.at_eof():
            await self.disconnect(nowait=True)
        await super().send_packed_command(command, check_health)


class _LivelyTLS(_Lively, AsyncSSLConnection):
    """The same over TLS."""


class _AsyncCluster(redis.asyncio.RedisCluster):
    """Learns the nodes as redis-py does, over connections of ours."""

    def __init__(self, address: RedisAddress, options: Mapping[str, Any]) -> None:
        nodes = [AsyncClusterNode(host, port) for host, port in address.nodes]
        super().__init__(startup_nodes=nodes, ssl=address.is_tls, **options)
        # redis-py takes no class of connections here; both places keep what nodes are made with.
        kind = _LivelyTLS if address.is_tls else _Lively
        self.connection_kwargs["connection_class"] = kind
        self.nodes_manager.connection_kwargs["connection_class"] = kind
        for node in self.nodes_manager.startup_nodes.values():
            node.connection_class = kind


def async_cluster(address: RedisAddress, options: Mapping[str, Any]) -> redis.asyncio.Redis:
    """A client for the event loop it is first used on. `options`: for every connection."""
    return cast("redis.asyncio.Redis", _AsyncCluster(address, options))

"""Clients of a Redis Cluster. All keys of a service share a hash tag, so they are on one node.

The scripts of a service run on that node only; services are spread over the nodes by their names. The workers'
heartbeats belong to no service: they are one key, which may be on any node.
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

# The topology is unknown or has just changed: a temporary state that the client did not cause.
ERRORS = (redis.exceptions.RedisClusterException, redis.exceptions.ClusterError)


class _Cluster:
    """A cluster client for synchronous code, created at first use because redis-py's connects on creation."""

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
        """Send a command that concerns a server and not a key to one node."""
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
    """Return whether `sync_cluster` created this client."""
    return isinstance(client, _Cluster)


def sync_cluster(address: RedisAddress, options: Mapping[str, Any]) -> redis.Redis:
    """Return a client for web processes and commands; it connects at first use. `options`: for every connection."""
    # _Cluster has every method that callers use.
    return cast("redis.Redis", _Cluster(address.nodes, {"ssl": address.is_tls, **options}))


class _Lively(AsyncConnection):
    """A connection that reconnects if the server has closed it: a cluster's pool does not check its connections."""

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        if self.is_connected and self._reader is not None and self._reader.at_eof():
            await self.disconnect(nowait=True)
        await super().send_packed_command(command, check_health)


class _LivelyTLS(_Lively, AsyncSSLConnection):
    """The same over TLS."""


class _AsyncCluster(redis.asyncio.RedisCluster):
    """A cluster client that uses the connection classes of this module."""

    def __init__(self, address: RedisAddress, options: Mapping[str, Any]) -> None:
        nodes = [AsyncClusterNode(host, port) for host, port in address.nodes]
        super().__init__(startup_nodes=nodes, ssl=address.is_tls, **options)
        # redis-py accepts no connection class here; both attributes hold the options with which it creates nodes.
        kind = _LivelyTLS if address.is_tls else _Lively
        self.connection_kwargs["connection_class"] = kind
        self.nodes_manager.connection_kwargs["connection_class"] = kind
        for node in self.nodes_manager.startup_nodes.values():
            node.connection_class = kind


def async_cluster(address: RedisAddress, options: Mapping[str, Any]) -> redis.asyncio.Redis:
    """Return a client for the event loop on which it is first used. `options`: for every connection."""
    return cast("redis.asyncio.Redis", _AsyncCluster(address, options))

"""Connections that the server, or something on the way, has closed while nobody used them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from syncqueue.queue.connection import async_client, sync_client
from tests.eventually import eventually
from tests.redis_server import RedisServer

pytestmark = pytest.mark.processes

# Redis looks for idle clients a few times a second; a closed one is gone from its list.
IDLE_SECONDS = 1


@pytest.fixture
def impatient(own_redis_server: RedisServer) -> Iterator[RedisServer]:
    """A server that closes a connection which nobody has used for a second."""
    with redis.Redis.from_url(own_redis_server.url) as client:
        client.config_set("timeout", IDLE_SECONDS)
    yield own_redis_server


def connection_count(server: RedisServer) -> int:
    """How many connections the server has, beside that of this question."""
    with redis.Redis.from_url(server.url) as client:
        return len(client.client_list()) - 1


def wait_until_closed(server: RedisServer) -> None:
    """Return once the server has closed every connection."""

    def closed() -> None:
        assert connection_count(server) == 0

    eventually(closed)


@pytest.mark.parametrize("more", ["", "?protocol=2", "?protocol=3"])
def test_a_web_process_uses_no_connection_that_the_server_has_closed(impatient: RedisServer, more: str) -> None:
    with sync_client(impatient.url + more) as client:
        client.ping()
        wait_until_closed(impatient)
        assert client.ping()


@pytest.mark.parametrize("more", ["", "?protocol=2", "?protocol=3"])
def test_a_worker_uses_no_connection_that_the_server_has_closed(impatient: RedisServer, more: str) -> None:
    async def go() -> Any:
        client = async_client(impatient.url + more)
        # Several, as a worker with several services has.
        await asyncio.gather(*(client.blpop(["nothing"], 0.1) for _ in range(5)))
        await asyncio.to_thread(wait_until_closed, impatient)
        try:
            return await asyncio.gather(*(client.ping() for _ in range(5)))
        finally:
            await client.aclose()

    assert asyncio.run(go()) == [True] * 5


def test_a_cluster_s_connections_are_made_anew_too(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    server = RedisServer(folder, options=("--cluster-enabled", "yes", "--timeout", str(IDLE_SECONDS)))
    server.start()
    try:
        with redis.Redis(port=server.port, decode_responses=True) as client:
            client.execute_command("CLUSTER ADDSLOTS", *range(16384))
            eventually(lambda: _assert_ok(client))
        where = {"NODES": [("127.0.0.1", server.port)]}
        with sync_client(where) as made:
            made.set("{a}", "1")
            wait_until_closed(server)
            assert made.get("{a}") == "1"

        async def go() -> Any:
            client = async_client(where)
            await client.get("{a}")
            await asyncio.to_thread(wait_until_closed, server)
            try:
                return await client.get("{a}")
            finally:
                await client.aclose()

        assert asyncio.run(go()) == "1"
    finally:
        server.kill()


def _assert_ok(client: redis.Redis) -> None:
    said = client.execute_command("CLUSTER INFO")
    text = said if isinstance(said, str) else json.dumps(said)
    assert "cluster_state:ok" in text or '"cluster_state": "ok"' in text


def test_a_line_is_kept_from_falling_silent_for_minutes(own_redis_server: RedisServer) -> None:
    """Azure's load balancer forgets a TCP connection after four silent minutes, without telling either side."""
    with sync_client(own_redis_server.url) as client:
        client.ping()
        connection = client.connection_pool.get_connection()
        line = connection._sock
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 120
        client.connection_pool.release(connection)

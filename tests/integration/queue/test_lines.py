"""A bad line to Redis: lost answers, cut connections, silence and slowness, as the queue's callers see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis

from syncqueue.core.clock import ManualClock
from syncqueue.core.errors import LeaseLost, QueueUnavailable
from syncqueue.queue.calls import AdmissionRequest, Calls, Enqueued, script
from syncqueue.queue.connection import sync_client
from syncqueue.queue.keys import QueueKeys
from syncqueue.queue.sync import SyncQueue
from tests.contract.drive import names, note, task
from tests.contract.invariants import assert_each_task_in_one_place, dump
from tests.line import Line, line_to
from tests.redis_server import RedisServer

HOLD = "rate:destination:1"


@pytest.fixture
def line(own_redis_server: RedisServer) -> Iterator[Line]:
    """The line to a server of this test's own."""
    with line_to(own_redis_server.port) as found:
        yield found


@pytest.fixture
def clock() -> ManualClock:
    """The time of the queue."""
    return ManualClock()


@pytest.fixture
def near(own_redis_server: RedisServer) -> Iterator[redis.Redis]:
    """A client past the line, to look."""
    with redis.Redis.from_url(own_redis_server.url, decode_responses=True) as client:
        yield client


@pytest.fixture
def queue(line: Line, clock: ManualClock, near: redis.Redis) -> Iterator[SyncQueue]:
    """A queue at the far end of the line, with the client that production uses.

    The server knows the scripts already: otherwise the answer that is lost would be its "unknown script".
    """
    for name in (*MOVES, "enqueue_leased", "claim", "recover", "retry", "stats"):
        near.script_load(script(name).text)
    with sync_client(line.url, timeout_seconds=1.0) as client:
        made = SyncQueue(
            client, Calls(QueueKeys("sync", "telegram"), "site-1", clock.now_ms), lease_seconds=60, probe_seconds=60
        )
        made.stats()  # connected: a new connection's greeting has answers of its own
        yield made


def lose(line: Line, move: Callable[[], Any]) -> None:
    """Do something whose answer is lost."""
    line.losing = 1
    with pytest.raises(QueueUnavailable, match="'telegram'"):
        move()
    assert line.losing == 0


NEW = task("new", key="new")
MOVES: dict[str, Callable[[SyncQueue, Any], Any]] = {
    "enqueue": lambda queue, one: queue.enqueue(NEW),
    "extend": lambda queue, one: queue.extend([one]),
    "admit": lambda queue, one: queue.admit([AdmissionRequest(claimed=one, holds=[HOLD])]),
    "ack": lambda queue, one: queue.ack(one),
    "fail": lambda queue, one: queue.fail(one, note("failure")),
    "release": lambda queue, one: queue.release(one),
    "hold": lambda queue, one: queue.hold(HOLD, 5, "slow"),
    "lift": lambda queue, one: queue.lift(HOLD),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_move_whose_answer_was_lost_comes_to_the_same_end_when_it_is_made_again(
    name: str, queue: SyncQueue, line: Line, near: redis.Redis
) -> None:
    queue.enqueue_many([task(str(n), key=str(n)) for n in range(3)])
    (one,) = queue.claim(1).tasks
    lose(line, lambda: MOVES[name](queue, one))
    after = dump(near)
    with suppress(LeaseLost):  # what has ended is not held any more, and is told so
        MOVES[name](queue, one)
    assert dump(near) == after
    assert_each_task_in_one_place(near, queue.calls.keys)


def test_a_retry_whose_answer_was_lost_is_made_once(
    queue: SyncQueue, line: Line, clock: ManualClock, near: redis.Redis
) -> None:
    queue.enqueue(task("one"))
    (one,) = queue.claim(1).tasks
    due = clock.now()
    lose(line, lambda: queue.retry(one, due, note()))
    with pytest.raises(LeaseLost):
        queue.retry(one, due, note())
    clock.advance(1)
    (again,) = queue.claim(5).tasks
    assert again.attempt == 2
    assert_each_task_in_one_place(near, queue.calls.keys)


def test_a_claim_whose_answer_was_lost_comes_back_by_its_lease_and_is_no_crash(
    queue: SyncQueue, line: Line, clock: ManualClock
) -> None:
    queue.enqueue_many([task("0"), task("1")])
    lose(line, lambda: queue.claim(2))
    assert queue.stats().processing_count == 2
    clock.advance(61)
    queue.recover_expired()
    again = queue.claim(2).tasks
    assert names(again) == ["0", "1"]
    assert [(one.attempt, one.progress.crash_count) for one in again] == [(1, 0), (1, 0)]


def test_a_lease_taken_for_a_save_whose_answer_was_lost_comes_back_to_the_workers(
    queue: SyncQueue, line: Line, clock: ManualClock
) -> None:
    lose(line, lambda: queue.enqueue_leased([task("saved", key="k")], [[]], token="t"))
    clock.advance(61)
    assert queue.recover_expired().count == 1
    assert names(queue.claim(1).tasks) == ["saved"]


def test_a_save_sent_again_under_its_token_holds_the_same_lease(queue: SyncQueue, line: Line) -> None:
    saved = [task("saved", key="k")]
    lose(line, lambda: queue.enqueue_leased(saved, [[]], token="t"))
    assert queue.enqueue_leased(saved, [[]], token="t").placed == (Enqueued.LEASED,)
    assert queue.stats().processing_count == 1


def test_after_the_line_was_cut_the_same_queue_goes_on(queue: SyncQueue, line: Line) -> None:
    queue.enqueue(task("before"))
    line.cut()
    queue.enqueue(task("after"))
    assert names(queue.claim(5).tasks) == ["before", "after"]


def test_a_half_open_connection_is_given_up_after_the_timeout(queue: SyncQueue, line: Line) -> None:
    queue.enqueue(task("before"))
    line.silent = True
    with pytest.raises(QueueUnavailable):
        queue.stats()
    line.silent = False
    assert queue.stats().pending_count == 1


def test_over_a_slow_line_everything_works(queue: SyncQueue, line: Line) -> None:
    line.delay_seconds = 0.2
    queue.enqueue(task("slow"))
    (one,) = queue.claim(1).tasks
    assert queue.ack(one) == [True]
    assert queue.stats().processing_count == 0


def test_a_client_that_the_server_throws_out_comes_back(queue: SyncQueue, near: redis.Redis) -> None:
    queue.enqueue(task("before"))
    assert near.client_kill_filter(_type="normal", skipme=True) > 0
    with suppress(QueueUnavailable):  # one call may find out that the connection is gone
        queue.stats()
    assert queue.stats().pending_count == 1


def test_a_wrong_password_says_so_and_shows_none(own_redis_server: RedisServer, near: redis.Redis) -> None:
    near.config_set("requirepass", "right")
    url = f"redis://:wrong-secret@127.0.0.1:{own_redis_server.port}/0"
    with sync_client(url) as client:
        calls = Calls(QueueKeys("sync", "telegram"), "site-1", ManualClock().now_ms)
        queue = SyncQueue(client, calls, lease_seconds=60, probe_seconds=60)
        with pytest.raises(QueueUnavailable, match="(?i)password") as caught:
            queue.stats()
    assert "wrong-secret" not in str(caught.value)
    near.execute_command("AUTH", "right")
    near.config_set("requirepass", "")

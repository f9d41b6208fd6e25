"""Each script on a real server: a state is written, the script runs, every key is compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import redis

from syncqueue.core.clock import ManualClock
from syncqueue.core.task import TaskState, encode_body, encode_progress
from syncqueue.queue.calls import Call, Calls, Restored
from syncqueue.queue.connection import sync_client
from syncqueue.queue.sync import SyncQueue
from tests.contract.invariants import assert_each_task_in_one_place, dump
from tests.integration.queue.script_cases import A2, CASES, HELD, KEYS, MINUTE, NOW, NOW_MS, ONCE, A, B
from tests.redis_server import RedisServer


def write(raw: redis.Redis, state: dict[str, Any]) -> None:
    for name, value in state.items():
        match KEYS[name], value:
            case key, str():
                raw.set(key, value)
            case key, list():
                raw.rpush(key, *value)
            case key, dict() if name in ("queue", "delayed", "processing", "failed", "holds", "parked"):
                raw.zadd(key, value)
            case key, dict():
                raw.hset(key, mapping=value)


@pytest.fixture
def queue(redis_url: str) -> Iterator[SyncQueue]:
    client = sync_client(redis_url)
    yield SyncQueue(client, Calls(KEYS, "s", ManualClock(NOW).now_ms), lease_seconds=60, probe_seconds=60)
    client.close()


@pytest.mark.parametrize("name", CASES)
def test_a_script_leaves_exactly_these_keys(queue: SyncQueue, name: str) -> None:
    case = CASES[name]
    write(queue.client, case.before)
    answer = queue._send(case.call(queue.calls))
    if case.answer is not None:
        assert answer == case.answer
    kept = {KEYS.trash_of(clearing): entries for clearing, entries in case.trash.items()}
    assert dump(queue.client) == {KEYS[key]: value for key, value in case.after.items()} | kept
    assert_each_task_in_one_place(queue.client, KEYS)


def test_every_script_has_its_case() -> None:
    class Noting(Calls):
        def _call(self, name: str, *args: Any, **named: Any) -> Call[Any]:
            seen.add(name)
            return super()._call(name, *args, **named)

    seen: set[str] = set()
    calls = Noting(KEYS, "s", lambda: NOW_MS)
    for case in CASES.values():
        case.call(calls)
    assert seen == scripts()


def scripts() -> set[str]:
    folder = files("syncqueue.queue") / "scripts"
    found = {item.name.removesuffix(".lua") for item in folder.iterdir() if item.name.endswith(".lua")}
    return found - {"_prelude"}


def test_a_crash_is_written_into_the_progress(queue: SyncQueue) -> None:
    write(queue.client, {**HELD, "processing": {A.id: NOW_MS}, "progress": {A.id: encode_progress(ONCE)}})
    queue.recover_expired()
    written = json.loads(queue.client.hget(KEYS["progress"], A.id))
    assert (written["attempts"], written["crashes"], len(written["history"])) == (1, 1, 1)


def test_what_was_discarded_comes_back_unless_something_newer_has_its_id(queue: SyncQueue) -> None:
    queue.enqueue_many([A, B])
    assert queue.discard(TaskState.PENDING, [A.id, B.id], 7) == [True, True]
    assert 0 < queue.client.pttl(KEYS.trash_of(7)) <= 7 * 86_400_000
    queue.enqueue(A2)
    assert queue.restore(7, 1) == Restored(0, 1)
    assert queue.restore(7, 5) == Restored(1, 0)
    assert queue.client.hgetall(KEYS["bodies"]) == {A.id: encode_body(A2), B.id: encode_body(B)}
    assert_each_task_in_one_place(queue.client, KEYS)


def test_periods_of_several_minutes_are_added_up(queue: SyncQueue) -> None:
    write(
        queue.client,
        {"history": {f"{MINUTE} failed": "1", f"{MINUTE - 60} processed": "2", f"{MINUTE - 1} processed": "4"}},
    )
    hours = queue.history(2, 60)
    assert [(row.processed_count, row.failed_count) for row in hours] == [(6, 0), (0, 1)]


def test_scripts_that_a_server_forgot_are_sent_again(queue: SyncQueue) -> None:
    queue.enqueue(A)
    queue.client.script_flush()
    [claimed] = queue.claim(1).tasks
    queue.client.script_flush()
    assert queue.ack(claimed) == [True]


def test_all_keys_of_a_service_share_one_hash_tag(redis_server: RedisServer) -> None:
    named = [*KEYS.all, KEYS.trash_of(7)]
    assert all(key.startswith("sync:{telegram}:") and key.count("{") == 1 for key in named)
    assert len(set(named)) == len(named)

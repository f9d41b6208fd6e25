"""One face for the four ways to run a queue: sync and async, on fakeredis and on a real server.

After every script that went well the invariants are checked (I1), and the same script, unless it is a claim, is sent
again and must change nothing (I4): so every test of the contract tests both of these.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import fakeredis
import redis
import redis.asyncio

from syncqueue.core.clock import ManualClock
from syncqueue.core.task import AttemptNote, ClaimedTask, SyncTask, encode_body, to_ms
from syncqueue.queue.aio import AsyncSyncQueue
from syncqueue.queue.calls import Call, Calls
from syncqueue.queue.keys import QueueKeys
from syncqueue.queue.sync import SyncQueue
from tests.contract.invariants import PARKED, assert_each_task_in_one_place

T = TypeVar("T")
LEASE_SECONDS = 60
PROBE_SECONDS = 60
OPTIONS: dict[str, Any] = {"decode_responses": True, "encoding_errors": "backslashreplace"}


class EchoingQueue(SyncQueue):
    """Sends every script twice, and looks at all keys in between."""

    raw: redis.Redis
    echo = True

    def _send(self, call: Call[T]) -> T:
        answer = SyncQueue._send(self, call)
        if self.echo:
            before = assert_each_task_in_one_place(self.raw, self.calls.keys)
            if call.script.name != "claim":  # which takes more the second time
                SyncQueue._send(self, call)
            after = assert_each_task_in_one_place(self.raw, self.calls.keys)
            assert after == before, f"{call.script.name} sent twice comes to another end"
        return answer


class AsyncEchoingQueue(AsyncSyncQueue):
    """Sends every script twice, and looks at all keys in between."""

    raw: redis.Redis
    echo = True

    async def _send(self, call: Call[T]) -> T:
        answer = await AsyncSyncQueue._send(self, call)
        if self.echo:
            before = assert_each_task_in_one_place(self.raw, self.calls.keys)
            if call.script.name != "claim":  # which takes more the second time
                await AsyncSyncQueue._send(self, call)
            after = assert_each_task_in_one_place(self.raw, self.calls.keys)
            assert after == before, f"{call.script.name} sent twice comes to another end"
        return answer


class Face:
    """A queue whose methods can all be called from plain code."""

    def __init__(self, queue: Any, run: Callable[[Any], Any]) -> None:
        self.queue = queue
        self.run_coroutine = run

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.queue, name)
        if inspect.iscoroutinefunction(found):
            return lambda *args, **named: self.run_coroutine(found(*args, **named))
        return found

    def without_echo(self) -> Face:
        """This queue with scripts sent once: for many tasks, and for scripts that end at a chunk."""
        self.queue.echo = False
        return self


class Backend:
    """A Redis of one kind, and queues on it."""

    def __init__(self, kind: str, url: str) -> None:
        """`kind`: "fakeredis" or "valkey", "sync" or "async", with a dash between."""
        self.server, self.flavour = kind.split("-")
        self.url = url
        self.clock = ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
        self._fake = fakeredis.FakeServer()
        self._runner = asyncio.Runner()
        self._clients: list[Any] = []
        self.raw: redis.Redis = self._open(is_async=False)

    def _open(self, *, is_async: bool) -> Any:
        if self.server == "fakeredis":
            kind = fakeredis.FakeAsyncRedis if is_async else fakeredis.FakeRedis
            client = kind(server=self._fake, **OPTIONS)
        else:
            client = (redis.asyncio.Redis if is_async else redis.Redis).from_url(self.url, **OPTIONS)
        self._clients.append(client)
        return client

    def queue(self, *, site: str = "site-1", service: str = "telegram", real_time: bool = False) -> Face:
        """Another queue, with a consumer of its own."""
        now_ms: Callable[[], int | None] = (lambda: None) if real_time else self.clock.now_ms
        calls = Calls(QueueKeys("sync", service), site, now_ms)
        is_async = self.flavour == "async"
        kind: Any = AsyncEchoingQueue if is_async else EchoingQueue
        queue = kind(self._open(is_async=is_async), calls, lease_seconds=LEASE_SECONDS, probe_seconds=PROBE_SECONDS)
        queue.raw = self.raw
        queue.echo = not real_time
        return Face(queue, self._runner.run)

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            if hasattr(client, "aclose"):
                self._runner.run(client.aclose())
            else:
                client.close()
        self._runner.close()


def task(name: str = "e", /, **fields: Any) -> SyncTask:
    """A task for telegram with this name as its payload's text, to tell tasks apart by."""
    given: dict[str, Any] = {"service": "telegram", "action": "x", "entity": "e:1", "payload": {"name": name}}
    return SyncTask(**{**given, **fields})


def names(claimed: Any) -> list[str]:
    """The names given to `task`, of claimed tasks or of views."""
    return [one.task.payload["name"] for one in claimed]


def note(outcome: str = "retry", **fields: Any) -> AttemptNote:
    """An attempt that is over."""
    given: dict[str, Any] = {"at": datetime(2026, 3, 1, tzinfo=UTC), "seconds": 1.5, "outcome": outcome}
    return AttemptNote(**{**given, **fields})


def claim_one(queue: Face) -> ClaimedTask:
    """The next task, which must be there."""
    [claimed] = queue.claim(1).tasks
    return claimed  # type: ignore[no-any-return]


def probes(queue: Face | SyncQueue) -> dict[str, str]:
    """The breakers that have a probe under way, with the id of its task."""
    found = queue.raw.hgetall(queue.calls.keys["probes"])  # type: ignore[union-attr]
    return {hold: value[13:] for hold, value in found.items()}


def park_many(queue: SyncQueue, raw: redis.Redis, hold: str, count: int) -> None:
    """Write what parking tasks named "0", "1", ... behind `hold` would leave, without the work."""
    keys, tasks = queue.calls.keys, [task(str(n)) for n in range(count)]
    made = to_ms(tasks[0].created_at)
    raw.hset(keys["bodies"], mapping={one.id: encode_body(one) for one in tasks})
    raw.hset(keys["lanes"], mapping={one.id: hold for one in tasks})
    raw.zadd(keys["delayed"], {one.id: PARKED + made for one in tasks})
    raw.zadd(keys["parked"], {f"{hold} {made:013} {one.id}": 0 for one in tasks})
    assert_each_task_in_one_place(raw, keys)

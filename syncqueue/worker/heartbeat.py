"""Writes to Redis that this worker is alive, for the dashboard and for health checks.

All times are of the Redis clock, so that a worker on a host with a wrong clock does not look dead.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from typing import cast

import redis.asyncio

from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.duty import DutyState
from syncqueue.core.foreign import json_object, read_each
from syncqueue.core.task import to_ms
from syncqueue.core.worker_state import WorkerRequest, WorkerState
from syncqueue.queue import server_time
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.keys import worker_request_key, workers_key
from syncqueue.services import WORKER_SECONDS

EVERY_SECONDS = 10.0


class Heartbeat:
    """The heartbeat of one worker."""

    def __init__(
        self, client: redis.asyncio.Redis, prefix: str, services: Sequence[str], running: Callable[[], int]
    ) -> None:
        """`running` returns the number of running attempts."""
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._client = client
        self._key = workers_key(prefix)
        self._request_key = worker_request_key(prefix, self.id)
        self._services = list(services)
        self._running = running
        self.duties: Callable[[], Sequence[DutyState]] = tuple  # returns the failing duties
        self.state: Callable[[], WorkerState] = lambda: WorkerState.WORKING
        self.on_request: Callable[[WorkerRequest], None] = _ignore  # called at each heartbeat while there is a request
        self._began = time.monotonic()

    async def beat(self) -> None:
        """Read a person's request and write the heartbeat. Raises `QueueUnavailable`."""
        with redis_errors("any service"):
            asked = await self._client.get(self._request_key)
            if asked in set(WorkerRequest):
                self.on_request(WorkerRequest(asked))
            now = await self._now_ms()
            ahead = now - to_ms(SYSTEM_CLOCK.now())
            text = json.dumps(
                {
                    "host": socket.gethostname(),
                    "pid": os.getpid(),
                    "started_at": now - int((time.monotonic() - self._began) * 1000),
                    "seen_at": now,
                    "services": self._services,
                    "running": self._running(),
                    "state": self.state(),
                    "duties": [duty.as_json(ahead) for duty in self.duties()],
                }
            )
            await self._client.hset(self._key, self.id, text)

    async def tidy(self) -> None:
        """Remove workers that died without deleting their heartbeat. Raises `QueueUnavailable`."""
        with redis_errors("any service"):
            beats = cast(dict[str, str], await self._client.hgetall(self._key))
            oldest = await self._now_ms() - WORKER_SECONDS * 1000
            # An unreadable heartbeat may be of a live worker of another version, which removes it itself.
            seen = read_each(_seen_at, beats.items())
            gone = [id_ for id_, seen_at in seen if seen_at < oldest]
            if gone:
                await self._client.hdel(self._key, *gone)

    async def _now_ms(self) -> int:
        return server_time.to_ms(await self._client.eval(server_time.SCRIPT, 1, self._key))

    async def end(self) -> None:
        """Delete this worker's heartbeat. Raises `QueueUnavailable`."""
        with redis_errors("any service"):
            await self._client.hdel(self._key, self.id)


def _ignore(request: WorkerRequest) -> None:
    """The default of `Heartbeat.on_request`: does nothing."""


def _seen_at(beat: tuple[str, str]) -> tuple[str, int]:
    id_, text = beat
    return id_, int(json_object(text)["seen_at"])

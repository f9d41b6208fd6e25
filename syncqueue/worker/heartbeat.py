"""Tells Redis that this worker lives: for the dashboard, and for health checks."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from typing import cast

import redis.asyncio

from syncqueue.core.duty import DutyState
from syncqueue.queue.connection import redis_errors
from syncqueue.queue.keys import workers_key
from syncqueue.services import WORKER_SECONDS

EVERY_SECONDS = 10.0


class Heartbeat:
    """One worker's sign of life."""

    def __init__(
        self, client: redis.asyncio.Redis, prefix: str, services: Sequence[str], running: Callable[[], int]
    ) -> None:
        """`running` returns how many tasks are being attempted."""
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._client = client
        self._key = workers_key(prefix)
        self._services = list(services)
        self._running = running
        self.duties: Callable[[], Sequence[DutyState]] = tuple  # those that fail now
        self._started_at = time.time()

    async def beat(self) -> None:
        """Write it. Raises `QueueUnavailable`."""
        text = json.dumps(
            {
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "started_at": int(self._started_at * 1000),
                "seen_at": int(time.time() * 1000),
                "services": self._services,
                "running": self._running(),
                "duties": [duty.as_json() for duty in self.duties()],
            }
        )
        with redis_errors("any service"):
            await self._client.hset(self._key, self.id, text)

    async def tidy(self) -> None:
        """Take out workers that stopped without a word. Raises `QueueUnavailable`."""
        with redis_errors("any service"):
            beats = cast(dict[str, str], await self._client.hgetall(self._key))
            oldest = (time.time() - WORKER_SECONDS) * 1000
            gone = [id_ for id_, text in beats.items() if json.loads(text)["seen_at"] < oldest]
            if gone:
                await self._client.hdel(self._key, *gone)

    async def end(self) -> None:
        """Take this worker out. Raises `QueueUnavailable`."""
        with redis_errors("any service"):
            await self._client.hdel(self._key, self.id)

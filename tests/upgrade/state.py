"""A queue's keys as a release wrote them: kept in a file, and put back into a Redis.

At each release `python -m tests.upgrade.state` writes one more file; the old ones stay as they are for good.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import redis

import syncqueue
from syncqueue.core.task import SyncTask
from syncqueue.sources.intents import record_task
from tests.contract.drive import Backend, note, task
from tests.redis_server import RedisServer

KEPT = Path(__file__).parent / "kept"
HOLD = "breaker:api.telegram.org:443"


def fill(backend: Backend) -> None:
    """A task in every state, and each kind of key. What is done here is what the tests look for."""
    queue = backend.queue(site="site-of-old").without_echo()
    queue.enqueue(record_task("telegram", 1, "notes.note:1"))
    queue.claim(1)  # its worker was killed: in processing, the lease runs out
    queue.enqueue(record_task("telegram", 1, "notes.note:1", "delete"))  # waits behind it

    queue.enqueue(task("failed", key="failed"))
    [failing] = queue.claim(1).tasks
    queue.fail(failing, note("failure", error="It was refused.", traceback="Traceback ..."))

    queue.enqueue(task("parked", key="parked"))
    [parked] = queue.claim(1).tasks
    queue.hold(HOLD, None, "It cannot be reached.")
    queue.retry(parked, timedelta(0), note("unreachable"), counts=False, hold=HOLD)

    queue.enqueue(task("retried", key="retried"))
    [retried] = queue.claim(1).tasks
    queue.retry(retried, timedelta(minutes=1), note("retry", error="Error 500."), counts=True)

    queue.enqueue(task("done"))
    queue.ack(*queue.claim(1).tasks)
    queue.enqueue(SyncTask("telegram", "x", "e:1", {"name": "low", "texts": ["日本語", "é"]}, priority="low"))
    queue.enqueue(task("high", priority="high"))


def dump(raw: redis.Redis) -> dict[str, Any]:
    """Every key with its type and content."""
    readers: dict[str, Callable[[str], Any]] = {
        "string": raw.get,
        "hash": raw.hgetall,
        "list": lambda key: raw.lrange(key, 0, -1),
        "zset": lambda key: raw.zrange(key, 0, -1, withscores=True),
    }
    kinds = {key: raw.type(key) for key in sorted(raw.scan_iter())}
    return {key: [kind, readers[str(kind)](key)] for key, kind in kinds.items()}


def load(raw: redis.Redis, kept: dict[str, Any]) -> None:
    """Put the keys of a dump into an empty database."""
    for key, (kind, content) in kept.items():
        match kind:
            case "string":
                raw.set(key, content)
            case "hash":
                raw.hset(key, mapping=content)
            case "list":
                raw.rpush(key, *content)
            case "zset":
                raw.zadd(key, dict(content))


def main() -> None:
    """Write the file of this version."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), durable=False)
        server.start()
        backend = Backend("valkey-sync", server.fresh_url())
        fill(backend)
        text = json.dumps(dump(backend.raw), ensure_ascii=False, indent=1, sort_keys=True)
        backend.close()
        server.kill()
    (KEPT / f"{syncqueue.__version__}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

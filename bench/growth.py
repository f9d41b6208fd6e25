"""Whether a longer backlog makes a queue slower: `python -m bench.growth`. Microseconds of the server, per task."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import redis

from bench.server import valkey
from syncqueue.core.clock import SYSTEM_CLOCK
from syncqueue.core.task import SyncTask, TaskState
from syncqueue.queue.calls import Calls
from syncqueue.queue.keys import QueueKeys
from syncqueue.queue.sync import SyncQueue

CLAIM = 100
ROUNDS = 20


def _task(number: int) -> SyncTask:
    payload = {"record": number}
    return SyncTask("bench", "update", f"notes.note:{number}", payload, key=f"record-{number}")


def _micros(client: redis.Redis, work: Callable[[], object]) -> float:
    """The median time the server spent in one script call."""
    taken = []
    for _ in range(ROUNDS):
        client.config_resetstat()
        work()
        stats = client.info("commandstats")
        taken.append(sum(int(stats[name]["usec"]) for name in ("cmdstat_evalsha", "cmdstat_eval") if name in stats))
    return sorted(taken)[ROUNDS // 2]


def row(client: redis.Redis, count: int) -> str:
    """The figures with so many tasks waiting."""
    client.flushall()
    before = int(client.info("memory")["used_memory"])
    calls = Calls(QueueKeys("sync", "bench"), "bench", SYSTEM_CLOCK.now_ms)
    queue = SyncQueue(client, calls, lease_seconds=600, probe_seconds=600)
    queue.enqueue_many(_task(number) for number in range(count))
    memory = (int(client.info("memory")["used_memory"]) - before) / count
    claimed = [queue.claim(CLAIM).tasks for _ in range(2)]
    claim = _micros(client, lambda: claimed.append(queue.claim(CLAIM).tasks)) / CLAIM
    ack = _micros(client, lambda: queue.ack(*claimed.pop())) / CLAIM
    stats = _micros(client, queue.stats)
    page = _micros(client, lambda: queue.page(TaskState.PENDING, limit=50))
    return f"| {count:,} | {memory:.0f} | {claim:.1f} | {ack:.1f} | {stats:.0f} | {page:.0f} |"


def main() -> None:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=100_000)
    most = parser.parse_args().most
    print(
        "| waiting | bytes/task | claim µs/task | ack µs/task | stats µs | page of 50 µs |\n|---|---|---|---|---|---|"
    )
    with valkey() as port, redis.Redis(port=port, decode_responses=True) as client:
        count = 5000
        while count <= most:
            print(row(client, count), flush=True)
            count = count * 20 if count == 5000 else count * 10


if __name__ == "__main__":
    main()

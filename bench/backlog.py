"""What a worker costs while a million records wait for a service that is away: `python -m bench.backlog`.

Their tasks are parked behind the breaker of the service. Prints the memory, the processor time and the Redis commands
of the worker over time, then one round of each search of the database: statements, time, and the database's plan of
each statement.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.records import set_up
from bench.server import valkey
from bench.worker import ROOT, Worker

CHUNK = 5000
HOLD = "breaker:copies.invalid:443"
PARKED = 10**15  # of _prelude.lua


def fill(count: int) -> None:
    """So many waiting records with their parked tasks, an hour old."""
    from django.utils import timezone

    from bench.notes.models import Note
    from syncqueue.core.task import encode_body
    from syncqueue.dispatch.site_queues import get_queue
    from syncqueue.models import Destination, SyncRecord
    from syncqueue.sources.intents import record_task

    queue, place = get_queue("copies"), Destination.objects.get()
    at = timezone.now() - timedelta(hours=1)
    for first in range(0, count, CHUNK):
        numbers = range(first + 1, min(count, first + CHUNK) + 1)
        Note.objects.bulk_create(Note(pk=n, text=f"note {n}") for n in numbers)
        SyncRecord.objects.bulk_create(
            SyncRecord(pk=n, source="notes.note", object_pk=str(n), destination=place, service="copies", changed_at=at)
            for n in numbers
        )
    Note.objects.update(created_at=at, updated_at=at)
    queue.enqueue(record_task("copies", 0, "notes.note:0"))  # stamps the queue
    queue.clear()
    queue.hold(HOLD, None, "Away.")
    keys, created = queue.calls.keys, int(at.timestamp() * 1000)
    for first in range(0, count, CHUNK):
        numbers = range(first + 1, min(count, first + CHUNK) + 1)
        tasks = [record_task("copies", n, f"notes.note:{n}") for n in numbers]
        pipe = queue.client.pipeline(transaction=False)
        pipe.hset(keys["bodies"], mapping={task.id: encode_body(task) for task in tasks})
        pipe.zadd(keys["delayed"], {task.id: PARKED + created for task in tasks})
        pipe.zadd(keys["parked"], {f"{HOLD} {created:013d} {task.id}": 0 for task in tasks})
        pipe.hset(keys["lanes"], mapping={task.id: HOLD for task in tasks})
        pipe.execute()
    print(f"{count} records wait; {queue.stats()}", flush=True)


def worker_over_time(minutes: float) -> None:
    """Print the figures of a worker, six times in so many minutes."""
    from syncqueue.dispatch.site_queues import get_queue

    client: Any = get_queue("copies").client
    worker = Worker([sys.executable, "manage.py", "runsyncworker", "--service", "copies"], Path(os.devnull))
    print("| after, s | memory, MB | CPU, % | Redis commands/s |\n|---|---|---|---|")
    try:
        began, cpu, commands = time.monotonic(), 0.0, _commands(client)
        before = began
        for _ in range(6):
            time.sleep(minutes * 10)
            now, cpu_now, commands_now = time.monotonic(), sum(worker.cpu_seconds().values()), _commands(client)
            took = now - before
            print(
                f"| {now - began:.0f} | {worker.memory() / 2**20:.0f} | {(cpu_now - cpu) / took * 100:.1f} | "
                f"{(commands_now - commands) / took:.1f} |",
                flush=True,
            )
            before, cpu, commands = now, cpu_now, commands_now
    finally:
        worker.stop()


def _commands(client: Any) -> int:
    return int(client.info("stats")["total_commands_processed"])


def searches() -> Iterator[tuple[str, Callable[[], object]]]:
    """What a worker does to the database regularly."""
    from syncqueue.conf import get_settings
    from syncqueue.core.clock import SYSTEM_CLOCK
    from syncqueue.dispatch.site_queues import get_queue
    from syncqueue.sources.records import take_due
    from syncqueue.sources.registry import all_sources
    from syncqueue.worker.housekeeping import LookForGone, LookForOwnerless
    from syncqueue.worker.reconciler import Reconciler
    from syncqueue.worker.sweeper import sweep_source

    reconciler = Reconciler(get_queue("copies"), get_settings())
    yield "reconcile (20,000 records a round)", reconciler.run
    yield "reconcile, the next round", reconciler.run
    yield "look for what is due", lambda: take_due(["copies"], SYSTEM_CLOCK.now(), 500)
    for source in all_sources():
        yield f"sweep {source.label}", lambda source=source: sweep_source(source)  # type: ignore[misc]
        yield f"sweep {source.label}, the next round", lambda source=source: sweep_source(source)  # type: ignore[misc]
    yield "look for deleted objects", LookForGone().run
    yield "look after destinations", LookForOwnerless().run


def rounds() -> None:
    """Print one round of each search, and the plans of its statements."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    plans: dict[str, str] = {}
    print("| search | statements | ms | memory, MB more |\n|---|---|---|---|")
    for name, work in searches():
        memory, began = _peak_mb(), time.monotonic()
        with CaptureQueriesContext(connection) as captured:
            work()
        took = (time.monotonic() - began) * 1000
        print(f"| {name} | {len(captured)} | {took:.0f} | {_peak_mb() - memory:.0f} |", flush=True)
        for query in captured.captured_queries:
            if query["sql"].startswith("SELECT"):
                plans.setdefault(_plan(query["sql"]), f"{name}: {query['sql'][:100]}")
    for plan, of in plans.items():
        print(f"\n{of}\n{plan}")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _plan(sql: str) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"{connection.ops.explain_query_prefix()} {sql}")
        return "\n".join(f"  {row[-1]}" for row in cursor.fetchall())


def main() -> None:
    """Measure in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        set_up()
        fill(given.records)
        worker_over_time(given.minutes)
        rounds()
        return
    with valkey() as port, tempfile.TemporaryDirectory() as folder:
        away = Path(folder) / "away"
        away.touch()
        environment = {
            **os.environ,
            "BENCH_REDIS": f"redis://127.0.0.1:{port}/0",
            "BENCH_FOLDER": folder,
            "BENCH_SERVICE": "copies",
            "BENCH_AWAY": str(away),
        }
        command = [sys.executable, "-m", "bench.backlog", "--inside", *sys.argv[1:]]
        sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()

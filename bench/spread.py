"""Whether a longer backlog, more services or more workers change the drain: `python -m bench.spread`.

No-op tasks by the real worker. Rates are those of the first tasks that are run, out of the file that they write into,
with what was lost and what ran twice counted after each drain that is whole.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import redis

from bench.jobs import PADDING, Record
from bench.server import valkey
from bench.worker import Worker, wait_for

PATIENCE_SECONDS = 60.0
MEASURED = 20_000  # runs that a rate is taken of
BACKLOGS = (1_000, 100_000, 1_000_000)
SERVICES = (1, 10, 100)
WORKERS = (1, 2, 3, 4)


def _fill(services: Sequence[str], count: int) -> None:
    from syncqueue import get_queue
    from syncqueue.core.task import SyncTask

    share = count // len(services)
    for place, service in enumerate(services):
        numbers = range(place * share, (place + 1) * share)
        get_queue(service).enqueue_many(
            SyncTask(
                service=service,
                action="work",
                entity="job",
                payload={"number": number, "wait_ms": 0, "padding": PADDING},
            )
            for number in numbers
        )


def _command(services: Sequence[str]) -> list[str]:
    named = [part for service in services for part in ("--service", service)]
    return [sys.executable, "manage.py", "runsyncworker", *named, "--concurrency", "1000"]


def drain(client: redis.Redis, *, services: int = 1, workers: int = 1, backlog: int = MEASURED) -> str:
    """A row of the table."""
    client.flushall()
    names = [f"many{number}" for number in range(services)]
    _fill(names, backlog)
    measured = min(backlog, MEASURED)
    record = Record(Path(tempfile.mkdtemp()) / "record")
    started = [Worker(_command(names), record.path) for _ in range(workers)]
    try:
        wait_for(lambda: record.count() >= measured, PATIENCE_SECONDS)
    finally:
        for worker in started:
            worker.stop()
    times = sorted(at for _, at in record.runs())[:measured]
    rate = len(times) / ((times[-1] - times[0]) / 1e9) if len(times) > 1 else 0.0
    lost, doubled = record.lost_and_doubled(backlog) if measured == backlog else ("-", "-")
    return f"| {backlog:,} | {services} | {workers} | {rate:,.0f} | {lost} | {doubled} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=BACKLOGS[-1], help="the longest backlog")
    most = parser.parse_args().most
    print("| waiting | services | workers | drain/s | lost | twice |\n|---|---|---|---|---|---|")
    with valkey() as port, tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            BENCH_REDIS=f"redis://127.0.0.1:{port}/0",
            BENCH_FOLDER=folder,
            BENCH_SERVICES=str(max(SERVICES)),
            DJANGO_SETTINGS_MODULE="bench.settings",
        )
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, run_syncdb=True)
        with redis.Redis(port=port) as client:
            for backlog in (one for one in BACKLOGS if one <= most):
                print(drain(client, backlog=backlog), flush=True)
            for services in SERVICES:
                print(drain(client, services=services), flush=True)
            for workers in WORKERS:
                print(drain(client, workers=workers), flush=True)


if __name__ == "__main__":
    main()

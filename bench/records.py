"""The real job: what a save costs, and an outage of many notes that a worker brings out: `python -m bench.records`.

`BENCH_SERVICE` (batches, copies) and `BENCH_PLACES` choose what the notes go to; see bench/settings.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

from bench.jobs import Record
from bench.server import valkey
from bench.webhooks import DATABASES, database
from bench.worker import ROOT, Worker, wait_for

SAVES = 200
PATIENCE_SECONDS = 120.0


def set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
    django.setup()
    from django.core.management import call_command

    from syncqueue.sources.destinations import ensure_declared

    call_command("migrate", verbosity=0)  # first, because the bench's own tables refer to others
    call_command("migrate", verbosity=0, run_syncdb=True)
    ensure_declared()


def _ms_each(save: Callable[[int], object]) -> float:
    taken = []
    for number in range(SAVES):
        began = time.perf_counter()
        save(number)
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def saves() -> dict[str, float]:
    """Milliseconds of a save (median), of a model not synced, of one that is, and while a breaker is open; queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from bench.notes.models import Note, Plain
    from syncqueue.dispatch.site_queues import get_queue

    plain = _ms_each(lambda n: Plain.objects.create(text=f"note {n}"))
    synced = _ms_each(lambda n: Note.objects.create(text=f"note {n}"))
    with CaptureQueriesContext(connection) as queries:
        Note.objects.create(text="counted")
    service = os.environ.get("BENCH_SERVICE", "batches")
    get_queue(service).hold("breaker:copies.invalid:443", None, "Away.")
    held = _ms_each(lambda n: Note.objects.create(text=f"note {n}"))
    get_queue(service).lift("breaker:copies.invalid:443")
    return {"plain_ms": plain, "synced_ms": synced, "breaker_open_ms": held, "queries": len(queries)}


def _forget_notes(service: str) -> None:
    """Delete all notes and what is known of their copies, whose removal would be work of the next measurement."""
    from bench.notes.models import Note
    from syncqueue.dispatch.site_queues import get_queue
    from syncqueue.models import SyncRecord

    Note.objects.all().delete()
    SyncRecord.objects.all().delete()
    get_queue(service).clear()


def outage(count: int, workers: int = 1) -> dict[str, float]:
    """Notes per second out of the database, after an outage in which `count` of them waited."""
    from bench.notes.models import Note
    from syncqueue import sync_queryset
    from syncqueue.dispatch.site_queues import get_queue

    service = os.environ.get("BENCH_SERVICE", "batches")
    queue = get_queue(service)
    _forget_notes(service)
    hold = "breaker:copies.invalid:443"
    queue.hold(hold, None, "Away.")
    Note.objects.bulk_create([Note(text=f"note {n}") for n in range(count)], batch_size=500)
    began = time.monotonic()
    sync_queryset(Note.objects.all())
    noted = time.monotonic() - began
    record = Record(Path(tempfile.mkdtemp()) / "record")
    command = [sys.executable, "manage.py", "runsyncworker", "--service", service]
    running = [Worker(command, record.path) for _ in range(workers)]
    try:
        time.sleep(3)
        starting = sum(sum(worker.cpu_seconds().values()) for worker in running)
        began = time.monotonic()
        queue.lift(hold)
        wait_for(lambda: record.count() >= count, PATIENCE_SECONDS)
        seconds = time.monotonic() - began
        cpu = sum(sum(worker.cpu_seconds().values()) for worker in running) - starting
    finally:
        for worker in running:
            worker.stop()
    ran = len({number for number, _ in record.runs()})
    return {
        "noted_per_second": count / noted,
        "rate": record.count() / seconds,
        "cpu_ms": cpu * 1000 / count,
        "lost": count - ran,
        "doubled": record.count() - ran,
    }


def backlog(count: int) -> dict[str, float]:
    """Notes per second that one worker brings out of a full queue, without an outage, and its CPU time for each."""
    from bench.notes.models import Note
    from syncqueue import sync_queryset

    service = os.environ.get("BENCH_SERVICE", "batches")
    _forget_notes(service)
    Note.objects.bulk_create([Note(text=f"note {n}") for n in range(count)], batch_size=500)
    sync_queryset(Note.objects.all())
    record = Record(Path(tempfile.mkdtemp()) / "record")
    worker = Worker([sys.executable, "manage.py", "runsyncworker", "--service", service], record.path)
    try:
        wait_for(lambda: record.count() > 0, PATIENCE_SECONDS)
        before, starting = record.count(), sum(worker.cpu_seconds().values())
        began = time.monotonic()
        wait_for(lambda: record.count() >= count, PATIENCE_SECONDS)
        seconds, cpu = time.monotonic() - began, sum(worker.cpu_seconds().values()) - starting
    finally:
        worker.stop()
    return {"backlog_rate": (count - before) / seconds, "backlog_cpu_ms": cpu * 1000 / (count - before)}


def main() -> None:
    """Measure in a process for each database, number of destinations and kind of service."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10000, help="notes of the outage")
    parser.add_argument("--databases", default=",".join(DATABASES), help="with commas between")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        set_up()
        places = int(os.environ.get("BENCH_PLACES", "1"))
        print(json.dumps({**saves(), **({**backlog(given.count), **outage(given.count)} if places == 1 else {})}))
        return
    runs = (("batches", 1, given.count), ("copies", 1, given.count), ("batches", 10, 0))
    for kind, (service, places, count) in product(given.databases.split(","), runs):
        with valkey() as port, tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as there:
            environment = {
                **os.environ,
                **there,
                "BENCH_REDIS": f"redis://127.0.0.1:{port}/0",
                "BENCH_FOLDER": folder,
                "BENCH_SERVICE": service,
                "BENCH_PLACES": str(places),
            }
            command = [sys.executable, "-m", "bench.records", "--inside", "--count", str(count)]
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            print(f"{kind}, {service}, {places} destination(s): {done.stdout.strip().splitlines()[-1]}")


if __name__ == "__main__":
    main()

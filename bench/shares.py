"""One owner's hanging notes beside another's: how long the other's take, `python -m bench.shares`.

A note of the other owner is saved, and timed until it is out, with a worker that has nothing else to do; then the same
with COUNT notes of the first owner waiting, none of which is ever answered. All settings are the defaults.
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
from pathlib import Path

from bench.jobs import RECORD, Record
from bench.records import set_up
from bench.server import valkey
from bench.worker import ROOT, Worker, wait_for

SAVES = 30
PATIENCE_SECONDS = 60.0


def measured(count: int) -> dict[str, float]:
    """Milliseconds from a note's save until it is out: alone, and beside `count` that hang; medians and largest."""
    set_up()
    from django.contrib.auth.models import User

    from bench.notes.models import Note
    from syncqueue import get_queue, sync_queryset
    from syncqueue.models import Destination

    hasty, calm = (User.objects.create_user(name) for name in ("hasty", "calm"))
    for owner, address in ((hasty, "hang.invalid:443"), (calm, "calm.invalid:443")):
        Destination.objects.create(name=owner.username, service="hanging", address=address, owner=owner)
    record = Record(Path(os.environ[RECORD]))
    queue = get_queue("hanging")

    def save() -> float:
        before = record.count()
        began = time.perf_counter()
        Note.objects.create(text="calm", owner=calm)
        if not wait_for(lambda: record.count() > before, PATIENCE_SECONDS):
            return float("inf")
        return (time.perf_counter() - began) * 1000

    worker = Worker([sys.executable, "manage.py", "runsyncworker", "--service", "hanging"], record.path)
    try:
        save()  # the worker is up
        alone = [save() for _ in range(SAVES)]
        notes = Note.objects.bulk_create([Note(text="hangs", owner=hasty) for _ in range(count)], batch_size=500)
        sync_queryset(Note.objects.filter(owner=hasty))
        wait_for(lambda: queue.stats().processing_count >= min(count, 16), PATIENCE_SECONDS)
        beside = [save() for _ in range(SAVES)]
        hanging = queue.stats()
    finally:
        worker.stop()
    return {
        "alone_ms": statistics.median(alone),
        "alone_largest_ms": max(alone),
        "beside_ms": statistics.median(beside),
        "beside_largest_ms": max(beside),
        "under_way": hanging.processing_count,
        "waiting": len(notes) - hanging.processing_count,
    }


def main() -> None:
    """Measure on a site of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="notes that hang")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(measured(given.count)))
        return
    with valkey() as port, tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            RECORD: str(Path(folder) / "record"),
            "BENCH_REDIS": f"redis://127.0.0.1:{port}/0",
            "BENCH_FOLDER": folder,
            "BENCH_SERVICE": "hanging",
            "BENCH_PLACES": "0",
        }
        command = [sys.executable, "-m", "bench.shares", "--inside", "--count", str(given.count)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    print("| another owner's note | median, ms | largest, ms |\n|---|---|---|")
    print(f"| alone | {found['alone_ms']:.0f} | {found['alone_largest_ms']:.0f} |")
    print(f"| beside {given.count} that hang | {found['beside_ms']:.0f} | {found['beside_largest_ms']:.0f} |")
    print(f"Of those {found['under_way']} were under way, {found['waiting']} waited.", file=sys.stderr)


if __name__ == "__main__":
    main()

"""The real job beside what people write by hand: notes of a database to a webhook receiver, `python -m bench.webhooks`.

The same notes wait in both queues; one worker process of each is started in turn and timed from the first event that
the receiver notes to the last. `--postgres URL` uses a PostgreSQL that runs already.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.jobs import RECORD, Record
from bench.server import free_port, valkey
from bench.systems.base import tool
from bench.worker import ROOT, Worker, wait_for

PATIENCE_SECONDS = 120.0
SYSTEMS = ("syncqueue", "celery, 20 threads", "celery, 2 processes")


@contextmanager
def receiver(record: Path) -> Iterator[int]:
    """Run a receiver that notes what arrives in `record`; gives its port."""
    port = free_port()
    environment = {**os.environ, RECORD: str(record)}
    command = [sys.executable, "-m", "bench.receiver", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    try:
        if process.stdout is not None:
            process.stdout.readline()  # it listens
        yield port
    finally:
        process.kill()
        process.wait()


def _fill(count: int) -> None:
    from bench.records import set_up

    set_up()
    from bench.notes.models import Note

    Note.objects.bulk_create([Note(text=f"number {n:06d}") for n in range(count)], batch_size=500)


def _enqueue(name: str, url: str) -> None:
    from bench.notes.models import Note

    if name == "syncqueue":
        from syncqueue import sync_queryset

        sync_queryset(Note.objects.all())
        return
    from bench.by_hand import deliver

    for pk in Note.objects.values_list("pk", flat=True):
        deliver.delay(pk, url)


def _command(name: str) -> list[str]:
    if name == "syncqueue":
        return [sys.executable, "manage.py", "runsyncworker", "--service", "webhook"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"]
    pool = ["-P", "threads", "-c", "20"] if "threads" in name else ["-P", "prefork", "-c", "2"]
    return tool("celery", "-A", "bench.by_hand:app", "worker", *pool, *quiet)


def measured(name: str, count: int) -> dict[str, float]:
    """Notes per second, CPU of the worker for each (ms), and how many were lost or came twice."""
    record = Record(Path(os.environ[RECORD]))
    _fill(count)
    _enqueue(name, os.environ["BENCH_URL"])
    worker = Worker(_command(name), Path(os.devnull))
    try:
        wait_for(lambda: record.count() > 0, PATIENCE_SECONDS)
        starting = sum(worker.cpu_seconds().values())
        done = wait_for(lambda: record.count() >= count, PATIENCE_SECONDS)
        cpu = sum(worker.cpu_seconds().values()) - starting
    finally:
        worker.stop()
    moments = sorted(moment for _, moment in record.runs())
    seconds = (moments[-1] - moments[0]) / 1e9 if len(moments) > 1 else 0.0
    lost, doubled = record.lost_and_doubled(count)
    rate = (len(moments) - 1) / seconds if seconds and done else 0.0
    return {"rate": rate, "cpu_ms": cpu * 1000 / count, "lost": lost, "doubled": doubled}


def _in_own_process(name: str, arguments: argparse.Namespace) -> dict[str, float]:
    with valkey() as port, tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record"
        with receiver(record) as at:
            environment = {
                **os.environ,
                RECORD: str(record),
                "BENCH_REDIS": f"redis://127.0.0.1:{port}/0",
                "BENCH_FOLDER": folder,
                "BENCH_SERVICE": "webhook",
                "BENCH_URL": f"http://127.0.0.1:{at}/hook",
                "BENCH_CONCURRENCY": str(arguments.concurrency),
            }
            command = [sys.executable, "-m", "bench.webhooks", "--inside", name, "--count", str(arguments.count)]
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def main() -> None:
    """Measure each system in turn, a few rounds, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="notes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=20, help="of syncqueue; 20 is the default of a site")
    parser.add_argument("--only", default=",".join(SYSTEMS), help="names, with ';' between them")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(measured(given.inside, given.count)))
        return
    names = [name for name in SYSTEMS if name in given.only]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(given.rounds):
        for name in names:
            began = time.monotonic()
            found[name].append(_in_own_process(name, given))
            print(f"  {name}: {found[name][-1]} in {time.monotonic() - began:.0f} s", file=sys.stderr)
    print("| system | notes/s | worker's CPU, ms a note | lost | twice |\n|---|---|---|---|---|")
    for name, rounds in found.items():
        middle = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        row = [f"{middle['rate']:.0f}", f"{middle['cpu_ms']:.2f}", f"{middle['lost']:.0f}", f"{middle['doubled']:.0f}"]
        print(f"| {name} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()

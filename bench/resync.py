"""How fast a search index is filled, one by one and in batches: `python -m bench.resync`.

Notes are resynced into the sandbox's Manticore by a worker in a process of its own, with a Redis and an SQLite file of
their own. Prints documents per second, queries per batch and the worker's memory; exit code 1 when anything is missing
in the index, when batches are not faster, when the queries of a batch depend on how many there are, or when memory
grows with the number of notes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MEMORY_GROWTH_MB = 40.0  # for ten times the notes
KB = 1024  # ru_maxrss counts in KB on Linux
CHUNK = 1000
SAMPLE = "A note of a length that people write, with some words to be found again, such as apples and pears. "


@dataclass(frozen=True, kw_only=True)
class Run:
    """One filling of a table."""

    name: str
    table: str
    batch_size: int
    notes: int


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the worker measured of it."""

    seconds: float
    queries: int  # of the attempts, all together
    calls: int  # of the handler
    memory_mb: float  # at the highest point
    before_mb: float  # before it began


def configure(batch_size: int) -> None:
    """Django with the bench's database, and Manticore as the one service."""
    import django

    django.setup()
    from django.test import override_settings

    entry = {"BATCH_SIZE": batch_size, "CONCURRENCY": 20, "OPTIONS": {"URL": os.environ["BENCH_MANTICORE"]}}
    override_settings(SYNCQUEUE={"REDIS": os.environ["BENCH_REDIS"], "HANDLERS": {"manticore": entry}}).enable()
    logging.disable(logging.DEBUG if os.environ.get("BENCH_LOUD") else logging.INFO)


def work(batch_size: int) -> None:
    """The worker's process: does all there is and prints its figures."""
    configure(batch_size)
    from syncqueue.worker.worker import Worker

    counts = _count()
    before = _memory()
    began = time.perf_counter()
    asyncio.run(Worker(burst=True).run())
    figures = {"seconds": time.perf_counter() - began, "memory_mb": _memory(), "before_mb": before}
    print(json.dumps({**figures, **counts}))


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB


def _count() -> dict[str, int]:
    """Count the handler's calls, and the queries of attempts (the worker's own loops ask too, by time)."""
    from django.db import connections

    from syncqueue.execution.database import DatabaseThreads
    from syncqueue.handlers.manticore.handler import ManticoreHandler

    counts = {"queries": 0, "calls": 0}
    database, apply_many = DatabaseThreads._work, ManticoreHandler.apply_many

    def counted_query(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        counts["queries"] += 1
        return execute(sql, parameters, many, context)

    def counted_work(self: Any, work: Any, *args: Any, **kwargs: Any) -> Any:
        if work.__module__ not in ("syncqueue.execution.prepare", "syncqueue.sources.records"):
            return database(self, work, *args, **kwargs)
        with connections["default"].execute_wrapper(counted_query):
            return database(self, work, *args, **kwargs)

    async def counted_calls(self: Any, jobs: Any) -> Any:
        counts["calls"] += 1
        return await apply_many(self, jobs)

    DatabaseThreads._work = counted_work  # type: ignore[method-assign]
    ManticoreHandler.apply_many = counted_calls  # type: ignore[method-assign]
    return counts


def fill(run: Run) -> Figures:
    """Notes, a destination that has none of them yet, a resync, and a worker."""
    from bench.notes.models import Note
    from syncqueue import services
    from syncqueue.models import Destination, SyncRecord

    SyncRecord.objects.all().delete()
    Destination.objects.all().delete()
    _have_notes(Note, run.notes)
    place = Destination.objects.create(name=run.table, service="manticore", address=run.table, start_at=None)
    services.resync([place], force=False, prune=False, actor="bench")
    command = [sys.executable, "-m", "bench.resync", "--work", str(run.batch_size)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - itself
    return Figures(**json.loads(done.stdout))


def _have_notes(model: Any, count: int) -> None:
    """As many notes as wanted."""
    model.objects.all()._raw_delete("default")  # without a signal for each
    for first in range(0, count, CHUNK):
        numbers = range(first, min(first + CHUNK, count))
        model.objects.bulk_create(model(text=f"{SAMPLE * 4}{number}") for number in numbers)


def judge(found: dict[str, tuple[Run, Figures]], rows: dict[str, int]) -> list[str]:
    """What is not as it should be."""
    few, many, single = found["few"], found["many"], found["single"]
    wrong = [
        f"{run.name}: {rows[run.table]} rows of {run.notes}"
        for run, _ in found.values()
        if rows[run.table] != run.notes
    ]
    if rate(*many) <= rate(*single):
        wrong.append("batches are not faster")
    if round(per_call(few[1])) != round(per_call(many[1])):
        wrong.append("the number of queries of a batch depends on how many there are")
    if many[1].memory_mb - few[1].memory_mb > MEMORY_GROWTH_MB:
        wrong.append("memory grows with the number of notes")
    return wrong


def rate(run: Run, figures: Figures) -> float:
    """Documents per second."""
    return run.notes / figures.seconds


def per_call(figures: Figures) -> float:
    """Queries for each call of the handler."""
    return figures.queries / figures.calls


def show(run: Run, figures: Figures) -> None:
    """A line of the table."""
    print(
        f"{run.name:<22}{run.notes:>8}{rate(run, figures):>14,.0f}{figures.calls:>8}{per_call(figures):>17.1f}"
        f"{figures.before_mb:>11.0f}{figures.memory_mb:>11.0f}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=20_000)
    parser.add_argument("--one-by-one", type=int, default=2_000, help="notes of the slow run: its rate stays the same")
    parser.add_argument("--work", type=int, metavar="BATCH_SIZE", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        work(options.work)
        return 0
    from bench.server import valkey
    from project.sandbox.testing import running_sandbox

    with (
        tempfile.TemporaryDirectory(prefix="syncqueue-bench-") as folder,
        valkey() as port,
        running_sandbox() as sandbox,
    ):
        os.environ |= {
            "BENCH_FOLDER": folder,
            "BENCH_REDIS": f"redis://127.0.0.1:{port}/0",
            "BENCH_MANTICORE": sandbox.manticore_url,
            "DJANGO_SETTINGS_MODULE": "bench.settings",
        }
        return measure(sandbox, options.notes, options.one_by_one)


def measure(sandbox: Any, notes: int, one_by_one: int) -> int:
    """The three runs; answers the exit code."""
    from django.core.management import call_command

    configure(500)
    call_command("migrate", run_syncdb=True, verbosity=0)
    runs = {
        "few": Run(name="batches of 500", table="few", batch_size=500, notes=notes // 10),
        "many": Run(name="batches of 500", table="many", batch_size=500, notes=notes),
        "single": Run(name="one by one", table="single", batch_size=1, notes=one_by_one),
    }
    print(
        f"{'':<22}{'notes':>8}{'documents/s':>14}{'calls':>8}{'queries a call':>17}{'MB before':>11}{'MB at most':>11}"
    )
    found = {}
    for key, run in runs.items():
        found[key] = (run, fill(run))
        show(*found[key])
    print(f"In batches {rate(*found['many']) / rate(*found['single']):.1f} times as many a second.")
    wrong = judge(found, {table["name"]: len(table["documents"]) for table in _tables(sandbox)})
    for words in wrong:
        print(f"WRONG: {words}")
    return 1 if wrong else 0


def _tables(sandbox: Any) -> list[dict[str, Any]]:
    tables: list[dict[str, Any]] = sandbox.state()["services"]["manticore"]["tables"]
    return tables


if __name__ == "__main__":
    sys.exit(main())

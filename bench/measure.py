"""Measures one system in a process of its own: `python -m bench.measure NAME`, which prints JSON.

Every figure comes from the record of what ran (bench/jobs.py): of each scenario it is counted what was lost and what
ran twice. Redis is emptied before each.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Timer
from typing import Any

import redis

from bench.jobs import Record
from bench.systems.base import Base, redis_url
from bench.worker import Worker, wait_for, working

START_SECONDS = 20.0
PATIENCE_SECONDS = 40.0
QUIET_SECONDS = 10.0  # after a kill: what has not run by then is lost, or comes much later
NAMES = ("syncqueue", "rq", "celery", "dramatiq", "huey", "saq", "taskiq", "bullmq", "sidekiq")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is done in each scenario."""

    one_by_one: int = 2000
    bulk: int = 10000
    drain: int = 5000
    io: int = 3000
    latency: int = 200
    idle_seconds: float = 10.0  # a worker's slowest rounds, such as its sign of life, are in it
    killed: int = 1000

    def scaled(self, scale: float) -> Size:
        """So many times as much, where more is only more."""
        counts = {name: max(int(getattr(self, name) * scale), 100) for name in ("one_by_one", "bulk", "drain", "io")}
        return replace(self, **counts)


@dataclass
class Bench:
    """The scenarios, over one system."""

    system: Base
    size: Size
    client: redis.Redis = field(init=False)

    def __post_init__(self) -> None:
        """Connect to look at the server."""
        self.client = redis.Redis.from_url(redis_url())

    def fresh(self) -> Record:
        """An empty server and an empty record."""
        # SYNC: otherwise Valkey frees the memory in the background, and the bytes of a task are measured too low.
        self.client.execute_command("FLUSHALL", "SYNC")
        self.client.config_resetstat()
        return Record(Path(tempfile.mkdtemp()) / "record")

    def one_by_one(self) -> dict[str, float]:
        """Enqueued per second, one call after another."""
        self.fresh()
        self.system.enqueue(0)
        return {"rate": _rate(self.size.one_by_one, lambda: self.system.enqueue_each(range(self.size.one_by_one)))}

    def bulk(self) -> dict[str, float]:
        """Enqueued per second by the system's way for many; and what one takes in Redis."""
        self.fresh()
        before, count = self._used(), int(self.size.bulk * min(self.system.share, 1.0))
        rate = _rate(count, lambda: self.system.enqueue_many(range(count)))
        return {"rate": rate, "bytes": (self._used() - before) / count}

    def _used(self) -> int:
        return int(self.client.info("memory")["used_memory"])

    def drain(
        self, kind: str, count: int, *, wait_ms: int = 0, concurrency: int = 1, workers: int = 1
    ) -> dict[str, Any]:
        """Jobs per second, from the first run to the last: starting is not counted."""
        record = self.fresh()
        self.system.enqueue_many(range(count), wait_ms, kind)
        with working(self.system, kind, concurrency, record.path, workers) as started:
            wait_for(lambda: record.count() >= count, START_SECONDS + PATIENCE_SECONDS)
            memory = max(worker.memory() for worker in started)
        times = sorted(at for _, at in record.runs())
        lost, doubled = record.lost_and_doubled(count)
        spent = (times[-1] - times[0]) / 1e9 + wait_ms / 1000 if len(times) > 1 else float("inf")
        return {"rate": len(times) / spent, "lost": lost, "doubled": doubled, "memory": memory}

    def latency(self) -> dict[str, float]:
        """Milliseconds from before the enqueue to the run, in an idle worker."""
        record = self.fresh()
        sent: list[int] = []
        with working(self.system, "noop", 10, record.path):
            self._warm_up(record)
            for number in range(1, self.size.latency + 1):
                sent.append(self.system.enqueue_now(number))
                wait_for(lambda wanted=number: record.count() > wanted, 5.0)  # type: ignore[misc]
                time.sleep(0.01)
        ran = dict(record.runs())
        taken = sorted((ran[number + 1] - at) / 1e6 for number, at in enumerate(sent) if number + 1 in ran)
        return {"p50": statistics.median(taken), "p99": taken[int(len(taken) * 0.99) - 1]}

    def _warm_up(self, record: Record) -> None:
        self.system.enqueue(0)
        wait_for(lambda: record.count() >= 1, START_SECONDS)
        time.sleep(1.0)

    def idle(self) -> dict[str, float]:
        """Commands per second and CPU of a worker with nothing to do, after its start."""
        record = self.fresh()
        kind = "all" if self.system.name == "syncqueue" else "noop"
        with working(self.system, kind, 10, record.path) as (worker,):
            self._warm_up(record)
            time.sleep(2.0)
            before, began = worker.cpu_seconds(), time.monotonic()
            commands = self._commands_of_clients(self.size.idle_seconds)
            span = time.monotonic() - began
            return {
                "commands": commands / span,
                "cpu": sum(after - before.get(pid, 0) for pid, after in worker.cpu_seconds().items()) / span * 100,
                "memory": worker.memory(),
            }

    def _commands_of_clients(self, seconds: float) -> int:
        """How many commands clients send in so many seconds; INFO would count what a script calls inside as well."""
        count = 0
        with redis.Redis.from_url(redis_url(), socket_timeout=None).monitor() as lines:
            Timer(seconds, self.client.echo, ["the end"]).start()
            while "the end" not in (line := lines.next_command())["command"]:
                count += line["client_type"] != "lua"
        return count

    def kill(self) -> dict[str, float]:
        """SIGKILL midway, another worker after it: what was lost, what ran twice."""
        record = self.fresh()
        os.environ["BENCH_SHORT_LEASES"] = "1"  # what was held comes back while somebody still watches
        self.system.enqueue_many(range(self.size.killed), 5)
        worker = Worker(self.system.worker("io", 100), record.path)
        wait_for(lambda: record.count() >= self.size.killed // 2, START_SECONDS)
        worker.kill()
        began = time.monotonic()
        with working(self.system, "io", 100, record.path):
            wait_for(lambda: record.lost_and_doubled(self.size.killed)[0] == 0, QUIET_SECONDS)
            seconds = time.monotonic() - began
            # What the killed worker had begun comes back with its leases: whoever does that must be seen doing it.
            time.sleep(max(QUIET_SECONDS - seconds, 0))
        lost, doubled = record.lost_and_doubled(self.size.killed)
        return {"lost": lost, "doubled": doubled, "seconds": seconds}

    def scenarios(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """Those that make sense for this system, by name."""
        size, many = self.size, self.system.concurrent
        jobs = int(size.drain * self.system.share)
        found: dict[str, Callable[[], dict[str, Any]]] = {
            "one_by_one": self.one_by_one,
            "bulk": self.bulk,
            "drain": lambda: self.drain("noop", jobs, concurrency=self._at_once()),
            "drain_default": lambda: {**self.drain("default", jobs), "default": self.system.default},
            "drain_two": lambda: self.drain("noop", jobs, concurrency=self._at_once(), workers=2),
            "io": lambda: self.drain("io", size.io if many else 100, wait_ms=20, concurrency=100),
            "latency": self.latency,
            "idle": self.idle,
            "kill": self.kill,
        }
        extra: dict[str, Callable[[], dict[str, Any]]] = {
            "io_500": lambda: self.drain("io", size.io * 4, wait_ms=20, concurrency=500),
            "threads": lambda: self.drain("threads", size.io, wait_ms=20, concurrency=100),
        }
        return found | {name: extra[name] for name in self.system.extra}

    def _at_once(self) -> int:
        return 1000 if self.system.name == "syncqueue" else 100


def _rate(count: int, work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return count / (time.monotonic() - began)


def system(name: str) -> Base:
    """The system of this name."""
    module = "ours" if name == "syncqueue" else f"with_{name}"
    found: Base = importlib.import_module(f"bench.systems.{module}").System()
    return found


def main() -> None:
    """Run the scenarios that were asked for and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("scenario", nargs="*")
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    found = system(given.name)
    if reason := found.missing():
        print(json.dumps({"missing": reason}))
        return
    bench = Bench(found, Size().scaled(given.scale))
    scenarios = bench.scenarios()
    answer = {name: scenarios[name]() for name in given.scenario or scenarios if name in scenarios}
    print(json.dumps({"version": bench.system.version, "notes": bench.system.notes, "results": answer}))


if __name__ == "__main__":
    main()

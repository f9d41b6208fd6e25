"""A worker of any system as a process: started, holds_active, ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.jobs import RECORD
from bench.systems.base import Base

ROOT = Path(__file__).resolve().parent.parent


class Worker:
    """One worker, perhaps with children of its own."""

    def __init__(self, command: list[str], record: Path) -> None:
        """It notes its jobs in `record`."""
        environment = {**os.environ, RECORD: str(record), "PYTHONPATH": str(ROOT)}
        quiet = None if os.environ.get("BENCH_LOUD") else subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet, start_new_session=True
        )
        self.holds_active = psutil.Process(self._process.pid)

    def _family(self) -> list[psutil.Process]:
        """Itself and its children, but those that have ended and wait for somebody to ask how."""
        family = [self.holds_active, *self.holds_active.children(recursive=True)]
        return [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def memory(self) -> int:
        """Bytes its processes hold (RSS, with what they share counted for each)."""
        return sum(one.memory_info().rss for one in self._family() if "resource_tracker" not in " ".join(one.cmdline()))

    def cpu_seconds(self) -> dict[int, float]:
        """CPU time so far of each of its processes, by id."""
        return {one.pid: sum(one.cpu_times()[:2]) for one in self._family()}

    def kill(self) -> None:
        """SIGKILL to all of them."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL to what is left."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def working(system: Base, kind: str, concurrency: int, record: Path, count: int = 1) -> Iterator[list[Worker]]:
    """Workers while the block lasts."""
    workers = [Worker(system.worker(kind, concurrency), record) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.stop()


def wait_for(reached: object, seconds: float) -> bool:
    """Whether `reached()` came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if reached():  # type: ignore[operator]
            return True
        time.sleep(0.005)
    return False

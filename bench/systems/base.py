"""What the bench asks of every system."""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import version

URL = "BENCH_REDIS"


def redis_url() -> str:
    """Where the bench's Valkey is."""
    return os.environ[URL]


def tool(name: str, *arguments: str) -> list[str]:
    """A command that a package has put beside this Python."""
    return [os.path.join(os.path.dirname(sys.executable), name), *arguments]


class Base(ABC):
    """A queue with its worker, set up as its documentation advises for one process."""

    name: str
    package: str  # whose version is shown
    notes: str = ""  # what a reader must know to compare
    default: str  # how much one worker does at once where nobody says how much
    extra: tuple[str, ...] = ()  # scenarios that not every system is given
    concurrent: bool = True  # whether one process can do a hundred jobs that wait at once
    share: float = 1.0  # how many times as many jobs it is given: enough for a rate, and soon done

    def missing(self) -> str:
        """What keeps it from running on this machine; empty where nothing does."""
        return ""

    @property
    def version(self) -> str:
        """The version that is measured."""
        return version(self.package)

    @abstractmethod
    def worker(self, kind: str, concurrency: int) -> list[str]:
        """The command of a worker. `kind`: "noop" (jobs that do not wait), "io" or "threads".

        "default": jobs that do not wait, and as many at once as the system does by default.
        """

    @abstractmethod
    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """Enqueue one job."""

    def enqueue_now(self, number: int) -> int:
        """Enqueue one job; gives the moment before it (ns of the monotonic clock)."""
        began = time.monotonic_ns()
        self.enqueue(number)
        return began

    def enqueue_each(self, numbers: Sequence[int]) -> None:
        """Enqueue many, one call after another."""
        for number in numbers:
            self.enqueue(number)

    def enqueue_many(self, numbers: Sequence[int], wait_ms: int = 0, kind: str = "noop") -> None:
        """Enqueue many; one by one where there is no better way."""
        for number in numbers:
            self.enqueue(number, wait_ms, kind)

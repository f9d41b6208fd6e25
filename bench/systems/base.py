"""What the bench asks of every system."""

from __future__ import annotations

import os
import sys
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
    concurrent: bool = True  # whether one process can do a hundred jobs that wait at once
    share: float = 1.0  # how many times as many jobs it is given: enough for a rate, and soon done

    @property
    def version(self) -> str:
        """The version that is measured."""
        return version(self.package)

    @abstractmethod
    def worker(self, kind: str, concurrency: int) -> list[str]:
        """The command of a worker. `kind`: "noop" (jobs that do not wait), "io" or "threads"."""

    @abstractmethod
    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """Enqueue one job."""

    def enqueue_many(self, numbers: Sequence[int], wait_ms: int = 0, kind: str = "noop") -> None:
        """Enqueue many; one by one where there is no better way."""
        for number in numbers:
            self.enqueue(number, wait_ms, kind)

"""Systems of another language: the bench talks to an enqueuer of theirs, over its standard input and output."""

from __future__ import annotations

import json
import subprocess
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property

from bench.jobs import PADDING
from bench.systems.base import Base


class Elsewhere(Base):
    """What is timed is the enqueuer's own loop: one line asks for all of it."""

    @abstractmethod
    def enqueuer(self) -> list[str]:
        """The command of the enqueuer."""

    @cached_property
    def _process(self) -> subprocess.Popen[str]:
        """Ends with its standard input, so with this process."""
        return subprocess.Popen(self.enqueuer(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _ask(self, first: int, count: int, wait_ms: int, *, bulk: bool) -> int:
        """Enqueue so many jobs; gives the moment of the first (ns of the monotonic clock)."""
        wanted = {"first": first, "count": count, "wait_ms": wait_ms, "padding": PADDING, "bulk": bulk}
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("The enqueuer has no pipes.")
        print(json.dumps(wanted), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """One job."""
        self._ask(number, 1, wait_ms, bulk=False)

    def enqueue_now(self, number: int) -> int:
        """By the enqueuer's clock, which is the same."""
        return self._ask(number, 1, 0, bulk=False)

    def enqueue_each(self, numbers: Sequence[int]) -> None:
        """In a loop of the enqueuer's."""
        self._ask(numbers[0], len(numbers), 0, bulk=False)

    def enqueue_many(self, numbers: Sequence[int], wait_ms: int = 0, kind: str = "noop") -> None:
        """A thousand with each call."""
        self._ask(numbers[0], len(numbers), wait_ms, bulk=True)

"""The job that every system is given: it notes that it ran, and waits where it is told to.

The note is one line of fixed length in a file that outlives a killed process, so the length of the file is the number
of runs, and its lines tell afterwards what was lost, what ran twice and how long each took to be picked up.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

RECORD = "BENCH_RECORD"  # the variable that names the file
LINE_LENGTH = 30  # 8 digits of the number, a blank, 20 digits of the moment, a line end
PADDING = "x" * 440  # with number, wait and the words of a message: a payload of 500 bytes

_file: int | None = None
_owner = 0


def note(number: int) -> None:
    """Write down that this job runs now. In one write: lines of several processes do not mix."""
    global _file, _owner
    if _file is None or _owner != os.getpid():
        _file, _owner = os.open(os.environ[RECORD], os.O_WRONLY | os.O_APPEND | os.O_CREAT), os.getpid()
    os.write(_file, b"%08d %020d\n" % (number, time.monotonic_ns()))


def work(number: int, wait_ms: int, padding: str) -> None:
    """The job as a plain function."""
    note(number)
    if wait_ms:
        time.sleep(wait_ms / 1000)


class Record:
    """The file with the notes of one measurement."""

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self.path = path

    def count(self) -> int:
        """How many runs there were so far."""
        return self.path.stat().st_size // LINE_LENGTH if self.path.exists() else 0

    def runs(self) -> list[tuple[int, int]]:
        """Number and moment (ns of the monotonic clock) of each run."""
        text = self.path.read_text() if self.path.exists() else ""
        return [(int(line[:8]), int(line[9:])) for line in text.splitlines()]

    def lost_and_doubled(self, expected: int) -> tuple[int, int]:
        """How many of the jobs 0 to `expected` never ran, and how many ran more than once."""
        times = Counter(number for number, _ in self.runs())
        return expected - len(times), sum(1 for seen in times.values() if seen > 1)

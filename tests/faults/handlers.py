"""A service of generic tasks that writes down what it did, line by line, in a file that outlives a killed process."""

from __future__ import annotations

import asyncio
import os

from syncqueue.core.task import ClaimedTask
from syncqueue.handlers.base import SyncHandler

# Long enough that a kill finds attempts under way, short enough for a thousand of them.
WORK_SECONDS = 0.05


class Writer(SyncHandler):
    """Writes "began <task>" and "ended <task>" into the file WRITER_FILE."""

    async def process(self, task: ClaimedTask) -> None:
        """Work a little between the two lines."""
        _write(f"began {task.task.entity}\n")
        await asyncio.sleep(WORK_SECONDS)
        _write(f"ended {task.task.entity}\n")


def _write(line: str) -> None:
    # In one write and to the end: lines of several processes do not mix.
    file = os.open(os.environ["WRITER_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)

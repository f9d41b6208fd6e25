"""Services of generic tasks that write down what they did, line by line, in a file that outlives a killed process."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from typing import NoReturn

from syncqueue.core.task import ClaimedTask
from syncqueue.handlers.base import SyncHandler

# Long enough that a kill finds attempts under way, short enough for a thousand of them.
WORK_SECONDS = 0.05
EXIT_CODE = 9
EATEN_MB = 200

_eaten: list[bytes] = []


class Writer(SyncHandler):
    """Writes "began <task>" and "ended <task>" into the file WRITER_FILE."""

    async def process(self, task: ClaimedTask) -> None:
        """Work a little between the two lines."""
        _write(f"began {task.task.entity}\n")
        await asyncio.sleep(WORK_SECONDS)
        _write(f"ended {task.task.entity}\n")


class Wild(SyncHandler):
    """Does what no handler should; the task's action says what. Writes the lines of `Writer`."""

    async def process(self, task: ClaimedTask) -> None:
        """Misbehave between the two lines."""
        _write(f"began {task.task.entity}\n")
        match task.task.action:
            case "block-once" if _began(task.task.entity) == 1:
                _block()
            case "hold-lock-once" if _began(task.task.entity) == 1:
                re.match("(a|a)*b", "a" * 60)  # for years, and no thread gets a turn
            case "hang":
                await asyncio.Event().wait()
            case "exit":
                os._exit(EXIT_CODE)
            case "eat":
                _eaten.append(os.urandom(EATEN_MB * 1024 * 1024))
        _write(f"ended {task.task.entity}\n")


class Stuck(SyncHandler):
    """A plain function that never returns."""

    def process(self, task: ClaimedTask) -> None:  # type: ignore[override]
        """Wait for nothing."""
        _write(f"began {task.task.entity}\n")
        threading.Event().wait()


def _block() -> NoReturn:
    """Keep the event loop: nothing else in this process gets a turn."""
    while True:
        time.sleep(1)


def _began(entity: str) -> int:
    with open(os.environ["WRITER_FILE"]) as file:
        return file.read().split("\n").count(f"began {entity}")


def _write(line: str) -> None:
    # In one write and to the end: lines of several processes do not mix.
    file = os.open(os.environ["WRITER_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)

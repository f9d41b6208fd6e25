"""syncqueue."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import django

from bench.jobs import PADDING
from bench.systems.base import Base

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

SERVICES = {"threads": "threads", "default": "defaults"}  # the others: "noop"


class System(Base):
    """Through the public queue, by `runsyncworker`."""

    name = "syncqueue"
    package = "django-syncqueue"
    notes = "lease and token for each task, acked by script"
    share = 10
    default = "20 at once"
    extra = ("io_500", "threads")

    def __init__(self) -> None:
        """Set Django up and make the tables."""
        django.setup()
        from django.core.management import call_command

        from syncqueue.core.task import SyncTask

        call_command("migrate", verbosity=0, run_syncdb=True)
        self._task = SyncTask

    def worker(self, kind: str, concurrency: int) -> list[str]:
        """The command of the docs, for one service."""
        command = [sys.executable, "manage.py", "runsyncworker"]
        if kind == "all":
            return command
        command += ["--service", SERVICES.get(kind, "noop")]
        return command if kind == "default" else [*command, "--concurrency", str(concurrency)]

    def _make(self, number: int, wait_ms: int, kind: str) -> Any:
        service = SERVICES.get(kind, "noop")
        payload = {"number": number, "wait_ms": wait_ms, "padding": PADDING}
        return self._task(service=service, action="work", entity="job", payload=payload)

    @cache  # noqa: B019 (one system lives as long as the process)
    def _queue(self, kind: str) -> Any:
        from syncqueue import get_queue

        return get_queue(SERVICES.get(kind, "noop"))

    def enqueue(self, number: int, wait_ms: int = 0, kind: str = "noop") -> None:
        """One call of a script."""
        self._queue(kind).enqueue(self._make(number, wait_ms, kind))

    def enqueue_many(self, numbers: Sequence[int], wait_ms: int = 0, kind: str = "noop") -> None:
        """In chunks."""
        made = (self._make(number, wait_ms, kind) for number in numbers)
        self._queue(kind).enqueue_many(made)

"""manage.py runsyncworker: processes the sync queues until it is stopped."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from syncqueue.conf import get_settings
from syncqueue.core.errors import ConfigurationError, QueueError
from syncqueue.worker.outage import database_away, silent
from syncqueue.worker.worker import Worker

# Time for the rest of the shutdown, after the time for attempts. Service managers allow 10 seconds (deploy/).
LATE_SECONDS = 5.0


class Command(BaseCommand):
    """Processes the queues of all services, or of the given ones."""

    help = "Processes the sync queues until it is stopped (SIGTERM or Ctrl-C)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--service", action="append", default=[], help="process only the queue of this service (repeatable)"
        )
        parser.add_argument("--concurrency", type=int, help="maximum concurrent attempts per service")
        parser.add_argument("--burst", action="store_true", help="exit when no task is left to claim")
        parser.add_argument(
            "--shutdown-timeout", type=float, help="seconds that running attempts may take after a stop signal"
        )
        parser.add_argument(
            "--max-rss-mb", type=float, help="exit cleanly above this memory use, so that a supervisor restarts it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker; raises `CommandError` (exit code 1) if it must not run."""
        if not get_settings().enabled:
            raise CommandError("SYNCQUEUE['ENABLED'] is False, so nothing is synced and a worker has nothing to do.")
        try:
            # All modules loaded so far stay loaded: the garbage collector need not scan Django's objects again.
            gc.freeze()
            asyncio.run(self._run(options))
        except (ConfigurationError, QueueError) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:  # with --burst; otherwise it is waited for
            raise CommandError(database_away(error)) from error

    async def _run(self, options: dict[str, Any]) -> None:
        def say(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        worker = Worker(
            options["service"],
            concurrency=options["concurrency"],
            burst=options["burst"],
            shutdown_seconds=options["shutdown_timeout"],
            max_rss_mb=options["max_rss_mb"],
            say=say if options["verbosity"] else silent,
            on_stop=_end_in_time,
        )
        await worker.run()
        if options["verbosity"]:
            say("Stopped.")
        if worker.left_count:
            # A plain function that never returns occupies a thread, and Python would wait for it at exit.
            _end_now()


def _end_in_time(seconds: float) -> None:
    """Exit after the time is over, even if Redis, a database or the thread of a handler hangs."""
    timer = threading.Timer(seconds + LATE_SECONDS, _end_now)
    timer.daemon = True
    timer.start()


def _end_now() -> None:
    """Exit without waiting for threads. Nothing is lost: the leases expire and their tasks are recovered."""
    sys.stdout.flush()
    logging.shutdown()
    os._exit(0)

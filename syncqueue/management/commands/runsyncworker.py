"""manage.py runsyncworker: empties the sync queues until it is stopped."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from syncqueue.conf import get_settings
from syncqueue.core.errors import ConfigurationError, ForeignQueue, QueueUnavailable, UnconfirmedEnvironment
from syncqueue.worker.worker import Worker


class Command(BaseCommand):
    """Works on the queues of some or all services."""

    help = "Works on the sync queues until it is stopped (SIGTERM or Ctrl-C)."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options."""
        parser.add_argument("--service", action="append", default=[], help="a service to work on (repeatable)")
        parser.add_argument("--concurrency", type=int, help="tasks of a service attempted at once")
        parser.add_argument("--burst", action="store_true", help="end when nothing is left to claim")
        parser.add_argument("--shutdown-timeout", type=float, help="seconds to let attempts end when stopped")
        parser.add_argument(
            "--max-rss-mb", type=float, help="end in order when holding more memory; let a supervisor start it anew"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the worker; exits 1 with words when it must not work."""
        if not get_settings().enabled:
            raise CommandError("SYNCQUEUE['ENABLED'] is False: nothing is synced, so there is nothing to work on.")
        try:
            # What is loaded by now stays: the collector need not walk through all of Django again and again.
            gc.freeze()
            asyncio.run(self._run(options))
        except (ConfigurationError, ForeignQueue, UnconfirmedEnvironment, QueueUnavailable) as error:
            raise CommandError(str(error)) from error

    async def _run(self, options: dict[str, Any]) -> None:
        worker = Worker(
            options["service"],
            concurrency=options["concurrency"],
            burst=options["burst"],
            shutdown_seconds=options["shutdown_timeout"],
            max_rss_mb=options["max_rss_mb"],
        )
        await worker.run()
        if worker.left_count:
            # A plain function that never returns holds a thread, and Python would wait for it at exit.
            logging.shutdown()
            os._exit(0)

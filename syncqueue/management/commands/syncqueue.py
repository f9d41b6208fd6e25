"""manage.py syncqueue: figures and operations of the queues, for people and scripts."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import Error as DatabaseError

from syncqueue.core.errors import SyncQueueError
from syncqueue.management.subcommands.adoption import Adopt
from syncqueue.management.subcommands.base import Subcommand
from syncqueue.management.subcommands.destinations import Mend
from syncqueue.management.subcommands.doctor import Doctor
from syncqueue.management.subcommands.failures import Failures
from syncqueue.management.subcommands.figures import Health, Stats
from syncqueue.management.subcommands.log import Log
from syncqueue.management.subcommands.moves import Clear, Pause, Recover, Resume, Retry
from syncqueue.management.subcommands.objects import AdoptQueue, Explain, Preview, Sync
from syncqueue.management.subcommands.resync import Resync
from syncqueue.management.subcommands.rotation import RotateSecrets
from syncqueue.management.subcommands.verify import Verify
from syncqueue.management.subcommands.workers import Workers
from syncqueue.presentation.reasons import in_words

SUBCOMMANDS: tuple[type[Subcommand], ...] = (
    Stats, Failures, Log, Retry, Clear, Recover, Pause, Resume, Doctor, Health, Workers, Mend, Explain, Preview, Sync,
    Resync, Verify, Adopt, AdoptQueue, RotateSecrets,
)  # fmt: skip

# Like those of `BaseCommand.create_parser`; --settings and --pythonpath take effect before the command starts.
_BASE_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--settings",), {}),
    (("--pythonpath",), {}),
    (("-v", "--verbosity"), {"type": int, "choices": [0, 1, 2, 3]}),
    (("--traceback",), {"action": "store_true"}),
    (("--no-color",), {"action": "store_true"}),
    (("--force-color",), {"action": "store_true"}),
    (("--skip-checks",), {"action": "store_true"}),
)


class Command(BaseCommand):
    """Runs one of the classes in management/subcommands/."""

    help = (
        "Inspects and operates the sync queues. Exit codes: 0 success; 1 a problem was found, or the operation was not "
        "confirmed; 2 the arguments are wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        words = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        for kind in SUBCOMMANDS:
            below = words.add_parser(kind.name, help=kind.help, description=kind.help)
            below.add_argument("--json", action="store_true", help="print JSON")
            self._add_base_options(below)
            kind(self.stderr).add_arguments(below)

    def _add_base_options(self, below: CommandParser) -> None:
        """Accept the options of Django after the subcommand too; missing ones keep the values from before it."""
        for names, more in _BASE_OPTIONS:
            below.add_argument(*names, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **more)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand; exit code 1 if it fails or finds a problem."""
        kind = next(kind for kind in SUBCOMMANDS if kind.name == options["subcommand"])
        try:
            answer = kind(self.stderr).run(options)
        except (SyncQueueError, DatabaseError) as error:
            raise CommandError(in_words(str(error))) from error
        if options["json"]:
            self.stdout.write(json.dumps(answer.data, cls=DjangoJSONEncoder, ensure_ascii=False))
        else:
            self.stdout.write(answer.text)
        if not answer.ok:
            raise SystemExit(1)

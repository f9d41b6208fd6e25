"""A site of its own for a test: a database file, a worker and web side as real processes, judged from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import redis

from project.sandbox.telegram.service import DEFAULT_TOKEN
from tests.faults.databases import SiteDatabase
from tests.faults.processes import REPOSITORY, Process

SCRIPT_SECONDS = 240.0
LEASE_SECONDS = 6
# Seconds by which a record is made older so that the reconciler looks at it at once.
OLD_SECONDS = 3600
ALL_EMPTY: dict[str, list[str]] = {"pending": [], "delayed": [], "processing": [], "failed": []}  # of Site.tasks()
CREATING = frozenset({"sendMessage", "sendDocument", "sendPhoto"})

FIGURES: dict[str, dict[str, Any]] = {
    "DESTINATIONS": {"news": {"SERVICE": "telegram", "ADDRESS": "@news", "SECRET": {"token": DEFAULT_TOKEN}}},
    "SYNCQUEUE_PROCESSING": {
        "LEASE_SECONDS": LEASE_SECONDS,
        "ATTEMPT_TIMEOUT_SECONDS": 4,
        "SHUTDOWN_SECONDS": 5,
        "RECOVERY_INTERVAL_SECONDS": 1,
        "RECONCILE_INTERVAL_SECONDS": 1,
    },
    "SYNCQUEUE_BREAKER": {"OPEN_SECONDS": 1},
    "SYNCQUEUE_TELEGRAM": {"BASE_DELAY_SECONDS": 1},
}
# A test that holds an answer back for some seconds needs attempts that last.
PATIENT = {
    "SYNCQUEUE_PROCESSING": FIGURES["SYNCQUEUE_PROCESSING"]
    | {"ATTEMPT_TIMEOUT_SECONDS": 12, "SHUTDOWN_SECONDS": 14, "LEASE_SECONDS": 16}
}
# Where a timeout would be an outcome of its own: a busy machine must not cause one, and the test not take long.
UNHURRIED = {
    "SYNCQUEUE_PROCESSING": FIGURES["SYNCQUEUE_PROCESSING"]
    | {"ATTEMPT_TIMEOUT_SECONDS": 8, "SHUTDOWN_SECONDS": 9, "LEASE_SECONDS": 10}
}
# Where an answer comes when the test says so.
ENDLESS = {
    "SYNCQUEUE_PROCESSING": FIGURES["SYNCQUEUE_PROCESSING"]
    | {"ATTEMPT_TIMEOUT_SECONDS": 240, "SHUTDOWN_SECONDS": 242, "LEASE_SECONDS": 244}
}


class Site:
    """One database, and the processes on it. Variables are JSON where they are no text."""

    def __init__(
        self, folder: Path, database: SiteDatabase, redis_url: str, telegram_url: str, **variables: Any
    ) -> None:
        """The folder is made where it is not there; the database's tables come with `migrate` or from a template."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.redis_url = redis_url
        self.database = database
        self.writer_file = folder / "writer"
        self._processes: list[Process | subprocess.Popen[str]] = []
        self._count = 0
        self.variables: dict[str, Any] = {
            **FIGURES,
            "ENV_FILE": "",
            "DEBUG": "1",
            "SECRET_KEY": "for-tests-only",
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "DATABASE_URL": database.url,
            "REDIS_URL": redis_url,
            "TELEGRAM_API_BASE_URL": telegram_url,
            "WRITER_FILE": str(self.writer_file),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            **variables,
        }

    # Processes

    def script(self, code: str, *, dies: bool = False, **variables: Any) -> Any:
        """Run a script on the web side to its end; what it gave to `answer`. `dies`: it must be killed by SIGKILL."""
        process = self.start(code, **variables)
        try:
            ended = process.wait(SCRIPT_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"The script did not end:\n{self.logs()}") from None
        expected = -signal.SIGKILL if dies else 0
        assert ended == expected, f"exit {ended}, expected {expected}:\n{self.logs()}"
        lines = process.output().strip().splitlines()
        return json.loads(lines[-1]) if lines and not dies else None

    def start(self, code: str, **variables: Any) -> Process:
        """Begin a script on the web side."""
        return self._start("from tests.faults.web import *\n" + textwrap.dedent(code), variables)

    def worker(self, *arguments: str, patch: str = "", **variables: Any) -> Process:
        """Start a worker; `patch` is run in it before."""
        if patch:
            return self.start(textwrap.dedent(patch) + "\ncall_command('runsyncworker')", **variables)
        return self._start(["runsyncworker", *arguments], variables)

    def manage(self, *arguments: str, **variables: Any) -> int:
        """Run a command of manage.py to its end; answers its exit code. What it says is in `logs`."""
        return self._start([*arguments], variables).wait(SCRIPT_SECONDS)

    def _start(self, code: str | list[str], variables: Mapping[str, Any]) -> Process:
        log = self._next_log()
        out = log.with_suffix(".out") if isinstance(code, str) else log
        process = Process(code, self._environment(variables), out, log)
        self._processes.append(process)
        return process

    def module(self, *arguments: str, **variables: Any) -> subprocess.Popen[str]:
        """Start `python -m ...`, by itself: servers fork and set up what a forked process has already."""
        with self._next_log().open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=REPOSITORY,
                env=self._environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )
        self._processes.append(process)
        return process

    def _environment(self, variables: Mapping[str, Any]) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if not name.startswith(("SYNCQUEUE_", "TELEGRAM_"))}
        texts = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in {**self.variables, **variables}.items()
        }
        return given | texts

    def _next_log(self) -> Path:
        self._count += 1
        return self.folder / f"{self._count:02}.log"

    def close(self) -> None:
        """End every process of this site, also one that stands still."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    # What can be seen from outside

    def logs(self) -> str:
        """What all processes have written so far."""
        return "\n".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the site's database, with a question mark for each value."""
        return self.database.sql(statement, *values)

    def states(self) -> list[str]:
        """The states of all records, oldest first."""
        return [row[0] for row in self.sql("SELECT state FROM syncqueue_syncrecord ORDER BY id")]

    def errors(self) -> list[str]:
        """The reasons of all records, oldest first."""
        return [row[0] for row in self.sql("SELECT error FROM syncqueue_syncrecord ORDER BY id")]

    def make_records_old(self) -> None:
        """As if the records had been waiting for an hour: the reconciler leaves young ones alone."""
        earlier = self.database.earlier("changed_at", OLD_SECONDS)
        self.sql(f"UPDATE syncqueue_syncrecord SET changed_at = {earlier}")  # noqa: S608 - our own words

    def tasks(self, service: str = "telegram") -> dict[str, list[str]]:
        """The ids of a service's tasks in Redis by state."""
        with redis.Redis.from_url(self.redis_url, decode_responses=True) as client:
            names = {"pending": "queue", "delayed": "delayed", "processing": "processing", "failed": "failed"}
            return {state: client.zrange(f"sync:{{{service}}}:{key}", 0, -1) for state, key in names.items()}

    def processed_count(self, service: str = "telegram") -> int:
        """How many tasks were done since Redis was last emptied, also those that found nothing to do."""
        with redis.Redis.from_url(self.redis_url, decode_responses=True) as client:
            return int(client.hget(f"sync:{{{service}}}:counters", "processed") or 0)

    def written(self, word: str) -> list[str]:
        """The tasks of the service `writer` that began or ended, in order, a line each time."""
        if not self.writer_file.exists():
            return []
        lines = self.writer_file.read_text().split("\n")[:-1]
        return [line.partition(" ")[2] for line in lines if line.startswith(word)]


def migrate(site: Site) -> None:
    """Make the site's tables and its one user."""
    site.script(
        """
        call_command("migrate", verbosity=0)
        from django.contrib.auth import get_user_model
        get_user_model().objects.create(pk=1, username="ann")
        """
    )

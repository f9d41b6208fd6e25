"""The processes of a site. They are forked from one that has imported what all of them need: most of a start's time."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_CONTEXT = multiprocessing.get_context("forkserver")
# What is imported must not depend on settings: each process has its own.
_CONTEXT.set_forkserver_preload(
    [
        "cryptography.fernet",
        "django.contrib.admin.sites",
        "django.core.management.commands.runserver",
        "django_redis.cache",
        "environ",
        "redis.asyncio",
        "telegram.ext",
        "tests.faults.processes",
        "whitenoise.middleware",
    ]
)


class Process:
    """A process with the methods of `subprocess.Popen` that the tests use."""

    def __init__(self, code: str | list[str], variables: Mapping[str, str], out: Path, log: Path) -> None:
        """Starts at once. `code`: Python source, or the arguments for manage.py."""
        self._out = out
        self._process = _CONTEXT.Process(target=_main, args=(code, dict(variables), out, log))
        self._process.start()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, when it has ended; raises `subprocess.TimeoutExpired` as `Popen` does."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired([str(self.pid)], timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended since
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power failure does."""
        self.send_signal(signal.SIGKILL)

    def output(self) -> str:
        """What it has written to its standard output so far; nothing before it runs."""
        return self._out.read_text() if self._out.exists() else ""


def _main(code: str | list[str], variables: dict[str, str], out: Path, log: Path) -> None:
    """The whole life of a process: as `python -c code` or `python manage.py ...` with these variables."""
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(REPOSITORY)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it runs in the background
    with open(os.devnull) as nothing, out.open("a") as output, log.open("a") as errors:
        for file, number in ((nothing, 0), (output, 1), (errors, 2)):
            os.dup2(file.fileno(), number)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    if isinstance(code, str):
        exec(compile(code, "<script>", "exec"), {"__name__": "__main__"})  # noqa: S102 - a test's own source
    else:
        sys.argv = ["manage.py", *code]
        runpy.run_path("manage.py", run_name="__main__")

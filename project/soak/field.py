"""The processes of a soak: Valkey, the sandbox, two web servers, two workers; each can be killed and paused."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import redis

from project.demo.child import Child, Output
from project.demo.plan import HOST, SERVICE_PORTS, CannotStart, Plan, is_free, make_plan
from project.demo.supervisor import MANAGE, sandbox_command, valkey_command, web_command

START_SECONDS = 60.0
STOP_SECONDS = 15.0
WEB_COUNT = 2
WORKER_COUNT = 2
# Below the ephemeral port range.
ROOM = 1 + max(SERVICE_PORTS.values())
PORTS = range(20_000, 30_000, ROOM)
_OWN_NAMES = ("SYNCQUEUE_", "TELEGRAM_", "DESTINATIONS", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "LANGUAGE_CODE")


def soak_plan(folder: Path) -> tuple[Plan, list[int]]:
    """Return a plan on free ports, without variables of services from the shell, and the ports of the web servers."""
    ports = _free_ports(WEB_COUNT + 2)
    given = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_NAMES)}
    given |= {"ENV_FILE": "", "DEMO_PORT": str(ports[0]), "SANDBOX_PORT": str(ports[-2])}
    # At a lower level, failed attempts would fill the screen.
    given |= {"DEMO_REDIS_PORT": str(ports[-1]), "LOG_LEVEL": "ERROR"}
    return make_plan(given, folder), ports[:WEB_COUNT]


def _free_ports(count: int) -> list[int]:
    while True:
        ports = random.SystemRandom().sample(PORTS, count)
        # The sandbox uses the ports after its own.
        if all(is_free(port + more) for port in ports for more in range(ROOM)):
            return ports


class Field:
    """All processes. `with Field(...) as field:` starts them, and ends them even after an exception."""

    def __init__(self, plan: Plan, web_ports: list[int], output: Output) -> None:
        self.plan = plan
        self.log_file = plan.folder / "requests.jsonl"
        self.web_urls = [f"http://{HOST}:{port}" for port in web_ports]
        self._output = output
        self.valkey = self._child("valkey", valkey_command(plan))
        self.sandbox = self._child("sandbox", [*sandbox_command(plan), "--log", str(self.log_file)])
        self.webs = [self._child(f"web{n}", _web(plan, port)) for n, port in enumerate(web_ports, 1)]
        self.workers = [self._child(f"worker{n}", [*MANAGE, "runsyncworker"]) for n in range(1, WORKER_COUNT + 1)]

    def __enter__(self) -> Self:
        with ExitStack() as undo:  # stops the started processes if another one does not start
            undo.callback(self.close)
            self._start_all()
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def sandbox_url(self) -> str:
        return str(self.plan.sandbox_url)

    @property
    def database(self) -> Path:
        return self.plan.folder / "demo.sqlite3"

    def _start_all(self) -> None:
        (self.plan.folder / "valkey").mkdir(parents=True)
        self.start(self.valkey)
        for command in ("migrate", "demousers"):
            child = self._child(command, [*MANAGE, command, "--verbosity", "0"])
            child.start()
            if code := child.wait():
                raise CannotStart(f"`manage.py {command}` ended with exit code {code}.")
        self.start(self.sandbox)
        for child in (*self.webs, *self.workers):
            self.start(child)

    def start(self, child: Child) -> None:
        """Start a process and wait until it responds."""
        child.start()
        answers = self._answers(child)
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if not child.is_running or time.monotonic() > deadline:
                raise CannotStart(f"{child.name} does not respond (exit code {child.exit_code}).")
            time.sleep(0.05)

    def kill(self, child: Child) -> None:
        """Send SIGKILL to the process and its children."""
        self._signal(child, signal.SIGKILL)
        child.kill()

    def pause(self, child: Child) -> None:
        """Send SIGSTOP to the process and its children."""
        self._signal(child, signal.SIGSTOP)

    def resume(self, child: Child) -> None:
        """Send SIGCONT to the process and its children."""
        self._signal(child, signal.SIGCONT)

    def empty_redis(self) -> None:
        """Delete everything in Redis."""
        with redis.Redis.from_url(self.plan.redis_url) as client:
            client.flushall()

    def close(self) -> None:
        for child in (*self.webs, *self.workers, self.sandbox, self.valkey):
            if child.is_running:
                self.resume(child)
                child.stop(STOP_SECONDS)

    def _signal(self, child: Child, number: signal.Signals) -> None:
        # Each child leads its own session, so its group contains its children (the workers of gunicorn).
        if child.pid is not None and child.is_running:
            os.killpg(child.pid, number)

    def _child(self, name: str, command: list[str]) -> Child:
        return Child(name, command, self.plan.environment, self._output)

    def _answers(self, child: Child) -> Callable[[], bool]:
        if child is self.valkey:
            return self._redis_answers
        if child is self.sandbox:
            return lambda: _http_answers(f"{self.sandbox_url}/state.json")
        if child in self.webs:
            return lambda: _http_answers(f"{self.web_urls[self.webs.index(child)]}/login/")
        return lambda: True

    def _redis_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.plan.redis_url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.ConnectionError:  # also while it still loads its file
            return False


def _web(plan: Plan, port: int) -> list[str]:
    command = web_command(plan)
    command[command.index("--bind") + 1] = f"{HOST}:{port}"
    return command


def _http_answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False

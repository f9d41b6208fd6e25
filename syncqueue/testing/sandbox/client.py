"""The client of a running sandbox, for tests: its control API as methods, and its process if it has one."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

START_SECONDS = 120.0  # a busy machine takes long to import the web server
CALL_SECONDS = 60.0
STOP_SECONDS = 30.0


class SandboxRefused(Exception):
    """The control port refused a call; the message is its reason."""


class RunningSandbox:
    """A running sandbox, by its URLs: `{"control": "http://127.0.0.1:8020", "shelf": "http://127.0.0.1:8021"}`."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        """`urls`: the URLs of the control port and of each service."""
        self.urls = dict(urls)
        self.control_url = self.urls["control"]
        self._opener = build_opener(ProxyHandler({}))  # ignore the proxy settings of the machine

    def set_mode(self, service: str, mode: str, **params: Any) -> None:
        """Set the mode of a service. Returns when its port is open or closed accordingly."""
        self.call(f"/services/{service}/mode", {"mode": mode, **params})

    def plan_answers(self, service: str, *answers: str | dict[str, Any]) -> None:
        """Apply these modes to the next requests, one each: `"hang"` or `{"mode": "limited", "retry_after": 1}`."""
        self.call(f"/services/{service}/plan", list(answers))

    def state(self) -> dict[str, Any]:
        """Return everything that a visitor of the services could see."""
        state: dict[str, Any] = self.call("/state.json")
        return state

    def log(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the requests with a number above `after`, oldest first."""
        entries: list[dict[str, Any]] = self.call(f"/log.json?after={after}")
        return entries

    def set_options(self, service: str, **options: Any) -> None:
        """Change the behaviour of a service until the next reset: `idempotency=False`, `delete_limit=2`."""
        self.call(f"/services/{service}/options", options)

    def reset(self) -> None:
        """Restore the initial data, log, plans and modes. Ids and log numbers keep increasing."""
        self.call("/reset", {})

    def call(self, path: str, body: Any = None) -> Any:
        """Call the control API (POST with a body, else GET) and return its JSON; raises `SandboxRefused`."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.control_url + path, data, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with self._opener.open(request, timeout=CALL_SECONDS) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise SandboxRefused(f"{path}: {error.code} {error.read().decode()}") from error


@contextmanager
def running_process(
    command: Sequence[str], folder: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start a sandbox by its command line in a separate process, and always stop it; yields process and URLs.

    The sandbox prints its URLs as a line of JSON when its ports are open, and exits when its standard input is
    closed. `folder`: its working directory.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(  # noqa: S603 - a module of the caller's
            list(command),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield process, _urls(process, errors)
        finally:
            stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """Send SIGTERM, then SIGKILL; afterwards the process has ended and its pipes are closed."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _urls(process: subprocess.Popen[str], errors: IO[str]) -> dict[str, str]:
    """Read the line that a sandbox prints when its ports are open; a stuck process is killed."""
    deadline = threading.Timer(START_SECONDS, process.kill)
    deadline.start()
    try:
        line = process.stdout.readline() if process.stdout else ""
    finally:
        deadline.cancel()
    if not line:
        process.wait()
        errors.seek(0)
        raise RuntimeError(f"The sandbox did not start (exit {process.returncode}): {errors.read()}")
    urls: dict[str, str] = json.loads(line)
    return urls

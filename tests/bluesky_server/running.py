"""Starts the reference server for a test run. `make pytest-bluesky` installs it."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

from project.sandbox.bluesky.service import DEFAULT_ACCOUNTS
from project.sandbox.testing import stop
from tests.loopback import closed_port

HERE = Path(__file__).parent
START_SECONDS = 180.0  # a busy machine's reading of six hundred packages


@contextmanager
def running_bluesky_server(node: str, packages: Path) -> Iterator[str]:
    """The URL of a server with the accounts of the sandbox. `packages`: the folder with node_modules."""
    port, directory_port = closed_port(), closed_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+") as errors,
        # Beside the packages: modules are looked for from where the file is. Each test process has a copy of its own,
        # because a server that starts must not read one that is being written.
        tempfile.TemporaryDirectory(dir=packages) as beside,
    ):
        program = Path(beside) / "server.mjs"
        program.write_text((HERE / "server.mjs").read_text(encoding="utf-8"), encoding="utf-8")
        variables = {"PDS_PORT": str(port), "DIRECTORY_PORT": str(directory_port), "DATA_FOLDER": folder}
        process = subprocess.Popen(
            [node, str(program)],
            env={**os.environ, **variables, "LOG_ENABLED": "false"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            _wait_until_ready(process)
            url = f"http://127.0.0.1:{port}"
            for number, account in enumerate(DEFAULT_ACCOUNTS):
                _make_account(url, account.handle, account.password, f"person{number}@example.org")
            yield url
        finally:
            stop(process)


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    deadline = threading.Timer(START_SECONDS, process.kill)
    deadline.start()
    try:
        for line in process.stdout or ():
            if line.strip() == "ready":
                return
    finally:
        deadline.cancel()
    raise RuntimeError(f"The server of make pytest-bluesky did not start (exit {process.wait()}).")


def _make_account(url: str, handle: str, password: str, email: str) -> None:
    body = json.dumps({"handle": handle, "password": password, "email": email}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{url}/xrpc/com.atproto.server.createAccount", body, headers)  # noqa: S310 - on this machine
    with build_opener(ProxyHandler({})).open(request, timeout=60):
        pass

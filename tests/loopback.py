"""Hosts on this machine that answer, refuse, or swallow connections, and a resolver that knows them by name."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

CHAT = {"id": -1001234567890, "type": "channel", "title": "News", "username": "news"}
MESSAGE = {"ok": True, "result": {"message_id": 41, "date": 0, "chat": CHAT, "text": "x"}}


class Host(ThreadingHTTPServer):
    """Answers every request with `status` and `body`, once `ready` is set."""

    request_queue_size = 256  # of connections that nobody has accepted yet

    daemon_threads = True

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address, _Answer)
        self.status, self.body = 200, json.dumps(MESSAGE)
        self.headers: dict[str, str] = {}  # further ones of each answer
        self.ready = threading.Event()
        self.ready.set()
        self.peers: list[Any] = []  # the connection of each request

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is what some tests are about."""


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.peers.append(self.client_address)
        self.server.ready.wait()
        body = self.server.body.encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving() -> Iterator[Host]:
    """A host that answers."""
    with Host() as host:
        thread = threading.Thread(target=host.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield host
        finally:
            host.ready.set()
            host.shutdown()
            thread.join()


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def black_hole(port: int = 0) -> Iterator[tuple[str, int]]:
    """An address and port whose connection attempts get no answer at all: the queue of its listener is full.

    Over IPv6; on a machine without it another address of IPv4, where the story is the same.
    """
    address = _free_loopback()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket(family))
        listener.bind((address, port))
        listener.listen(0)
        target = listener.getsockname()[:2]
        while True:
            filler = held.enter_context(socket.socket(family))
            filler.settimeout(0.2)
            try:
                filler.connect(target)
            except TimeoutError:
                break
        yield target


def _free_loopback() -> str:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return "127.0.0.2"
    return "::1"


class Resolver:
    """Stands in for getaddrinfo: knows the names it was given; every other name is unknown."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.families: list[int] = []  # asked for

    def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.names and not name[:1].isdigit():
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name in self.names:
            self.families.append(family)
        found = []
        for address in self.names.get(name, [name]):
            kind = socket.AF_INET6 if ":" in address else socket.AF_INET
            if family in (0, kind):
                target = (address, port or 0, 0, 0) if kind == socket.AF_INET6 else (address, port or 0)
                found.append((kind, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", target))
        return found


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """The machine's resolver, replaced."""
    found = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", found.getaddrinfo)
    return found

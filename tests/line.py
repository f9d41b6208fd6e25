"""The line between a client and a server, which a test may slow down, cut, silence, or let lose answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK = 65536


class Line:
    """A proxy on a free loopback port to one server on this machine."""

    def __init__(self, port: int) -> None:
        """`port`: the server's."""
        self.delay_seconds = 0.0  # of each answer
        self.losing = 0  # so many further answers are lost, each with its connection
        self.silent = False  # nothing passes in either direction, and nobody is told (half-open)
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._closed = False
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where clients connect."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Database 0 by this line."""
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        """Break off all connections; new ones are taken."""
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def close(self) -> None:
        """End."""
        self._listener.close()
        with self._lock:
            self._closed = True
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            if not self._join(client):
                client.close()

    def _join(self, client: socket.socket) -> bool:
        """Let it talk to the server; False where the server or the line is gone."""
        try:
            server = socket.create_connection(("127.0.0.1", self._to))
        except OSError:
            return False
        with self._lock:
            if self._closed:
                server.close()
                return False
            self._open |= {client, server}
        for source, target, answers in ((client, server, False), (server, client, True)):
            threading.Thread(target=self._pump, args=(source, target, answers), daemon=True).start()
        return True

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if answers and self._loses():
                    break
                if answers and self.delay_seconds:
                    time.sleep(self.delay_seconds)
                if not self.silent:
                    target.sendall(data)
        for connection in (source, target):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _loses(self) -> bool:
        with self._lock:
            if self.losing <= 0:
                return False
            self.losing -= 1
            return True


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to a server of this machine."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()

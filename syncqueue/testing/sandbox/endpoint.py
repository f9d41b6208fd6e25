"""A listening port that can be closed and opened again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol


class PortTaken(Exception):
    """The port is in use; the message names it and says what to do."""


class _Protocol(H11Protocol):
    """Passes the transport of the connection to the app, in ``scope["state"]["transport"]``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    """One of several servers in a process; it does not handle signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Endpoint:
    """An ASGI app on a host and port.

    While it is closed, the port stays bound to a socket that does not listen: connections are refused, and no other
    process can take the port.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, option: str) -> None:
        self._app = app
        self._socket = _bound(host, port, option)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._option = option
        self._server: _Server | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def is_open(self) -> bool:
        return self._server is not None

    async def open(self) -> None:
        """Start to listen; does nothing if it is open. Raises `PortTaken`."""
        if self._server is not None:
            return
        try:
            self._socket.listen(1024)
        except OSError as error:  # on Linux two sockets can bind, but only one can listen
            raise _port_taken(self.host, self.port, self._option, error) from error
        server = _Server(_config(self._app))
        self._server, self._running = server, asyncio.create_task(server.serve(sockets=[self._socket]))
        while not server.started and not self._running.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        if self._running.done():
            await self._running  # raises the error that prevented the start

    async def close(self) -> None:
        """Close the listening socket and every connection, including those with unfinished responses."""
        if self._server is None or self._running is None:
            return
        server, running, self._server, self._running = self._server, self._running, None, None
        for listener in server.servers:
            listener.close()
        self._socket.close()
        self._socket = _bound(self.host, self.port, self._option)
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        server.should_exit = True
        await running

    def release(self) -> None:
        """Release the port permanently."""
        self._socket.close()


def reset_connection(transport: asyncio.Transport) -> None:
    """End a connection with a TCP reset, as when a machine or a proxy fails in the middle."""
    linger_off = struct.pack("ii", 1, 0)  # on, 0 seconds: close() sends RST instead of FIN
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_off)
    transport.abort()


def _config(app: ASGIApp) -> uvicorn.Config:
    settings: dict[str, Any] = {
        "http": _Protocol,
        "ws": "none",
        "lifespan": "off",
        "log_config": None,  # the access log would contain the token, which is part of the paths of the Bot API
        "access_log": False,
        "server_header": False,
        "timeout_keep_alive": 60,
        "timeout_graceful_shutdown": 1,
    }
    return uvicorn.Config(app, **settings)


def _bound(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections in TIME_WAIT don't count
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _port_taken(host, port, option, error) from error
    return bound


def _port_taken(host: str, port: int, option: str, error: OSError) -> PortTaken:
    return PortTaken(
        f"Cannot listen on {host} port {port} ({error.strerror}). Stop the program that uses it, "
        f"or choose another port with {option} N ({option} 0 takes any free one)."
    )

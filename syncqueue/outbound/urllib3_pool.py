"""Connections of urllib3, and of the libraries that use it, by the rules of connect.py."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, ClassVar, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from syncqueue.outbound.connect import CannotConnect, Outbound, connect


def pool_manager(outbound: Outbound, **options: Any) -> urllib3.PoolManager:
    """Return a pool manager with urllib3's own `options`; it uses no proxy."""
    manager = urllib3.PoolManager(**options)
    manager.pool_classes_by_scheme = {
        "http": _pool_class(HTTPConnectionPool, HTTPConnection, outbound),
        "https": _pool_class(HTTPSConnectionPool, HTTPSConnection, outbound),
    }
    return manager


def _pool_class(pool: type[HTTPConnectionPool], connection: type[HTTPConnection], outbound: Outbound) -> Any:
    made = type(connection.__name__, (_Connection, connection), {"outbound": outbound})
    return type(pool.__name__, (pool,), {"ConnectionCls": made})


class TimeCap:
    """Shuts down the connections that this thread uses inside the block when the time is over.

    A read timeout limits each single read; a host that sends a byte now and then would never reach it.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds`: the limit of the whole block."""
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def watch(self, connection: socket.socket) -> None:
        """Shut down this connection too when the time is over."""
        self._sockets.append(connection)
        if self.is_over:
            self._end()

    def _end(self) -> None:
        self.is_over = True
        for connection in list(self._sockets):
            with contextlib.suppress(OSError):  # already closed
                # SSLSocket.shutdown would change state that the reading thread is using.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        """Start the timer."""
        self._token = _TIME_CAP.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the timer; the connections stay open."""
        self._timer.cancel()
        _TIME_CAP.reset(self._token)


_TIME_CAP: ContextVar[TimeCap | None] = ContextVar("syncqueue_time_cap", default=None)


class _Connection(HTTPConnection):
    """Mixed into urllib3's connection classes: replaces how they connect and nothing else."""

    outbound: ClassVar[Outbound]

    def _new_conn(self) -> socket.socket:
        limit = self.outbound.connect_timeout_seconds
        seconds = min(self.timeout, limit) if isinstance(self.timeout, int | float) else limit
        found = connect(self._dns_host.strip("[]"), self.port, replace(self.outbound, connect_timeout_seconds=seconds))
        for option in self.socket_options or ():
            found.setsockopt(*option)
        found.settimeout(seconds)  # for a TLS handshake; urllib3 sets the one for reading
        return found

    def connect(self) -> None:
        """Connect, TLS included; nothing was sent if this fails."""
        try:
            super().connect()
        except CannotConnect as error:
            raise NewConnectionError(self, str(error)) from error
        except OSError as error:  # from the TLS handshake
            failure = CannotConnect(f"{self.host}:{self.port}: {error or type(error).__name__}")
            failure.__cause__ = error
            raise NewConnectionError(self, str(failure)) from failure
        self._watch()

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request; the connection may be a reused one."""
        self._watch()
        super().request(*args, **kwargs)

    def _watch(self) -> None:
        cap = _TIME_CAP.get()
        if cap is not None and self.sock is not None:
            cap.watch(self.sock)

"""Connections of httpx by the rules of connect.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from syncqueue.outbound.connect import CannotConnect, Outbound, Target, check_peer, first_to_connect


@cache
def _ssl_context() -> SSLContext:
    """Return the context, created once per process: reading the certificates would slow down each attempt."""
    return httpx.create_ssl_context()


def transport(outbound: Outbound, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
    """Return a transport for an `httpx.AsyncClient` with `trust_env=False`; it uses no proxy."""
    return _Transport(outbound, limits)


class _Transport(httpx.AsyncHTTPTransport):
    """The transport of httpx with a pool that has our network backend: httpx has no argument for that."""

    def __init__(self, outbound: Outbound, limits: httpx.Limits) -> None:
        super().__init__(limits=limits)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Backend(outbound),
        )


class _Backend(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses; the host name stays in use for TLS and the Host header."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection; raises httpcore's exceptions."""
        seconds = min(timeout or self._outbound.connect_timeout_seconds, self._outbound.connect_timeout_seconds)
        outbound = replace(self._outbound, connect_timeout_seconds=seconds)

        async def open_one(target: Target) -> httpcore.AsyncNetworkStream:
            try:
                # An address, not a name, so it is not resolved again.
                return await self._inner.connect_tcp(target.address, port, None, local_address, socket_options)
            except httpcore.ConnectError as error:
                raise OSError(str(error)) from error

        try:
            stream = await first_to_connect(host, port, outbound, open_one, _close)
            await _check(stream, host, port, outbound)
        except CannotConnect as error:
            kind = httpcore.ConnectTimeout if isinstance(error.__cause__, TimeoutError) else httpcore.ConnectError
            raise kind(str(error)) from error
        return stream

    async def sleep(self, seconds: float) -> None:
        """Wait between the attempts of a pool that makes several."""
        await self._inner.sleep(seconds)


async def _check(stream: httpcore.AsyncNetworkStream, host: str, port: int, outbound: Outbound) -> None:
    try:
        check_peer(host, port, stream.get_extra_info("server_addr")[0], outbound)
    except CannotConnect:
        await stream.aclose()
        raise


async def _close(stream: httpcore.AsyncNetworkStream) -> None:
    await stream.aclose()

"""Connections of aiohttp by the rules of connect.py."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from syncqueue.outbound.connect import CannotConnect, Outbound, check_peer, targets_of


def connector(outbound: Outbound, *, keepalive_seconds: float) -> aiohttp.TCPConnector:
    """Return a connector for an `aiohttp.ClientSession` with `trust_env=False`; create it on the loop that uses it.

    It opens as many connections as there are requests: a limit here would make requests to other hosts wait, and look
    like a host that cannot be reached.
    """
    return _Connector(outbound, keepalive_seconds)


class _Connector(aiohttp.TCPConnector):
    """Races IPv6 and IPv4 by itself; the addresses are those of the resolver."""

    def __init__(self, outbound: Outbound, keepalive_seconds: float) -> None:
        super().__init__(
            resolver=_Resolver(outbound),
            use_dns_cache=False,
            ssl=ssl.create_default_context(cafile=certifi.where()),
            keepalive_timeout=keepalive_seconds,
            limit=0,
        )
        self._outbound = outbound

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        """Return a connection to an allowed address; raises `CannotConnect`."""
        host, port = req.url.raw_host or "", req.port or 0
        _check_literal(host, port, self._outbound)
        try:
            connection = await super().connect(req, traces, timeout)
        except (aiohttp.ClientConnectorError, TimeoutError) as error:
            raise CannotConnect(f"{host}:{port} cannot be connected to: {error or type(error).__name__}") from error
        peer = connection.transport and connection.transport.get_extra_info("peername")
        try:
            if peer:
                check_peer(host, port, peer[0], self._outbound)
        except CannotConnect:
            connection.close()
            raise
        return connection


class _Resolver(AbstractResolver):
    """Resolves a host to its allowed addresses."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses, IPv6 and IPv4 alternating; raises `OSError`."""
        try:
            targets = await targets_of(host, port, self._outbound)
        except UnicodeError as error:  # a name that IDNA rejects
            raise CannotConnect(f"{host} is no name of a host: {error}") from error
        return [
            ResolveResult(
                hostname=host,
                host=target.address,
                port=port,
                family=target.family,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for target in targets
        ]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _check_literal(host: str, port: int, outbound: Outbound) -> None:
    """Check a host that is written as an address: aiohttp does not ask the resolver for it."""
    try:
        address = ip_address(host)
    except ValueError:
        return
    if outbound.force_ipv4 and address.version == 6:
        raise CannotConnect(f"{host}:{port} is an IPv6 address, and FORCE_IPV4 is set.")
    check_peer(host, port, host, outbound)

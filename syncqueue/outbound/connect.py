"""Outgoing connections. IPv4 and IPv6 race; hosts that users name are reached at public addresses only.

A name is resolved once, its addresses are checked, and the connection goes to exactly those addresses, which defeats
DNS rebinding. Adapters for client libraries: urllib3_pool.py, requests_adapter.py, httpx_transport.py.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, TypeVar

from syncqueue.core.errors import HandlerError
from syncqueue.outbound.addresses import is_public, normal
from syncqueue.outbound.happy_eyeballs import race

T = TypeVar("T")
logger = logging.getLogger("syncqueue.outbound")

CONNECT_TIMEOUT_SECONDS = 5.0  # a healthy route responds within a second


class CannotConnect(OSError):
    """The connection could not be established, so nothing was sent."""


class ForbiddenAddress(CannotConnect):
    """The host has no public address, and the settings do not allow it."""

    def __init__(self, host: str, address: str) -> None:
        """`address`: the address that the host name resolves to. Users read the message, so only the log names it."""
        logger.warning("%s is %s, which is not a public address; nothing was sent there", host, address)
        super().__init__(
            f"{host} has no public address, so it is not called. To allow it, an administrator adds it with its port "
            "to SYNCQUEUE['ALLOWED_PRIVATE_HOSTS']; the log names the address."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One address of a host."""

    family: int
    address: str
    socket_address: tuple[Any, ...]  # the argument of socket.connect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """Rules for the connections of one handler."""

    force_ipv4: bool = False
    public_only: bool = False  # for hosts that users name: public addresses only
    allowed_private_hosts: tuple[str, ...] = ()  # exempt from public_only: names, addresses, or "host:port"
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS  # for name resolution and all addresses together

    @property
    def family(self) -> socket.AddressFamily:
        """The address family to resolve."""
        return socket.AF_INET if self.force_ipv4 else socket.AF_UNSPEC

    def is_allowed_private(self, host: str, port: int) -> bool:
        """Return whether the settings name the host: it may have a private address and may do without TLS."""
        name = normal(host)
        wanted = {name, f"{name}:{port}", f"[{name}]:{port}"}
        return any(entry.strip().lower() in wanted or normal(entry) in wanted for entry in self.allowed_private_hosts)

    def may_reach(self, host: str, port: int, address: str) -> bool:
        """Return whether connections to `address`, to which `host` resolves, are allowed."""
        return not self.public_only or is_public(address) or self.is_allowed_private(host, port)


def connect(host: str, port: int, outbound: Outbound) -> socket.socket:
    """Return a connected, blocking socket within `connect_timeout_seconds`; raises `CannotConnect`.

    Blocks the thread: do not call it on an event loop.
    """
    # The race is written once, as a coroutine; this event loop exists only for the race.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(connect_async(host, port, outbound))
    finally:
        loop.close()


async def connect_async(host: str, port: int, outbound: Outbound) -> socket.socket:
    """Do the same as `connect` on an event loop."""
    connection = await first_to_connect(host, port, outbound, _open, _close)
    try:
        check_peer(host, port, connection.getpeername()[0], outbound)
    except OSError:
        connection.close()
        raise
    connection.setblocking(True)
    return connection


def check_peer(host: str, port: int, address: str, outbound: Outbound) -> None:
    """Check the address of an established connection; raises `ForbiddenAddress`."""
    if not outbound.may_reach(host, port, address):
        raise ForbiddenAddress(host, address)


async def first_to_connect(
    host: str,
    port: int,
    outbound: Outbound,
    open_one: Callable[[Target], Awaitable[T]],
    close_one: Callable[[T], Awaitable[None]],
) -> T:
    """Return the result of `open_one` for the first address that connects; `close_one` closes the losers.

    Takes at most `connect_timeout_seconds`; raises `CannotConnect`, with the reason as its cause.
    """
    try:
        async with asyncio.timeout(outbound.connect_timeout_seconds):
            return await race(await targets_of(host, port, outbound), open_one, close_one)
    except ForbiddenAddress:
        raise
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError; UnicodeError: a name that IDNA rejects
        raise CannotConnect(f"{host}:{port} cannot be connected to: {error or type(error).__name__}") from error


async def targets_of(host: str, port: int, outbound: Outbound) -> list[Target]:
    """Return the allowed addresses of a host, IPv6 and IPv4 alternating; raises `OSError`, `UnicodeError`."""
    found = await asyncio.wrap_future(_look_up(host, port, outbound.family))
    targets = [
        Target(family=family, address=str(address[0]), socket_address=address)
        for family, _, _, _, address in found
        if outbound.family in (socket.AF_UNSPEC, family)
    ]
    allowed = [target for target in targets if outbound.may_reach(host, port, target.address)]
    if targets and not allowed:
        raise ForbiddenAddress(host, targets[0].address)
    return _in_turns(list(dict.fromkeys(allowed)))


def _look_up(host: str, port: int, family: int) -> Future[list[Any]]:
    """Call the system resolver on its own thread: it may block for half a minute and cannot be cancelled."""
    future: Future[list[Any]] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            future.set_exception(error)

    threading.Thread(target=run, name="syncqueue-look-up", daemon=True).start()
    return future


def _in_turns(targets: Sequence[Target]) -> list[Target]:
    first = [target for target in targets if target.family == socket.AF_INET6]
    second = [target for target in targets if target.family != socket.AF_INET6]
    return [target for target in chain.from_iterable(zip_longest(first, second)) if target is not None]


async def _open(target: Target) -> socket.socket:
    connection = socket.socket(target.family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, target.socket_address)
    except BaseException:  # cancellation must close the socket too
        connection.close()
        raise
    return connection


async def _close(connection: socket.socket) -> None:
    connection.close()


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and every exception that it wraps: causes, contexts, reasons, exceptions in `args`.

    Suppressed contexts count, because httpcore raises the exceptions of a connection `from None`. A `HandlerError`
    among them is about an earlier request. Do not raise the exception of an earlier request while a later one is
    handled: Python would make the later one its context.
    """
    seen: set[int] = set()
    left: list[Any] = [error]
    while left:
        current = left.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen and not isinstance(current, HandlerError):
            seen.add(id(current))
            yield current
            left += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]


def is_unsent(error: BaseException) -> bool:
    """Return whether the connection was never established, so nothing was sent; for connections of this module."""
    return any(isinstance(one, CannotConnect) for one in causes(error))


def find_forbidden(error: BaseException) -> ForbiddenAddress | None:
    """Return the `ForbiddenAddress` that a library's exception wraps, if any."""
    return next((one for one in causes(error) if isinstance(one, ForbiddenAddress)), None)

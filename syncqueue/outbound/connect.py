"""The one way out: how handlers connect. IPv4 and IPv6 race, and where users name hosts only public ones are reached.

A name is resolved once, its addresses are judged, and the connection goes to exactly those; so a name that answers
differently the second time gains nothing. Adapters for client libraries: urllib3_pool.py, requests_adapter.py,
httpx_transport.py.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, TypeVar

from syncqueue.outbound.addresses import is_public, normal
from syncqueue.outbound.happy_eyeballs import race

T = TypeVar("T")

CONNECT_TIMEOUT_SECONDS = 5.0  # a healthy route answers within a second


class CannotConnect(OSError):
    """There is no connection, so nothing was sent."""


class ForbiddenAddress(CannotConnect):
    """The host is not on the open internet, and the settings do not allow it either."""

    def __init__(self, host: str, address: str) -> None:
        """`address`: what the host's name stands for."""
        super().__init__(
            f"{host} is {address}, which is not a public address. If it may be reached, add {host!r} to "
            "SYNCQUEUE['ALLOWED_PRIVATE_HOSTS']."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One address of a host."""

    family: int
    address: str
    socket_address: tuple[Any, ...]  # what a socket's connect() takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """How one handler may connect."""

    force_ipv4: bool = False
    public_only: bool = False  # for hosts that users name: nothing but the open internet
    allowed_private_hosts: tuple[str, ...] = ()  # that public_only does not bind: names, addresses, or "host:port"
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS  # for the name and all its addresses together

    @property
    def family(self) -> socket.AddressFamily:
        """What addresses to ask for."""
        return socket.AF_INET if self.force_ipv4 else socket.AF_UNSPEC

    def is_allowed_private(self, host: str, port: int) -> bool:
        """Whether the settings name the host: it may be private, and be spoken to without TLS."""
        name = normal(host)
        wanted = {name, f"{name}:{port}", f"[{name}]:{port}"}
        return any(entry.strip().lower() in wanted or normal(entry) in wanted for entry in self.allowed_private_hosts)

    def may_reach(self, host: str, port: int, address: str) -> bool:
        """Whether `address`, which `host` stands for, may be connected to."""
        return not self.public_only or is_public(address) or self.is_allowed_private(host, port)


def connect(host: str, port: int, outbound: Outbound) -> socket.socket:
    """A connected, blocking socket, in `connect_timeout_seconds` at most; raises `CannotConnect`.

    It blocks, so it has no place on the thread of an event loop.
    """
    # The race is written once, for event loops; this one lives as long as the race.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(connect_async(host, port, outbound))
    finally:
        loop.close()


async def connect_async(host: str, port: int, outbound: Outbound) -> socket.socket:
    """The same on an event loop."""
    connection = await first_to_connect(host, port, outbound, _open, _close)
    try:
        check_peer(host, port, connection.getpeername()[0], outbound)
    except OSError:
        connection.close()
        raise
    connection.setblocking(True)
    return connection


def check_peer(host: str, port: int, address: str, outbound: Outbound) -> None:
    """Judge what was really connected to; raises `ForbiddenAddress`."""
    if not outbound.may_reach(host, port, address):
        raise ForbiddenAddress(host, address)


async def first_to_connect(
    host: str,
    port: int,
    outbound: Outbound,
    open_one: Callable[[Target], Awaitable[T]],
    close_one: Callable[[T], Awaitable[None]],
) -> T:
    """What `open_one` answers for the first address it succeeds with; `close_one` is given what came too late.

    Takes `connect_timeout_seconds` at most; raises `CannotConnect`, with the reason as its cause.
    """
    try:
        async with asyncio.timeout(outbound.connect_timeout_seconds):
            return await race(await targets_of(host, port, outbound), open_one, close_one)
    except ForbiddenAddress:
        raise
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError; a name can be too odd to look up
        raise CannotConnect(f"{host}:{port} cannot be connected to: {error or type(error).__name__}") from error


async def targets_of(host: str, port: int, outbound: Outbound) -> list[Target]:
    """The addresses of a host that may be tried, IPv6 first and in turns; raises `OSError`, `UnicodeError`."""
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
    """Ask the system's resolver, on a thread of its own: it may hang for half a minute and cannot be stopped."""
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
    except BaseException:  # a cancelled one must not stay open either
        connection.close()
        raise
    return connection


async def _close(connection: socket.socket) -> None:
    connection.close()


def causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that led to it, as libraries wrap it: causes, contexts, reasons, errors as arguments."""
    seen: set[int] = set()
    left: list[Any] = [error]
    while left:
        current = left.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            left += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]


def is_unsent(error: BaseException) -> bool:
    """Whether the connection was never made, so that nothing can have been sent; for connections made here."""
    return any(isinstance(one, CannotConnect) for one in causes(error))


def find_forbidden(error: BaseException) -> ForbiddenAddress | None:
    """The refusal behind what a library raised, if it was one."""
    return next((one for one in causes(error) if isinstance(one, ForbiddenAddress)), None)

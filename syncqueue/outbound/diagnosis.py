"""Explains why a host cannot be reached, by address family and address: the text of every `Unreachable`."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from syncqueue.outbound.addresses import is_public
from syncqueue.outbound.connect import Outbound

TIMEOUT_SECONDS = 2.0  # a diagnosis may use this much of an attempt
ADDRESS_COUNT = 4  # hosts behind large load balancers have dozens; the first few are enough
_FAMILY_NAMES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}

# What getaddrinfo returns for one address: its family and the argument of connect().
_Address = tuple[socket.AddressFamily, tuple[Any, ...]]


async def explain_unreachable(
    host: str,
    port: int,
    error: BaseException,
    *,
    outbound: Outbound | None = None,
    timeout_seconds: float | None = None,
) -> str:
    """Return one sentence on why connecting to `host` failed; each address is tried once more, all in parallel.

    `error` is what the failed attempt raised. `outbound` has the rules of its connections: an address that they
    forbid is named but not tried. Takes at most twice `timeout_seconds`; the default is at most the connect timeout,
    so that the diagnosis fits into a short attempt. The sentence contains host, addresses and system errors, but never
    a URL.
    """
    outbound = outbound or Outbound()
    if timeout_seconds is None:
        timeout_seconds = min(TIMEOUT_SECONDS, outbound.connect_timeout_seconds)
    endpoint = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout_seconds):
            addresses = await _resolve(host, port, outbound.family)
    except TimeoutError:
        return f"{endpoint} cannot be reached: its name was not resolved within {timeout_seconds:g} s."
    except (OSError, UnicodeError) as failure:
        return f"{endpoint} cannot be reached: its name cannot be resolved ({_words(failure)})."
    found = await asyncio.gather(
        *(
            _try(address, timeout_seconds) if outbound.may_reach(host, port, address[1][0]) else _leave(address)
            for address in addresses
        )
    )
    parts = [f"{_name(address, outbound)}: {result or 'reachable now'}" for address, result in found]
    if not all(result for _, result in found):
        # An address is reachable, so the cause is another one: a bad certificate, or a problem that is over.
        parts.append(f"during the attempt: {_first_words(error)}")
    return f"{endpoint} cannot be reached: {'; '.join(parts)}."


async def _resolve(host: str, port: int, family: int) -> list[_Address]:
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    by_family: dict[int, list[_Address]] = {}
    for found, _, _, _, address in answers:
        by_family.setdefault(found, []).append((found, address))
    # Each family gets its share: eight IPv6 addresses of a host must not hide a problem with IPv4.
    share = max(ADDRESS_COUNT // max(len(by_family), 1), 1)
    return [address for addresses in by_family.values() for address in dict.fromkeys(addresses[:share])]


async def _try(address: _Address, timeout_seconds: float) -> tuple[_Address, str]:
    """Connect once; return the address and the problem, or "" if it worked."""
    family, target = address
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            async with asyncio.timeout(timeout_seconds):
                await asyncio.get_running_loop().sock_connect(connection, target)
    except TimeoutError:
        return address, f"no answer within {timeout_seconds:g} s"
    except OSError as failure:
        return address, _words(failure)
    return address, ""


async def _leave(address: _Address) -> tuple[_Address, str]:
    return address, "not tried because it is not a public address"


def _name(address: _Address, outbound: Outbound) -> str:
    family, target = address
    name = str(_FAMILY_NAMES.get(family, family.name))
    # Users name the host and read this: they must not learn the addresses of the internal network.
    return name if outbound.public_only and not is_public(target[0]) else f"{name} {target[0]}"


def _words(error: BaseException) -> str:
    """Return the system's message for an error, without numbers and class names."""
    match error:
        case ssl.SSLError():
            return f"TLS failed ({getattr(error, 'verify_message', '') or getattr(error, 'reason', '') or error})"
        case socket.gaierror():
            return str(error.strerror)
        case OSError() if error.errno:
            return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def _first_words(error: BaseException) -> str:
    """Return the message of the innermost exception that `error` wraps."""
    causes = list(_causes(error))
    innermost = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), causes[-1])
    return "timed out" if isinstance(innermost, TimeoutError | asyncio.CancelledError) else _words(innermost)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and its causes, the outermost first; of an exception group its first member."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            current = current.exceptions[0]
        else:
            current = current.__cause__ or current.__context__

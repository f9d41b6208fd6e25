"""Tries each address of a host and measures its time: for the `doctor` command's report on IPv4 and IPv6."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from syncqueue.outbound.connect import Outbound, Target, targets_of

TIMEOUT_SECONDS = 3.0  # a healthy route responds within a second
ADDRESSES = 4  # per family: hosts behind large load balancers have dozens


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The result of trying one address of a host."""

    family: str  # "IPv4" or "IPv6"
    address: str
    seconds: float
    problem: str = ""  # empty: it can be reached
    hangs: bool = False  # no response at all, which delays every new connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The result of trying all addresses of a host."""

    resolved_seconds: float
    ways: Sequence[Way] = ()
    problem: str = ""  # why there is no address

    def of(self, family: str) -> list[Way]:
        """Return the results of one address family."""
        return [way for way in self.ways if way.family == family]


async def try_ways(host: str, port: int, outbound: Outbound, timeout_seconds: float = TIMEOUT_SECONDS) -> Reach:
    """Resolve a host and connect to all its addresses in parallel; problems are returned, not raised."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(timeout_seconds):
            targets = await targets_of(host, port, outbound)
    except TimeoutError:
        return Reach(resolved_seconds=timeout_seconds, problem=f"not resolved within {timeout_seconds:g} s")
    except (OSError, UnicodeError) as error:
        return Reach(resolved_seconds=time.monotonic() - began, problem=_words(error))
    resolved = time.monotonic() - began
    chosen = [
        target
        for family in (socket.AF_INET6, socket.AF_INET)
        for target in [one for one in targets if one.family == family][:ADDRESSES]
    ]
    return Reach(
        resolved_seconds=resolved,
        ways=await asyncio.gather(*(_try(target, timeout_seconds) for target in chosen)),
    )


async def _try(target: Target, timeout_seconds: float) -> Way:
    family = "IPv6" if target.family == socket.AF_INET6 else "IPv4"
    began = time.monotonic()
    problem, hangs = "", False
    try:
        with socket.socket(target.family, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            async with asyncio.timeout(timeout_seconds):
                await asyncio.get_running_loop().sock_connect(connection, target.socket_address)
    except TimeoutError:
        problem, hangs = f"no answer within {timeout_seconds:g} s", True
    except OSError as error:
        problem = _words(error)
    seconds = time.monotonic() - began
    return Way(family=family, address=target.address, seconds=seconds, problem=problem, hangs=hangs)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno).lower()
    return getattr(error, "strerror", None) or str(error)

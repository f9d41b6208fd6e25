"""Starts several attempts one after the other and takes the first that succeeds (Happy Eyeballs, RFC 8305)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

STAGGER_SECONDS = 0.25  # RFC 8305, section 5: a healthy first address is nearly always faster


async def race(
    targets: Sequence[S],
    open_one: Callable[[S], Awaitable[T]],
    close_one: Callable[[T], Awaitable[None]],
) -> T:
    """Return the result of `open_one` for the first target that succeeds; `close_one` closes the losers.

    The next target is started after a failure, or after STAGGER_SECONDS without a result. Raises the first failure.
    """
    waiting, running, failures = list(targets), set[asyncio.Future[T]](), list[BaseException]()
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(open_one(waiting.pop(0))))
            done, _ = await asyncio.wait(
                running, timeout=STAGGER_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for one in done:
                if one.exception() is None:
                    running.remove(one)
                    return one.result()
                running.remove(one)
                failures.append(one.exception() or OSError())
        raise failures[0] if failures else OSError("it has no address of the allowed family")
    finally:
        await _call_off(running, close_one)


async def _call_off(running: set[asyncio.Future[T]], close_one: Callable[[T], Awaitable[None]]) -> None:
    for one in running:
        one.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(result, BaseException):
            await close_one(result)

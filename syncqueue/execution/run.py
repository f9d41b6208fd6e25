"""A run: claimed tasks of one service that are attempted at the same time, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncqueue.core.task import ClaimedTask


def _nobody(_: ClaimedTask) -> None:
    """Where nobody waits for the end of an attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the executor is given; each attempt of the run refers to it."""

    service: str
    claimed: Sequence[ClaimedTask]
    holds_active: bool  # a hold or an endpoint failure is set: ask for admission before sending
    leased: bool = True  # False: Redis is away, and knows nothing of these attempts
    seats: int | None = None  # how many attempts a worker makes at one time, to be shared; None: nobody is held to that
    small_only: bool = False  # in a web process: what takes more work is left to a worker
    on_end: Callable[[ClaimedTask], None] = _nobody  # called as each attempt ends, however it ends

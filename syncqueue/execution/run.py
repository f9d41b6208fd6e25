"""A run: claimed tasks of one service that are attempted together, and their common properties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncqueue.core.task import ClaimedTask


def _nobody(_: ClaimedTask) -> None:
    """The default of `Run.on_end`: does nothing."""


def _nothing() -> None:
    """The default of `Run.on_begin`: does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The input of the executor; each attempt of the run refers to it."""

    service: str
    claimed: Sequence[ClaimedTask]
    holds_active: bool  # a hold or an endpoint failure is set: ask for admission before sending
    leased: bool = True  # False: Redis is unavailable and does not know these attempts
    seats: int | None = None  # the worker's concurrent attempts, which owners share; None: shares do not apply
    small_only: bool = False  # in a web process: larger work is left to a worker
    on_begin: Callable[[], None] = _nothing  # called when the records were read, and the attempts begin
    on_end: Callable[[ClaimedTask], None] = _nobody  # called as each attempt ends, however it ends

"""The card of one service on the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from syncqueue.admin.charts import Chart
from syncqueue.admin.operations import OPERATIONS, Figures, Operation
from syncqueue.core.hold import BREAKER
from syncqueue.core.task import QueueStats
from syncqueue.queue.inspect import HoldView


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The data of one card."""

    service: str
    figures: Figures | None = None  # None: the queue cannot be read
    holds: Sequence[HoldView] = ()
    destination_names: Mapping[int, str] = field(default_factory=dict)  # of held destinations, by primary key
    worker_count: int = 0
    problem: str = ""
    chart: Chart | None = None
    rate: float = 0.0  # processed tasks per minute
    outages: Sequence[str] = ()
    attempt_time: str = ""  # percentiles as text; "": nothing has been counted
    waiting_time: str = ""

    @property
    def stats(self) -> QueueStats | None:
        """The figures of the queue."""
        return self.figures.stats if self.figures else None

    @property
    def operations(self) -> list[tuple[str, Operation]]:
        """The operations that would have an effect now, by their names in URLs."""
        figures = self.figures
        return [] if figures is None else [item for item in OPERATIONS.items() if item[1].is_useful(figures)]

    @property
    def is_away(self) -> bool:
        """Whether an endpoint of the service cannot be reached."""
        return any(hold.kind == BREAKER and not hold.lifted for hold in self.holds)

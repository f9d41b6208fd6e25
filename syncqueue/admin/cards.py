"""What the dashboard shows of one service."""

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
    """What the dashboard shows of one service."""

    service: str
    figures: Figures | None = None  # None: the queue could not be asked
    holds: Sequence[HoldView] = ()
    destination_names: Mapping[int, str] = field(default_factory=dict)  # of those that holds are about, by key
    worker_count: int = 0
    problem: str = ""
    chart: Chart | None = None
    rate: float = 0.0  # processed a minute
    outages: Sequence[str] = ()
    attempt_time: str = ""  # percentiles in words; "" where nothing has been counted
    waiting_time: str = ""

    @property
    def stats(self) -> QueueStats | None:
        """The queue's own figures."""
        return self.figures.stats if self.figures else None

    @property
    def operations(self) -> list[tuple[str, Operation]]:
        """The operations that would do something now, with their names in URLs."""
        figures = self.figures
        return [] if figures is None else [item for item in OPERATIONS.items() if item[1].is_useful(figures)]

    @property
    def is_away(self) -> bool:
        """Whether an endpoint of the service cannot be reached."""
        return any(hold.kind == BREAKER and not hold.lifted for hold in self.holds)

"""The promises of each handler: a line for each promise, from the reports of its cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from syncqueue.testing.conformance.promise import Promise

PROPERTY = "syncqueue promise"
HEAD = "what {name} promises"


@dataclass(slots=True)
class Line:
    """One promise of one service."""

    text: str
    mend: str
    lacking: str
    passed_count: int = 0
    failed: list[str] = field(default_factory=list)  # names of cases

    def shown(self) -> Iterator[str]:
        """Yield the promise as text."""
        if self.failed:
            yield f"  failed  {self.text}"
            yield f"          {len(self.failed)} of {len(self.failed) + self.passed_count} cases. {self.mend}"
        elif self.lacking:
            # The skipped cases show the text before it.
            yield f"  no      {self.text} ({self.lacking.rpartition(' (')[2]}"
        elif self.passed_count:
            yield f"  yes     {self.text}"


def note(item: pytest.Item) -> None:
    """Store the item's promise in its reports; mark the item as skipped if the service does not support it."""
    service, promise = _service_of(item), promise_of(item)
    if service is None or promise is None:
        return
    lacking = promise.lacking(service)
    if lacking:
        item.add_marker(pytest.mark.skip(reason=lacking))
    elif promise.is_moot(service):
        item.add_marker(pytest.mark.skip(reason=f"{service.name} does more than that: {promise.text}"))
        return
    # A list of texts, because reports are sent between processes.
    item.user_properties.append(
        (PROPERTY, [service.__name__, str(promise.number), promise.text, promise.mend, lacking])
    )


def promise_of(item: pytest.Item) -> Promise | None:
    """Return the promise of a case; None: it is not a case of the suite."""
    found = getattr(getattr(item, "function", None), "promise", None)
    return found if isinstance(found, Promise) else None


def _service_of(item: pytest.Item) -> Any:
    found = getattr(item, "cls", None)
    return getattr(found, "service", None)


def say_what_to_mend(item: pytest.Item, report: pytest.TestReport) -> None:
    """Add to a failed case what to mend."""
    promise = promise_of(item)
    if promise is not None and report.failed and report.when == "call":
        report.sections.append(("What to mend", promise.mend))


def lines(reporter: pytest.TerminalReporter) -> Iterator[str]:
    """Yield the tables of all services that were tested."""
    tables: dict[str, dict[int, Line]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in reporter.stats.get(outcome, []):
            _count(tables, report, outcome)
    for name, table in sorted(tables.items()):
        yield ""
        yield HEAD.format(name=name)
        for _, line in sorted(table.items()):
            yield from line.shown()


def _count(tables: dict[str, dict[int, Line]], report: Any, outcome: str) -> None:
    found = dict(getattr(report, "user_properties", ())).get(PROPERTY)
    if found is None:
        return
    name, number, text, mend, lacking = found
    line = tables.setdefault(name, {}).setdefault(int(number), Line(text, mend, lacking))
    if outcome == "passed":
        line.passed_count += 1
    elif outcome in ("failed", "error"):
        line.failed.append(report.nodeid)

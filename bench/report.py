"""The bench's figures as a table, as JSON, and as a chart (SVG, drawn here: no library needed)."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

# system -> scenario -> figures of each run
Runs: TypeAlias = Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]

# Heading, scenario, figure, how it is written.
COLUMNS = (
    ("enqueue/s", "one_by_one", "rate", "{:,.0f}"),
    ("bulk/s", "bulk", "rate", "{:,.0f}"),
    ("bytes/task", "bulk", "bytes", "{:,.0f}"),
    ("drain/s", "drain", "rate", "{:,.0f}"),
    ("drain/s at default concurrency", "drain_default", "rate", "{:,.0f}"),
    ("default concurrency", "drain_default", "default", "text"),
    ("drain/s, 2 workers", "drain_two", "rate", "{:,.0f}"),
    ("20 ms at 100, /s", "io", "rate", "{:,.0f}"),
    ("20 ms at 500, /s", "io_500", "rate", "{:,.0f}"),
    ("20 ms in 100 threads, /s", "threads", "rate", "{:,.0f}"),
    ("pickup p50 ms", "latency", "p50", "{:.2f}"),
    ("pickup p99 ms", "latency", "p99", "{:.2f}"),
    ("idle commands/s", "idle", "commands", "{:.1f}"),
    ("idle CPU %", "idle", "cpu", "{:.2f}"),
    ("RSS MB", "idle", "memory", "MB"),
    ("killed: lost", "kill", "lost", "{:.0f}"),
    ("killed: twice", "kill", "doubled", "{:.0f}"),
)


def median(runs: Sequence[Mapping[str, Any]], figure: str) -> float | None:
    """The median of a figure over runs, or None where none has it."""
    values = [run[figure] for run in runs if run.get(figure) is not None]
    return statistics.median(values) if values else None


def _cell(runs: Sequence[Mapping[str, Any]], figure: str, shape: str) -> str:
    if shape == "text":
        return str(runs[0][figure]) if runs else "-"
    value = median(runs, figure)
    if value is None:
        return "-"
    return f"{value / 1e6:.0f}" if shape == "MB" else shape.format(value)


def table(runs: Runs, versions: Mapping[str, str]) -> str:
    """A Markdown table, a row a figure: there are more figures than systems."""
    names = list(runs)
    lines = ["| | " + " | ".join(f"{name} {versions[name]}" for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    for heading, scenario, figure, shape in COLUMNS:
        cells = [_cell(runs[name].get(scenario, []), figure, shape) for name in names]
        lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def absent(missing: Mapping[str, str]) -> list[str]:
    """A plain sentence for each system that this machine cannot run."""
    return [f"{name}: not here: {reason}." for name, reason in missing.items()]


def miscounts(runs: Runs) -> list[str]:
    """Where a run that nobody disturbed lost a job or did one twice."""
    return [
        f"{name}, {scenario}: {run['lost']} lost, {run['doubled']} twice"
        for name, scenarios in runs.items()
        for scenario, several in scenarios.items()
        if scenario != "kill"
        for run in several
        if run.get("lost") or run.get("doubled")
    ]


def chart(runs: Runs, scenario: str = "drain", figure: str = "rate", title: str = "No-op tasks per second") -> str:
    """Bars, longest first, as SVG."""
    found = {name: median(scenarios.get(scenario, []), figure) or 0.0 for name, scenarios in runs.items()}
    most = max(found.values(), default=0.0) or 1.0
    rows = []
    for at, (name, value) in enumerate(sorted(found.items(), key=lambda one: -one[1])):
        top = 40 + 28 * at
        colour = "#2563eb" if name == "syncqueue" else "#94a3b8"
        rows.append(
            f'<text x="100" y="{top + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="110" y="{top}" width="{max(value / most * 420, 1):.0f}" height="20" fill="{colour}"/>'
            f'<text x="{116 + value / most * 420:.0f}" y="{top + 14}">{value:,.0f}</text>'
        )
    height = 50 + 28 * len(found)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}" '
        'font-family="sans-serif" font-size="13">'
        f'<rect width="640" height="{height}" fill="white"/><text x="20" y="24" font-size="15">{escape(title)}</text>'
        + "".join(rows)
        + "</svg>\n"
    )


def write(
    folder: Path, runs: Runs, versions: Mapping[str, str], missing: Mapping[str, str], about: Mapping[str, Any]
) -> None:
    """All three into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"about": about, "versions": versions, "missing": missing, "runs": runs}
    (folder / "results.json").write_text(json.dumps(content, indent=1) + "\n")
    (folder / "table.md").write_text("\n".join([table(runs, versions), "", *absent(missing)]).strip() + "\n")
    (folder / "drain.svg").write_text(chart(runs))

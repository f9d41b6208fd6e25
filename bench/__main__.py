"""`make bench`: every system through the same jobs on one Valkey, a table, a JSON and a chart.

Several rounds, each with all systems in turn, so that what else the machine does hits all of them alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import report
from bench.floor import floor
from bench.measure import NAMES
from bench.server import valkey
from bench.worker import ROOT

ONCE = ("idle", "kill")  # they take long and vary little
QUICK = ("one_by_one", "bulk", "drain", "drain_default", "drain_two", "io", "io_500", "threads", "latency")
LIMIT_SECONDS = 240.0


def measured(name: str, scenarios: list[str], scale: float, environment: dict[str, str]) -> dict[str, Any]:
    """One round of one system, in a process of its own; empty where it broke, which is said."""
    command = [sys.executable, "-m", "bench.measure", name, *scenarios, "--scale", str(scale)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"  {name}: not done after {LIMIT_SECONDS:.0f} s", file=sys.stderr)
        return {}
    if done.returncode:
        print(f"  {name}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return {}
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _about(lowest: dict[str, float], began: float) -> dict[str, Any]:
    """What a reader must know of the run."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": os.getloadavg()[1],
        "floor": lowest,
        "seconds": round(time.monotonic() - began),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(NAMES), help="systems, with commas between")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of everything: 0.2 is quick, 10 for growth")
    parser.add_argument("--scenarios", default=",".join((*QUICK, *ONCE)), help="with commas between")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "output")
    given = parser.parse_args()
    began = time.monotonic()
    runs: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    versions: dict[str, str] = {}
    missing: dict[str, str] = {}
    with valkey() as port, tempfile.TemporaryDirectory() as folder:
        url = f"redis://127.0.0.1:{port}/0"
        environment = {**os.environ, "BENCH_REDIS": url, "BENCH_FOLDER": folder}
        lowest = floor(url)
        for number in range(given.rounds):
            wanted = [one for one in given.scenarios.split(",") if number == 0 or one not in ONCE]
            for name in [one for one in given.only.split(",") if one not in missing]:
                print(f"round {number + 1}: {name} ({time.monotonic() - began:.0f} s)", file=sys.stderr)
                answer = measured(name, wanted, given.scale, environment)
                if reason := answer.get("missing"):
                    missing[name] = reason
                    continue
                versions[name] = answer.get("version", versions.get(name, "?"))
                for scenario, figures in answer.get("results", {}).items():
                    runs[name][scenario].append(figures)
                # After each, so that a run that is broken off leaves what it has.
                report.write(given.output, runs, versions, missing, _about(lowest, began))
    about = _about(lowest, began)
    report.write(given.output, runs, versions, missing, about)
    print(report.table(runs, versions))
    for line in report.absent(missing):
        print(line)
    print("\nThe floor, redis-py alone: " + ", ".join(f"{name} {value:,.0f}/s" for name, value in lowest.items()))
    print(
        f"{about['at']}, {about['machine']}, Python {about['python']}, load {about['load']:.1f}, {about['seconds']} s"
    )
    for line in report.miscounts(runs) or ["Lost or run twice without a kill: none."]:
        print(line)


if __name__ == "__main__":
    main()

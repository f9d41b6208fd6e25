"""Plays many runs in forked processes, and makes one that fails shorter."""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import re
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.management import call_command

from tests.simulation.plan import OWNERS, Plan, make_plan
from tests.simulation.plants import PLANTS
from tests.simulation.run import run

RUN_SECONDS = 120.0  # of real time: a run that takes longer turns in a circle


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a run."""

    seed: str
    findings: tuple[str, ...]
    digest: str = ""
    virtual_seconds: float = 0.0
    fault_count: int = 0
    call_count: int = 0
    request_count: int = 0
    step_count: int = 0
    trace: tuple[str, ...] = ()


def _play(plan: Plan, plant: str, *, with_trace: bool) -> Result:
    gc.disable()  # the process ends soon
    try:
        if plant:
            PLANTS[plant]()
        outcome = run(plan)
    except BaseException:
        return Result(seed=plan.seed, findings=(f"the simulation broke: {traceback.format_exc()[-3000:]}",))
    return Result(
        seed=plan.seed,
        findings=tuple(outcome.findings),
        digest=outcome.digest,
        virtual_seconds=outcome.virtual_seconds,
        fault_count=outcome.fault_count,
        call_count=outcome.call_count,
        request_count=outcome.request_count,
        step_count=outcome.step_count,
        trace=tuple(outcome.trace) if with_trace else (),
    )


def forked(plan: Plan, plant: str, *, with_trace: bool = False) -> tuple[int, int]:
    """Begin a run in a child; returns its id and the end of a pipe to read its result from."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    code = 1
    try:
        result = _play(plan, plant, with_trace=with_trace)
        with os.fdopen(writing, "wb") as out:
            pickle.dump(result, out)
        code = 0
    finally:
        os._exit(code)  # nothing of the run is taken apart: coroutines of dead processes would wake


def finish(plan: Plan, child: int, reading: int) -> Result:
    """Wait for a run."""
    with os.fdopen(reading, "rb") as source:
        data = source.read()
    os.waitpid(child, 0)
    if not data:
        return Result(seed=plan.seed, findings=("the run has died",))
    result: Result = pickle.loads(data)  # noqa: S301
    return result


def play(plan: Plan, plant: str = "", *, with_trace: bool = False) -> Result:
    """One run."""
    return finish(plan, *forked(plan, plant, with_trace=with_trace))


def play_many(plans: Iterable[Plan], plant: str, jobs: int) -> Iterator[Result]:
    """Runs side by side, in their order."""
    under_way: list[tuple[Plan, int, int]] = []
    for plan in plans:
        if len(under_way) >= jobs:
            yield finish(*under_way.pop(0))
        under_way.append((plan, *forked(plan, plant)))
    for one in under_way:
        yield finish(*one)


def _kinds(findings: Iterable[str]) -> set[str]:
    """What findings say, without times, numbers and names."""
    return {re.sub(r"[\d.]+|'[^']*'", "", finding)[:60] for finding in findings}


def shrink(plan: Plan, plant: str, kinds: set[str]) -> Plan:
    """Leave out whatever step a failing run also finds the same without: halves first, then one by one."""
    numbers = [step.number for step in plan.steps]
    size = max(len(numbers) // 2, 1)
    while size:
        at = 0
        while at < len(numbers):
            fewer = numbers[:at] + numbers[at + size :]
            if kinds & _kinds(play(plan.only(frozenset(fewer)), plant).findings):
                numbers = fewer
            else:
                at += size
        size //= 2
    return plan.only(frozenset(numbers))


def make_tables() -> None:
    """The database of the process that all runs are forked from."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    for key in sorted({owner for owner in OWNERS if owner is not None}):
        User.objects.create(pk=key, username=f"user {key}")


def seeds(first: str, count: int) -> list[str]:
    """A number counts on; any other text is one seed and those with a number behind it."""
    if first.isdecimal():
        return [str(int(first) + number) for number in range(count)]
    return [first, *(f"{first}-{number}" for number in range(1, count))]


def main(given: argparse.Namespace) -> int:
    """Play; returns 0 when nothing was found."""
    make_tables()
    began = time.perf_counter()
    if given.trace or given.only is not None:
        return _show(given)
    plans = [make_plan(seed, given.focus) for seed in seeds(given.seed, given.runs)]
    totals: dict[str, float] = {}
    failed: list[tuple[Plan, Result]] = []
    count = 0
    for plan, result in zip(plans, play_many(plans, given.plant, given.jobs), strict=False):
        count += 1
        for name in ("virtual_seconds", "fault_count", "call_count", "request_count", "step_count"):
            totals[name] = totals.get(name, 0) + getattr(result, name)
        if result.findings:
            print(f"seed {plan.seed}:", *result.findings, sep="\n  ", flush=True)
            failed.append((plan, result))
            if len(failed) >= given.most:
                break
    seconds = time.perf_counter() - began
    print(
        f"{count} runs from seed {given.seed} in {seconds:.0f} s: {totals.get('virtual_seconds', 0) / 3600:.1f} "
        f"virtual hours, {totals.get('fault_count', 0):.0f} faults, {totals.get('call_count', 0):.0f} calls of Redis, "
        f"{totals.get('request_count', 0):.0f} requests to services, {len(failed)} failed"
    )
    if failed and not given.no_shrink:
        _explain(*failed[0], given)
    return 1 if failed else 0


def _explain(plan: Plan, found: Result, given: argparse.Namespace) -> None:
    short = shrink(plan, given.plant, _kinds(found.findings))
    result = play(short, given.plant)
    numbers = ",".join(str(step.number) for step in short.steps)
    print(f"seed {plan.seed} needs {len(short.steps)} of its {len(plan.steps)} steps:")
    print(*(f"  {step}" for step in short.steps), sep="\n")
    print("  and finds then:", *result.findings, sep="\n    ")
    more = "".join(f" --{name} {value!r}" for name, value in (("plant", given.plant), ("focus", given.focus)) if value)
    print(f"  python -m tests.simulation --seed {plan.seed} --only {numbers or 'none'} --trace{more}")


def _show(given: argparse.Namespace) -> int:
    plan = make_plan(given.seed, given.focus)
    if given.only is not None:
        plan = plan.only(frozenset(int(number) for number in given.only.split(",") if number.isdecimal()))
    result = play(plan, given.plant, with_trace=True)
    print(f"{plan.web_count} web processes, {plan.worker_count} workers, services {', '.join(plan.services)}")
    print(*(f"  {dict(one)}" for one in plan.destinations), sep="\n")
    if given.trace:
        print(*result.trace, sep="\n")
    print(f"digest {result.digest}, {result.virtual_seconds:.0f} virtual seconds, {result.step_count} steps")
    print(*result.findings, sep="\n", file=sys.stderr)
    return 1 if result.findings else 0

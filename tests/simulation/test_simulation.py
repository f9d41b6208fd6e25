"""The simulation itself: it is the same each time, finds what was planted, and finds nothing in the system as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.packaging.distributions import CHECKOUT
from tests.simulation.planted import PLANTED

RUNS = 240
# Together with the other tests of this folder within some minutes on two cores.
PARTS = 4


def simulate(*given: str, hash_seed: str = "1") -> subprocess.CompletedProcess[str]:
    """Play runs in a process of their own, whatever this one has imported."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--jobs", "1", *given],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_runs_of_the_system_as_it_is_find_nothing(part: int) -> None:
    count = RUNS // PARTS
    played = simulate("--runs", str(count), "--seed", str(1 + part * count))
    assert played.returncode == 0, played.stdout + played.stderr
    assert f"{count} runs from seed {1 + part * count}" in played.stdout


@pytest.mark.parametrize("seed", ["12", "31"])
def test_the_same_seed_gives_the_same_trace(seed: str) -> None:
    first = simulate("--seed", seed, "--trace", hash_seed="1")
    second = simulate("--seed", seed, "--trace", hash_seed="2")
    assert first.returncode == 0, first.stdout[-3000:] + first.stderr
    assert re.search(r"^digest [0-9a-f]{16}, ", first.stdout, re.M)
    assert first.stdout == second.stdout
    assert first.stdout.count("\n") > 50


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_fault_is_found(plant: str) -> None:
    focus, seed, text = PLANTED[plant]
    played = simulate("--plant", plant, "--focus", focus, "--seed", seed, "--runs", "60", "--no-shrink")
    assert played.returncode == 1, f"not found: {played.stdout}"
    assert re.search(text, played.stdout), played.stdout


def test_a_failing_run_is_made_shorter_and_says_how_to_play_it_again() -> None:
    plant = "a claimed task stays pending"
    played = simulate("--plant", plant, "--seed", "1000", "--runs", "10")
    assert played.returncode == 1
    needed = re.search(r"needs (\d+) of its (\d+) steps", played.stdout)
    assert needed and int(needed[1]) < int(needed[2])
    assert int(needed[1]) <= 2
    again = re.search(r"--seed (\S+) --only (\S+) --trace", played.stdout)
    assert again
    shown = simulate("--seed", again[1], "--only", again[2], "--plant", plant, "--trace")
    assert "in two states" in shown.stderr
    assert "in two states" not in simulate("--seed", again[1], "--only", again[2], "--trace").stderr

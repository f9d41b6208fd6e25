"""The targets of the Makefile: all are listed, together they run every test, and `.ci/run` calls them."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.conftest import FOLDERS_OF_MARK
from tests.packaging.distributions import CHECKOUT

MAKEFILE = (CHECKOUT / "Makefile").read_text()
TARGETS = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.M)[1].split()  # type: ignore[index]
CI = (CHECKOUT / ".ci/run").read_text()


def test_make_lists_every_target_with_what_it_does() -> None:
    # Below `make test` it would print the directories that it enters.
    said = subprocess.run(
        ["make", "--no-print-directory"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout

    assert {line.split()[1] for line in said.splitlines()} == set(TARGETS)


@pytest.mark.parametrize("mark", FOLDERS_OF_MARK)
def test_what_make_test_leaves_out_has_a_target_of_its_own(mark: str) -> None:
    assert f"not {mark}" in MAKEFILE
    assert f"\t$(PYTEST) -m {mark} {' '.join(FOLDERS_OF_MARK[mark])} $(ARGS)\n" in MAKEFILE


def test_ci_runs_every_target_that_tests() -> None:
    wanted = ["test", *(name for name in TARGETS if re.match(r"test-|pytest-(?!fit|odd)", name)), "docs", "demo-check"]
    called = re.findall(r"^ *(?:step|if_time) make (?:\S+ )?([a-z-]+)(?: ARGS=.+)?$", CI, re.M)

    assert [name for name in wanted if name not in called] == []


@pytest.mark.parametrize("code", [0, 3])
def test_a_step_of_ci_says_how_long_it_took_and_keeps_its_exit_code(code: int) -> None:
    step = re.search(r"^step\(\) \{\n.*?^\}\n", CI, re.M | re.S)
    assert step
    script = f"set -euo pipefail\n{step[0]}\nstep bash -c 'echo 5 passed; exit {code}'\necho next"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == code
    assert "5 passed" in done.stdout
    assert re.search(rf"^== \d+ s, exit code {code}: bash", done.stdout, re.M)
    assert ("next" in done.stdout) == (code == 0)

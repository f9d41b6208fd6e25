"""Wheel and sdist of this checkout, and empty environments that they are installed into, as fixtures.

`from tests.packaging.distributions import *` in a conftest. What a wheel needs comes from where pip is told to look.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["CHECKOUT", "Distributions", "distributions", "pip_environment", "python3_folder", "run"]

CHECKOUT = Path(__file__).resolve().parents[2]
# A busy machine that fetches all packages anew.
PATIENCE_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributions:
    """What `python -m build` makes."""

    folder: Path
    wheel: Path
    sdist: Path


def run(*command: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> str:
    """What a command prints; an `AssertionError` with all of it where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Built from the checkout: the sdist, and the wheel from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, CHECKOUT, cwd=folder)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Distributions(folder=folder, wheel=wheel, sdist=sdist)


@pytest.fixture(scope="session")
def python3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH with a `python3` that knows nothing of the tests' own packages."""
    folder = tmp_path_factory.mktemp("path")
    (folder / "python3").symlink_to(getattr(sys, "_base_executable", sys.executable))
    return folder


def pip_environment(distributions: Distributions, python3_folder: Path) -> dict[str, str]:
    """Variables of a process that installs the wheel with the pinned versions, and of nothing from the tests."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name in ("HOME", "LANG")}
    return kept | {
        "PATH": f"{python3_folder}:/usr/local/bin:/usr/bin:/bin",
        "PIP_FIND_LINKS": str(distributions.folder),
        "PIP_CONSTRAINT": str(CHECKOUT / "constraints.txt"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_COMPILE": "1",
        "PIP_QUIET": "1",
    }

"""The committed pages of docs/reference/ are those that the code generates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.packaging.distributions import CHECKOUT

REFERENCE = CHECKOUT / "docs/reference"


def read(folder: Path) -> dict[str, str]:
    """Return the text of each page by file name."""
    return {page.name: page.read_text(encoding="utf-8") for page in sorted(folder.glob("*.md"))}


def test_the_committed_reference_is_what_the_code_generates(tmp_path: Path) -> None:
    command = [sys.executable, CHECKOUT / "docs/generate.py", tmp_path]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, timeout=120)

    generated = read(tmp_path)
    outdated = [name for name in generated if read(REFERENCE).get(name) != generated[name]]

    assert len(generated) == 7
    assert outdated == [], "run `make reference` and commit docs/reference"

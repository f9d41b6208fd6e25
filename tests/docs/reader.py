"""Follows a page in an empty folder, and keeps the terminals open until the test has finished."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.docs.pages import END, printed, script

PATIENCE_SECONDS = 600
CLOSING_SECONDS = 60


@contextmanager
def reading(
    page: Path, *, folder: Path, yours: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[dict[int, str]]:
    """Yield the output of each block; raises `AssertionError` with all output if a block fails."""
    process = subprocess.Popen(
        ["/bin/bash", "-c", script(page, yours)],
        cwd=folder,
        env=dict(environment),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = threading.Timer(PATIENCE_SECONDS, process.kill)
    deadline.start()
    try:
        yield printed(_output(process))
    finally:
        deadline.cancel()
        process.communicate(timeout=CLOSING_SECONDS)


def _output(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        if line.strip() == END:
            return "".join(lines)
        lines.append(line)
    raise AssertionError(f"A command failed:\n{''.join(lines)}")

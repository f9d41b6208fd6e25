"""The sandbox as a fixture: one process for a test run, empty and up for each test.

Import the fixtures into a conftest: `from tests.sandbox import sandbox, sandbox_process`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from project.sandbox.testing import RunningSandbox, running_sandbox

__all__ = ["sandbox", "sandbox_process"]


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[RunningSandbox]:
    """The process, as the last test has left it."""
    with running_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> RunningSandbox:
    """The sandbox, empty and up, and no proxy on the way to it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    sandbox_process.reset()
    return sandbox_process

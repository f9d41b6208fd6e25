"""The sandbox as a fixture: one process for a test run, empty and up for each test.

Import the fixtures into a conftest: `from tests.sandbox import sandbox, sandbox_process`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from project.sandbox.testing import RunningSandbox, running_sandbox
from tests.bluesky_server.running import running_bluesky_server

# The folder with the packages of Bluesky's reference server; set by `make pytest-bluesky` alone.
PACKAGES = os.environ.get("TEST_BLUESKY_PACKAGES", "")

__all__ = ["sandbox", "sandbox_process"]


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[RunningSandbox]:
    """The process, as the last test has left it."""
    with ExitStack() as stack:
        options = []
        if PACKAGES:  # its stand-in hands all requests on to the reference server
            url = stack.enter_context(running_bluesky_server(os.environ["TEST_BLUESKY_NODE"], Path(PACKAGES)))
            options = ["--bluesky-upstream", url]
        yield stack.enter_context(running_sandbox(options))


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> RunningSandbox:
    """The sandbox, empty and up, and no proxy on the way to it."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    sandbox_process.reset()
    return sandbox_process

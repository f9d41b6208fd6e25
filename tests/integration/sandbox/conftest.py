"""One sandbox process for a test run; every test finds it empty and up."""

from collections.abc import Iterator

import pytest

from project.sandbox.testing import RunningSandbox, running_sandbox


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[RunningSandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox) -> RunningSandbox:
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture(autouse=True)
def waits_as_timedeltas(monkeypatch: pytest.MonkeyPatch) -> None:
    """`RetryAfter.retry_after` in the library's coming form; the old one warns."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")

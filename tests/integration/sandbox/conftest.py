"""Every test finds the sandbox empty and up."""

import pytest


@pytest.fixture(autouse=True)
def waits_as_timedeltas(monkeypatch: pytest.MonkeyPatch) -> None:
    """`RetryAfter.retry_after` in the library's coming form; the old one warns."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")

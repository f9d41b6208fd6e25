"""The models of tests/fitapp with a channel that takes them all. Runs under settings of its own: `make pytest-fit`."""

from __future__ import annotations

import os

import pytest

from tests.integration.sync.conftest import channel, own_site
from tests.integration.sync.scene import configure

__all__ = ["channel", "own_site", "patient"]

# With other settings there are no such models; nothing of this folder is imported then.
if os.environ.get("DJANGO_SETTINGS_MODULE") != "tests.fitapp.settings":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def patient(own_site: None) -> None:
    """A save waits until its attempt is over, also on a busy machine."""
    configure("IMMEDIATE", TIMEOUT_SECONDS=60)
